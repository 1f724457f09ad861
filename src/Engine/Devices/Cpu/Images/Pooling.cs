using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Devices.Cpu;

/// <summary>Max and average pooling of planes, and their gradients. A phase's indices are planes.</summary>
internal static unsafe class Pooling
{
    /// <summary>Returns the bytes of workspace for this many threads; <see cref="MaxGrad"/> needs none.</summary>
    internal static long WorkspaceBytes<T>(in PoolShape s, int workers)
        where T : unmanaged => workers * PoolMemory<T>.Bytes(s);

    /// <summary>
    /// The maximum of each window and, in <paramref name="argmax"/>, its index in its plane (row times W plus column):
    /// the first one if there are several. NaN counts as the largest. An empty window gives negative infinity and -1.
    /// </summary>
    internal static Phase[] Max<T>(PoolShape s, T* x, T* y, int* argmax, byte* workspace)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Planes(s, (start, end, worker) =>
        {
            var job = new MaxJob<T> { Shape = s, Memory = PoolMemory<T>.Of(s, workspace, worker) };
            job.X = x;
            job.Y = y;
            job.Argmax = argmax;
            (job.Start, job.End) = (start, end);
            Simd.Dispatch<T, MaxJob<T>>(ref job);
        });

    /// <summary>The gradient of <see cref="Max"/>: each element of dy is added at its argmax.</summary>
    internal static Phase[] MaxGrad<T>(PoolShape s, T* dy, int* argmax, T* dx)
        where T : unmanaged, INumber<T> => Planes(s, (start, end, _) =>
        {
            for (int plane = start; plane < end; plane++)
            {
                nint from = (nint)plane * s.Pixels;
                ScatterPlane(s, dy + from, argmax + from, dx + ((nint)plane * s.H * s.W));
            }
        });

    /// <summary>
    /// The mean of each window: of its elements inside the plane or, with <paramref name="countPadding"/>, also of
    /// those in the padding, which are 0.
    /// </summary>
    internal static Phase[] Average<T>(PoolShape s, bool countPadding, T* x, T* y, byte* workspace)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Averages(s, countPadding, x, y, workspace, isGradient: false);

    /// <summary>The gradient of <see cref="Average"/>.</summary>
    internal static Phase[] AverageGrad<T>(PoolShape s, bool countPadding, T* dy, T* dx, byte* workspace)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Averages(s, countPadding, dx, dy, workspace, isGradient: true);

    /// <summary>
    /// Converts the argmax indices of a row of windows to indices in their plane. The indices are integers in lanes of
    /// <typeparamref name="T"/>'s size; they count from the beginning of the first window, and from
    /// <paramref name="stride"/> more for each next one.
    /// </summary>
    internal static void PlaneIndices<T>(T* lanes, int count, int first, int stride, int* argmax)
        where T : unmanaged
    {
        int i = 0;
        if (sizeof(T) == sizeof(int))
        {
            Vector256<int> begins = (Vector256<int>.Indices * stride) + Vector256.Create(first);
            for (; i + Vector256<int>.Count <= count; i += Vector256<int>.Count)
            {
                (Vector256.Load((int*)lanes + i) + begins + Vector256.Create(i * stride)).Store(argmax + i);
            }
        }

        for (; i < count; i++)
        {
            argmax[i] = *(int*)(lanes + i) + first + (i * stride);
        }
    }

    private static Phase[] Averages<T>(
        PoolShape s, bool countPadding, T* images, T* pooled, byte* workspace, bool isGradient)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Planes(s, (start, end, worker) =>
        {
            var job = new AverageJob<T> { Shape = s, Memory = PoolMemory<T>.Of(s, workspace, worker) };
            job.Images = images;
            job.Pooled = pooled;
            (job.CountPadding, job.IsGradient, job.Start, job.End) = (countPadding, isGradient, start, end);
            Simd.Dispatch<T, AverageJob<T>>(ref job);
        });

    private static Phase[] Planes(PoolShape s, RangeBody body) =>
        [new Phase(s.Planes, Math.Max(1, 4096 / Math.Max(s.H * s.W, 1)), body)];

    private static void ScatterPlane<T>(in PoolShape s, T* dy, int* argmax, T* dx)
        where T : unmanaged, INumber<T>
    {
        if (sizeof(T) == sizeof(float) && s.IsPairs)
        {
            ScatterPairs(s, (float*)dy, argmax, (float*)dx);
            return;
        }

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

    /// <summary>
    /// The same for adjacent windows that are two columns wide. Each element is written once, by vectors: the gradient
    /// of its window if it is the maximum, else 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScatterPairs(in PoolShape s, float* dy, int* argmax, float* dx)
    {
        int width = s.OW, count = Vector256<int>.Count;
        for (int oh = 0; oh < s.OH; oh++, dy += width, argmax += width)
        {
            for (int i = 0; i < s.KH; i++)
            {
                int row = ((oh * s.KH) + i) * s.W, ow = 0;
                Vector256<int> left = (Vector256<int>.Indices * 2) + Vector256.Create(row);
                float* to = dx + row;
                for (; ow <= width - count; ow += count, left += Vector256.Create(2 * count), to += 2 * count)
                {
                    Vector256<int> at = Vector256.Load(argmax + ow);
                    Vector256<float> g = Vector256.Load(dy + ow);
                    Vector256<float> even = Vector256.Equals(at, left).AsSingle() & g;
                    Vector256<float> odd = Vector256.Equals(at, left + Vector256<int>.One).AsSingle() & g;
                    Simd256<float>.ZipLow(even, odd).Store(to);
                    Simd256<float>.ZipHigh(even, odd).Store(to + count);
                }

                for (; ow < width; ow++, to += 2)
                {
                    to[0] = argmax[ow] == row + (2 * ow) ? dy[ow] : 0;
                    to[1] = argmax[ow] == row + (2 * ow) + 1 ? dy[ow] : 0;
                }

                if (s.W > 2 * width)
                {
                    dx[row + s.W - 1] = 0;
                }
            }
        }

        int rest = s.OH * s.KH * s.W;
        new Span<float>(dx + rest, (s.H * s.W) - rest).Clear();
    }

    internal struct MaxJob<T> : ISimdJob<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public PoolShape Shape;
        public PoolMemory<T> Memory;
        public T* X, Y;
        public int* Argmax;
        public int Start, End;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            new Span<T>(Memory.Phases, (int)(Memory.Row - Memory.Phases)).Fill(T.NegativeInfinity);
            for (int plane = Start; plane < End; plane++)
            {
                nint to = (nint)plane * Shape.Pixels;
                T* x = X + ((nint)plane * Shape.H * Shape.W);
                PlanePooling<S, V, T>.Max(Shape, Memory, x, Y + to, Argmax + to);
            }
        }
    }

    internal struct AverageJob<T> : ISimdJob<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public PoolShape Shape;
        public PoolMemory<T> Memory;
        public T* Images, Pooled;
        public bool CountPadding, IsGradient;
        public int Start, End;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            new Span<T>(Memory.Phases, (int)PoolMemory<T>.Bytes(Shape) / sizeof(T)).Clear();
            for (int ow = 0; ow < Shape.OW; ow++)
            {
                Memory.Divisors[ow] = T.CreateTruncating(Shape.ColumnsOfMean(ow, CountPadding));
            }

            for (int plane = Start; plane < End; plane++)
            {
                T* images = Images + ((nint)plane * Shape.H * Shape.W), pooled = Pooled + ((nint)plane * Shape.Pixels);
                if (IsGradient)
                {
                    PlanePooling<S, V, T>.AverageGrad(Shape, Memory, CountPadding, pooled, images);
                }
                else
                {
                    PlanePooling<S, V, T>.Average(Shape, Memory, CountPadding, images, pooled);
                }
            }
        }
    }
}
