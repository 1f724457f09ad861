using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Runs the loops of <see cref="ChannelwisePlanes"/> over rows, with vectors of columns.</summary>
internal readonly unsafe ref struct ChannelwiseKernel<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ChannelwisePlanes _planes;
    private readonly PatchShape _s;
    private readonly T* _x, _w, _y, _rows, _phases, _weights;
    private readonly int* _offsets;
    private readonly double* _totals;

    public ChannelwiseKernel(
        ChannelwisePlanes planes, T* x, T* w, T* y, T* rows, T* phases, T* weights, int* offsets, double* totals)
    {
        _planes = planes;
        _s = planes.S;
        _x = x;
        _w = w;
        _y = y;
        _rows = rows;
        _phases = phases;
        _weights = weights;
        _offsets = offsets;
        _totals = totals;
    }

    /// <summary>Computes the planes, or the filters' gradients, with these indices.</summary>
    public void Run(int start, int end)
    {
        for (int index = start; index < end; index++)
        {
            switch (_planes.Pass)
            {
                case ChannelwisePass.Result:
                    Result(index);
                    break;
                case ChannelwisePass.Images:
                    Images(index);
                    break;
                default:
                    Weights(index);
                    break;
            }
        }
    }

    /// <summary>Convolves a plane of the images, X, with each of its filters, W.</summary>
    private void Result(int plane)
    {
        SplitImage(plane);
        nint rowStep = (nint)_s.Stride1 * _planes.Pitch, planeStep = (nint)_s.Stride0 * _planes.Rows1 * _planes.Pitch;
        for (int multiple = 0; multiple < _planes.Multiples; multiple++)
        {
            long filter = ((long)plane * _planes.Multiples) + multiple;
            T* y = _y + (filter * _planes.Area);
            LoadFilter((int)(filter % _planes.Filters));
            for (int over0 = 0; over0 < _s.Over0; over0++, y += _s.Over1 * _s.Over2)
            {
                Convolve(0, _rows + (over0 * planeStep), rowStep, _s.Over1, _s.Over2, y, _s.Over2, adds: false);
            }
        }
    }

    /// <summary>
    /// Computes the gradient of a plane of the images, Y, from the gradients of the results of all its filters, X.
    /// </summary>
    private void Images(int plane)
    {
        T* y = _y + ((long)plane * _planes.Pixels);
        if (_s.Stride2 > 1)
        {
            new Span<T>(y, _planes.Pixels).Clear();
        }

        for (int multiple = 0; multiple < _planes.Multiples; multiple++)
        {
            long filter = ((long)plane * _planes.Multiples) + multiple;
            LoadGradient(filter);
            LoadFilter((int)(filter % _planes.Filters));
            for (int at0 = 0; at0 < _s.Dimension0; at0++)
            {
                (int over0, int phase0) = Math.DivRem(at0 + _s.Pad0, _s.Stride0);
                for (int phase1 = 0; phase1 < _s.Stride1; phase1++)
                {
                    // The first row of this phase, and the part of the gradient that its first tap reads.
                    int at1 = phase1 - (_s.Pad1 % _s.Stride1);
                    at1 += at1 < 0 ? _s.Stride1 : 0;
                    int count = (_s.Dimension1 - at1 + _s.Stride1 - 1) / _s.Stride1,
                        over1 = (at1 + _s.Pad1) / _s.Stride1;
                    T* from = _rows + _planes.Reach2
                        + ((((nint)(over0 + _planes.Reach0) * _planes.Rows1) + over1 + _planes.Reach1) * _planes.Pitch);
                    T* to = y + ((((nint)at0 * _s.Dimension1) + at1) * _s.Dimension2);
                    ImageRows(((phase0 * _s.Stride1) + phase1) * _s.Stride2, from, count, to, multiple > 0);
                }
            }
        }
    }

    /// <summary>Computes the rows of one phase, which are a stride apart.</summary>
    private void ImageRows(int first, T* from, int count, T* to, bool adds)
    {
        nint step = (nint)_s.Stride1 * _s.Dimension2;
        if (_s.Stride2 == 1)
        {
            Convolve(first, from + _s.Pad2, _planes.Pitch, count, _s.Dimension2, to, step, adds);
            return;
        }

        for (int row = 0; row < count; row++, from += _planes.Pitch, to += step)
        {
            for (int phase = 0; phase < _s.Stride2; phase++)
            {
                T* sums = _phases + ((nint)phase * _planes.Columns);
                Convolve(first + phase, from, 0, 1, _planes.Columns, sums, 0, adds: false);
            }

            Strides<S, V, T>.AddJoined(_s.Stride2, _s.Dimension2, _phases, _planes.Columns, _s.Pad2, to);
        }
    }

    /// <summary>
    /// Computes rows of weighted sums over the taps of a class. It sums four vectors at once, so that one load of a
    /// weight serves four, and no sum waits for the previous one. The vectors are of one row, of two or of four,
    /// depending on the width.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Convolve(int of, T* from, nint rowStep, int rows, int n, T* y, nint yStep, bool adds)
    {
        int first = _planes.Classes[of], count = _planes.Classes[of + 1] - first;
        int* offsets = _offsets + first;
        T* weights = _weights + first;
        int together = n > 2 * S.Count ? 1 : n > S.Count ? 2 : 4, row = 0;
        nint d1 = together == 4 ? rowStep : S.Count,
            d2 = together == 1 ? 2 * S.Count : together == 2 ? rowStep : 2 * rowStep, d3 = d1 + d2;
        nint e1 = together == 4 ? yStep : S.Count, e2 = together == 1 ? 2 * S.Count : together == 2 ? yStep : 2 * yStep,
            e3 = e1 + e2;
        for (; row <= rows - together; row += together, from += together * rowStep, y += together * yStep)
        {
            for (int c = 0; c < n; c += 4 * S.Count)
            {
                int left = n - c, left1 = together == 4 ? left : left - S.Count;
                int left2 = together == 1 ? left - (2 * S.Count) : left,
                    left3 = together == 1 ? left - (3 * S.Count) : left1;
                T* to = y + c, at = from + c;
                V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero, a3 = S.Zero;
                if (adds)
                {
                    a0 = LoadRest(to, left);
                    a1 = LoadRest(to + e1, left1);
                    a2 = LoadRest(to + e2, left2);
                    a3 = LoadRest(to + e3, left3);
                }

                for (int tap = 0; tap < count; tap++)
                {
                    T* seen = at + offsets[tap];
                    V weight = S.Splat(weights[tap]);
                    a0 = S.Fma(S.Load(seen), weight, a0);
                    a1 = S.Fma(S.Load(seen + d1), weight, a1);
                    a2 = S.Fma(S.Load(seen + d2), weight, a2);
                    a3 = S.Fma(S.Load(seen + d3), weight, a3);
                }

                Lanes<S, V, T>.StoreUpTo(to, a0, left);
                Lanes<S, V, T>.StoreUpTo(to + e1, a1, left1);
                Lanes<S, V, T>.StoreUpTo(to + e2, a2, left2);
                Lanes<S, V, T>.StoreUpTo(to + e3, a3, left3);
            }
        }

        for (; row < rows; row++, from += rowStep, y += yStep)
        {
            for (int c = 0; c < n; c += S.Count)
            {
                V sum = adds ? Lanes<S, V, T>.LoadUpTo(y + c, n - c) : S.Zero;
                for (int tap = 0; tap < count; tap++)
                {
                    sum = S.Fma(S.Load(from + c + offsets[tap]), S.Splat(weights[tap]), sum);
                }

                Lanes<S, V, T>.StoreUpTo(y + c, sum, n - c);
            }
        }
    }

    /// <summary>
    /// Computes the gradient of a filter, from all images, X, and the gradient of the result, W. Y is the gradient of
    /// the filters.
    /// </summary>
    private void Weights(int filter)
    {
        new Span<double>(_totals, _planes.Taps).Clear();
        int channel = filter / _planes.Multiples;
        for (int image = 0; image < _s.Images; image++)
        {
            SplitImage((image * _s.Channels) + channel);
            T* g = _w + ((((long)image * _planes.Filters) + filter) * _planes.Area);
            for (int tap = 0; tap < _planes.Taps; tap += 3)
            {
                AddProducts(g, tap, Math.Min(3, _planes.Taps - tap));
            }
        }

        for (int tap = 0; tap < _planes.Taps; tap++)
        {
            _y[((long)filter * _planes.Taps) + _planes.Order[tap]] = T.CreateTruncating(_totals[tap]);
        }
    }

    /// <summary>
    /// Adds to the totals of up to three taps the products of their pixels and the result's gradient.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddProducts(T* g, int first, int taps)
    {
        int n = _s.Over2;
        nint zeroth = _offsets[first], second = _offsets[first + (taps > 1 ? 1 : 0)],
            third = _offsets[first + (taps > 2 ? 2 : 0)];
        nint rowStep = (nint)_s.Stride1 * _planes.Pitch, planeStep = (nint)_s.Stride0 * _planes.Rows1 * _planes.Pitch;
        V a0 = S.Zero, a1 = S.Zero, a2 = S.Zero;
        for (int over0 = 0; over0 < _s.Over0; over0++)
        {
            T* row = _rows + (over0 * planeStep);
            for (int over1 = 0; over1 < _s.Over1; over1++, row += rowStep, g += n)
            {
                int c = 0;
                for (; c <= n - S.Count; c += S.Count)
                {
                    V value = S.Load(g + c);
                    a0 = S.Fma(value, S.Load(row + c + zeroth), a0);
                    a1 = S.Fma(value, S.Load(row + c + second), a1);
                    a2 = S.Fma(value, S.Load(row + c + third), a2);
                }

                if (c < n)
                {
                    V value = S.LoadPartial(g + c, n - c);
                    a0 = S.Fma(value, S.LoadPartial(row + c + zeroth, n - c), a0);
                    a1 = S.Fma(value, S.LoadPartial(row + c + second, n - c), a1);
                    a2 = S.Fma(value, S.LoadPartial(row + c + third, n - c), a2);
                }
            }
        }

        _totals[first] += double.CreateTruncating(S.Sum(a0));
        if (taps > 1)
        {
            _totals[first + 1] += double.CreateTruncating(S.Sum(a1));
        }

        if (taps > 2)
        {
            _totals[first + 2] += double.CreateTruncating(S.Sum(a2));
        }
    }

    private void SplitImage(int plane)
    {
        T* from = _x + ((long)plane * _planes.Pixels);
        for (int at0 = 0; at0 < _s.Dimension0; at0++, from += _s.Dimension1 * _s.Dimension2)
        {
            T* to = _rows + ((((nint)(at0 + _s.Pad0) * _planes.Rows1) + _s.Pad1) * _planes.Pitch);
            if (_s.Stride2 == 1)
            {
                ShortRows.Copy(_s.Dimension1, _s.Dimension2, from, _s.Dimension2, to + _s.Pad2, _planes.Pitch);
                continue;
            }

            for (int at1 = 0; at1 < _s.Dimension1; at1++, to += _planes.Pitch)
            {
                Strides<S, V, T>.Split(
                    _s.Stride2, _s.Dimension2, from + ((nint)at1 * _s.Dimension2), to, _planes.Length, _s.Pad2);
            }
        }
    }

    private void LoadGradient(long filter)
    {
        T* from = _x + (filter * _planes.Area);
        for (int over0 = 0; over0 < _s.Over0; over0++, from += _s.Over1 * _s.Over2)
        {
            T* to = _rows + ((((nint)(over0 + _planes.Reach0) * _planes.Rows1) + _planes.Reach1) * _planes.Pitch)
                + _planes.Reach2;
            ShortRows.Copy(_s.Over1, _s.Over2, from, _s.Over2, to, _planes.Pitch);
        }
    }

    private void LoadFilter(int filter)
    {
        T* from = _w + ((long)filter * _planes.Taps);
        int[] order = _planes.Order;
        for (int tap = 0; tap < order.Length; tap++)
        {
            _weights[tap] = from[order[tap]];
        }
    }

    private static V LoadRest(T* from, int count) => count > 0 ? Lanes<S, V, T>.LoadUpTo(from, count) : S.Zero;
}
