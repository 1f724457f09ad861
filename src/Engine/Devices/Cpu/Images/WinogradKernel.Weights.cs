using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>The transforms of filters and, for their gradient, of the gradient of the results.</summary>
internal static unsafe partial class WinogradKernel<F, S, V, T>
{
    /// <summary>
    /// Writes one row of the planes [filter, channel] of transformed filters, from <paramref name="count"/> times nine
    /// weights that lie <paramref name="ld"/> apart; <paramref name="flip"/> rotates them by 180 degrees.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Filters(T* weights, int count, nint ld, bool flip, T* scratch, int width, T* to, nint plane)
    {
        new Span<T>(scratch, 9 * width).Clear();
        Packing.Columns(9, count, weights, ld, scratch, width);
        T* half = scratch + (9 * width);
        nint tap = flip ? -width : width;
        for (int c = 0; c < count; c += S.Count)
        {
            T* from = scratch + (flip ? 8 * width : 0) + c;
            for (int j = 0; j < 3; j++, from += tap)
            {
                V g0 = S.Load(from), g1 = S.Load(from + (3 * tap)), g2 = S.Load(from + (6 * tap));
                F.Filter<S, V, T>(ref g0, ref g1, ref g2, out V u3, out V u4, out V u5);
                Store(half + (j * S.Count), 3 * S.Count, g0, g1, g2, u3, u4, u5);
            }

            T* out0 = to + c;
            for (int i = 0; i < F.Patch; i++, out0 += F.Patch * plane)
            {
                T* row = half + (3 * i * S.Count);
                V g0 = S.Load(row), g1 = S.Load(row + S.Count), g2 = S.Load(row + (2 * S.Count));
                F.Filter<S, V, T>(ref g0, ref g1, ref g2, out V u3, out V u4, out V u5);
                Store(out0, plane, g0, g1, g2, u3, u4, u5);
            }
        }
    }

    /// <summary>The adjoint of <see cref="Filters"/>: nine rows [tap, filter] of a channel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void FilterSums(T* from, nint plane, int count, bool flip, T* scratch, T* to, nint ld)
    {
        for (int o = 0; o < count; o += S.Count)
        {
            T* column = from + o;
            for (int j = 0; j < F.Patch; j++, column += plane)
            {
                Load(column, F.Patch * plane, out V u0, out V u1, out V u2, out V u3, out V u4, out V u5);
                F.FilterAdjoint<S, V, T>(ref u0, ref u1, ref u2, u3, u4, u5);
                T* half = scratch + (j * S.Count);
                S.Store(half, u0);
                S.Store(half + (F.Patch * S.Count), u1);
                S.Store(half + (2 * F.Patch * S.Count), u2);
            }

            nint tap = flip ? -ld : ld;
            T* out0 = to + (flip ? 8 * ld : 0) + o;
            for (int i = 0; i < 3; i++, out0 += 3 * tap)
            {
                T* half = scratch + (i * F.Patch * S.Count);
                Load(half, S.Count, out V u0, out V u1, out V u2, out V u3, out V u4, out V u5);
                F.FilterAdjoint<S, V, T>(ref u0, ref u1, ref u2, u3, u4, u5);
                S.Store(out0, u0);
                S.Store(out0 + tap, u1);
                S.Store(out0 + (2 * tap), u2);
            }
        }
    }

    /// <summary>
    /// Transforms the gradients of a strip, rows of <paramref name="filters"/> elements for its m rows of m·across
    /// pixels, by the adjoint of <see cref="Results"/>: planes [tile, filter]. The lanes are filters here, as a sum
    /// over tiles needs them. The pixels' sums are added to <paramref name="sums"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Gradients(
        T* rows, int across, int count, nint filters, T* scratch, T* to, nint plane, T* sums)
    {
        nint row = F.Tile * across * filters;
        for (int tile = 0; tile < across; tile++, rows += F.Tile * filters, to += filters)
        {
            for (int o = 0; o < count; o += S.Count)
            {
                V sum = S.Zero;
                for (int i = 0; i < F.Tile; i++)
                {
                    T* from = rows + (i * row) + o;
                    V y0 = S.Load(from), y1 = S.Load(from + filters), y2 = S.Zero, y3 = y2;
                    sum = S.Add(sum, S.Add(y0, y1));
                    if (F.Tile > 2)
                    {
                        (y2, y3) = (S.Load(from + (2 * filters)), S.Load(from + (3 * filters)));
                        sum = S.Add(sum, S.Add(y2, y3));
                    }

                    F.OutputAdjoint<S, V, T>(ref y0, ref y1, ref y2, ref y3, out V z4, out V z5);
                    Store(scratch + (i * S.Count), F.Tile * S.Count, y0, y1, y2, y3, z4, z5);
                }

                S.Store(sums + o, S.Add(S.Load(sums + o), sum));

                T* out0 = to + o;
                for (int j = 0; j < F.Patch; j++, out0 += plane)
                {
                    T* from = scratch + (j * F.Tile * S.Count);
                    V y0 = S.Load(from), y1 = S.Load(from + S.Count), y2 = y1, y3 = y1;
                    if (F.Tile > 2)
                    {
                        (y2, y3) = (S.Load(from + (2 * S.Count)), S.Load(from + (3 * S.Count)));
                    }

                    F.OutputAdjoint<S, V, T>(ref y0, ref y1, ref y2, ref y3, out V z4, out V z5);
                    Store(out0, F.Patch * plane, y0, y1, y2, y3, z4, z5);
                }
            }
        }
    }
}
