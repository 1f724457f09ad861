using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>Max and average pooling of planes, and their gradients. A phase's indices are planes.</summary>
internal static unsafe class Pooling
{
    /// <summary>
    /// The greatest element of each window, and in <paramref name="argmax"/> where in its plane it is (row times W plus
    /// column): the first if there are several. NaN counts as the greatest. An empty window gives negative infinity and
    /// -1.
    /// </summary>
    internal static Phase[] Max<T>(PoolShape s, T* x, T* y, int* argmax)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Planes(s, plane =>
        {
            (nint from, nint to) = ((nint)plane * s.H * s.W, (nint)plane * s.Pixels);
            if (typeof(T) == typeof(float) && s.IsTwoByTwo)
            {
                MaxPlane2x2(s, (float*)x + from, (float*)y + to, argmax + to);
            }
            else
            {
                MaxPlane(s, x + from, y + to, argmax + to);
            }
        });

    /// <summary>The gradient of <see cref="Max"/>: each element of dy is added at its argmax.</summary>
    internal static Phase[] MaxGrad<T>(PoolShape s, T* dy, int* argmax, T* dx)
        where T : unmanaged, INumber<T> =>
        Planes(s, plane =>
        {
            nint from = (nint)plane * s.Pixels;
            ScatterPlane(s, dy + from, argmax + from, dx + Plane(s, plane));
        });

    /// <summary>
    /// The mean of each window: of its elements inside the plane or, with <paramref name="countPadding"/>, of those in
    /// the padding too, which are 0.
    /// </summary>
    internal static Phase[] Average<T>(PoolShape s, bool countPadding, T* x, T* y)
        where T : unmanaged, INumber<T> =>
        Planes(s, plane => AveragePlane(s, countPadding, x + Plane(s, plane), y + ((nint)plane * s.Pixels)));

    /// <summary>The gradient of <see cref="Average"/>.</summary>
    internal static Phase[] AverageGrad<T>(PoolShape s, bool countPadding, T* dy, T* dx)
        where T : unmanaged, INumber<T> =>
        Planes(s, plane => AverageGradPlane(s, countPadding, dy + ((nint)plane * s.Pixels), dx + Plane(s, plane)));

    private static nint Plane(in PoolShape s, int plane) => (nint)plane * s.H * s.W;

    private static Phase[] Planes(PoolShape s, Action<int> body) =>
    [
        new Phase(s.Planes, Math.Max(1, 4096 / Math.Max(s.H * s.W, 1)), (start, end, _) =>
        {
            for (int plane = start; plane < end; plane++)
            {
                body(plane);
            }
        }),
    ];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxPlane<T>(in PoolShape s, T* x, T* y, int* argmax)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        (int outH, int outW, int w) = (s.OH, s.OW, s.W);
        for (int oh = 0; oh < outH; oh++)
        {
            (int top, int bottom) = s.Rows(oh);
            for (int ow = 0; ow < outW; ow++)
            {
                (int left, int right) = s.Columns(ow);
                T best = T.NegativeInfinity;
                int at = top < bottom && left < right ? (top * w) + left : -1;
                for (int i = top; i < bottom; i++)
                {
                    for (int j = left; j < right; j++)
                    {
                        T value = x[(i * w) + j];
                        // Not "value > best": NaN wins over a number, and the first NaN over later ones.
                        if (!(value <= best) && !T.IsNaN(best))
                        {
                            (best, at) = (value, (i * w) + j);
                        }
                    }
                }

                *y++ = best;
                *argmax++ = at;
            }
        }
    }

    /// <summary>
    /// Four windows at a time; a row's last four may repeat some, and a short row is one vector in part.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxPlane2x2(in PoolShape s, float* x, float* y, int* argmax)
    {
        (int outH, int outW, int w) = (s.OH, s.OW, s.W);
        Vector128<int> below = Vector128.Create(w), twice = Vector128.Create(0, 2, 4, 6);
        for (int oh = 0; oh < outH; oh++, y += outW, argmax += outW)
        {
            int row = 2 * oh * w;
            if (outW < 4)
            {
                float* top = x + row, bottom = top + w;
                int low = Math.Min(2 * outW, 4), high = (2 * outW) - low;
                (Vector128<float> most, Vector128<int> where) = Max2x2(
                    Simd128<float>.LoadPartial(top, low),
                    Simd128<float>.LoadPartial(top + low, high),
                    Simd128<float>.LoadPartial(bottom, low),
                    Simd128<float>.LoadPartial(bottom + low, high),
                    below);
                where += twice + Vector128.Create(row);
                Simd128<float>.StorePartial(y, most, outW);
                Simd128<int>.StorePartial(argmax, where, outW);

                continue;
            }

            for (int next = 0; next < outW; next += 4)
            {
                int ow = Math.Min(next, outW - 4);
                float* top = x + row + (2 * ow), bottom = top + w;
                (Vector128<float> most, Vector128<int> where) = Max2x2(
                    Vector128.Load(top),
                    Vector128.Load(top + 4),
                    Vector128.Load(bottom),
                    Vector128.Load(bottom + 4),
                    below);
                most.Store(y + ow);
                (where + twice + Vector128.Create(row + (2 * ow))).Store(argmax + ow);
            }
        }
    }

    /// <summary>
    /// The greatest elements of four windows, whose upper rows are a and b and lower rows c and d, and their distances
    /// from the first.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> Most, Vector128<int> Where) Max2x2(
        Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d, Vector128<int> below)
    {
        Vector128<float> best = Even(a, b);
        Vector128<int> at = Vector128<int>.Zero;
        Take(ref best, ref at, Odd(a, b), Vector128<int>.One);
        Take(ref best, ref at, Even(c, d), below);
        Take(ref best, ref at, Odd(c, d), below + Vector128<int>.One);
        return (best, at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(
        ref Vector128<float> best, ref Vector128<int> at, Vector128<float> value, Vector128<int> offset)
    {
        Vector128<float> wins = Vector128.AndNot(
            ~Vector128.LessThanOrEqual(value, best), ~Vector128.Equals(best, best));
        best = Vector128.ConditionalSelect(wins, value, best);
        at = Vector128.ConditionalSelect(wins.AsInt32(), offset, at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Even(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.Shuffle(a, b, 0b10_00_10_00)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipEven(a, b)
        : Vector128.Create(a[0], a[2], b[0], b[2]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Odd(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.Shuffle(a, b, 0b11_01_11_01)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipOdd(a, b)
        : Vector128.Create(a[1], a[3], b[1], b[3]);

    private static void ScatterPlane<T>(in PoolShape s, T* dy, int* argmax, T* dx)
        where T : unmanaged, INumber<T>
    {
        new Span<T>(dx, s.H * s.W).Clear();
        int pixels = s.Pixels;
        for (int i = 0; i < pixels; i++)
        {
            if (argmax[i] >= 0)
            {
                dx[argmax[i]] += dy[i];
            }
        }
    }

    private static void AveragePlane<T>(in PoolShape s, bool countPadding, T* x, T* y)
        where T : unmanaged, INumber<T>
    {
        (int outH, int outW) = (s.OH, s.OW);
        for (int oh = 0; oh < outH; oh++)
        {
            (int top, int bottom) = s.Rows(oh);
            for (int ow = 0; ow < outW; ow++)
            {
                (int left, int right) = s.Columns(ow);
                T sum = T.Zero;
                for (int i = top; i < bottom; i++)
                {
                    for (int j = left; j < right; j++)
                    {
                        sum += x[(i * s.W) + j];
                    }
                }

                *y++ = sum / T.CreateTruncating(s.Divisor(oh, ow, countPadding));
            }
        }
    }

    private static void AverageGradPlane<T>(in PoolShape s, bool countPadding, T* dy, T* dx)
        where T : unmanaged, INumber<T>
    {
        new Span<T>(dx, s.H * s.W).Clear();
        (int outH, int outW) = (s.OH, s.OW);
        for (int oh = 0; oh < outH; oh++)
        {
            (int top, int bottom) = s.Rows(oh);
            for (int ow = 0; ow < outW; ow++)
            {
                (int left, int right) = s.Columns(ow);
                T share = *dy++ / T.CreateTruncating(s.Divisor(oh, ow, countPadding));
                for (int i = top; i < bottom; i++)
                {
                    for (int j = left; j < right; j++)
                    {
                        dx[(i * s.W) + j] += share;
                    }
                }
            }
        }
    }
}
