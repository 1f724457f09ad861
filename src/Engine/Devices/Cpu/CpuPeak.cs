using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Measures the peak of the processor: multiplications and additions in registers, and sums over memory that fits no
/// cache and over memory that does. The best of several tries counts, to exclude other work of the machine.
/// </summary>
internal static unsafe class CpuPeak
{
    private const long Bytes = 128L << 20;

    /// <summary>
    /// The bytes for each thread: less than the L2 cache of today's cores. Small steps may find their data there.
    /// </summary>
    private const long ThreadBytes = 512 << 10, StepBytes = 16 << 20;

    private const int Tries = 8, SustainedTries = 999, Loops = 200_000, Repeats = 64;

    /// <summary>Enough independent sums to keep two multipliers busy with a latency of some four cycles.</summary>
    private const int Sums = 8;

    public static Peak Measure(ThreadTeam team)
    {
        double flops = Flops(team) / Times(team, new Multiply(), Tries).Min();
        float* memory = (float*)NativeMemory.AlignedAlloc((nuint)Bytes, 64);
        try
        {
            NativeMemory.Clear(memory, (nuint)Bytes);
            double bytes = Bytes / Times(team, new Sum { Memory = memory, Bytes = Bytes / team.Size }, Tries).Min();
            double cached = ThreadBytes * Repeats * team.Size
                / Times(team, new Sum { Memory = memory, Bytes = ThreadBytes, Repeats = Repeats }, Tries).Min();
            return new Peak(
                bytes, flops, $"measured now on {team.Size} threads: reading, and multiply-adds in registers")
            {
                CachedBytes = StepBytes,
                CachedBytesPerSecond = Math.Max(cached, bytes),
            };
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    /// <summary>
    /// Returns multiplications and additions a second, of all threads together, for as long as a kernel is timed: the
    /// clock varies with time and with the number of busy threads.
    /// </summary>
    public static double SustainedFlopsPerSecond(ThreadTeam team)
    {
        double[] seconds = [.. Times(team, new Multiply(), SustainedTries).Order()];
        return Flops(team) / seconds[SustainedTries / 2];
    }

    private static double Flops(ThreadTeam team) =>
        2.0 * Loops * Sums * (Simd.Width / sizeof(float)) * team.Size;

    private static double[] Times<TJob>(ThreadTeam team, TJob job, int tries) where TJob : struct, IWork
    {
        double[] seconds = new double[tries];
        for (int i = 0; i < tries; i++)
        {
            // One index for each thread: a thread that took two would be counted as one.
            long start = Stopwatch.GetTimestamp();
            team.Run(new Phase(team.Size, 1, (first, end, _) =>
            {
                for (int part = first; part < end; part++)
                {
                    TJob own = job;
                    own.Part = part;
                    Simd.Dispatch<float, TJob>(ref own);
                }
            }));
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        return seconds;
    }

    private interface IWork : ISimdJob<float>
    {
        int Part { get; set; }
    }

    private struct Multiply : IWork
    {
        public int Part { get; set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            V a = S.Splat(Part), x = S.Splat(0.5f);
            V y0 = a, y1 = a, y2 = a, y3 = a, y4 = a, y5 = a, y6 = a, y7 = a;
            for (int i = 0; i < Loops; i++)
            {
                y0 = S.Fma(y0, x, a);
                y1 = S.Fma(y1, x, a);
                y2 = S.Fma(y2, x, a);
                y3 = S.Fma(y3, x, a);
                y4 = S.Fma(y4, x, a);
                y5 = S.Fma(y5, x, a);
                y6 = S.Fma(y6, x, a);
                y7 = S.Fma(y7, x, a);
            }

            Keep(S.Sum(S.Add(S.Add(S.Add(y0, y1), S.Add(y2, y3)), S.Add(S.Add(y4, y5), S.Add(y6, y7)))));
        }
    }

    private struct Sum() : IWork
    {
        public float* Memory;
        public long Bytes;
        public int Repeats = 1;

        public int Part { get; set; }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            long count = Bytes / sizeof(float);
            float* x = Memory + (Part * count);
            V y0 = S.Zero, y1 = S.Zero, y2 = S.Zero, y3 = S.Zero;
            for (int repeat = 0; repeat < Repeats; repeat++)
            {
                for (long i = 0; i <= count - (4 * S.Count); i += 4 * S.Count)
                {
                    y0 = S.Add(y0, S.Load(x + i));
                    y1 = S.Add(y1, S.Load(x + i + S.Count));
                    y2 = S.Add(y2, S.Load(x + i + (2 * S.Count)));
                    y3 = S.Add(y3, S.Load(x + i + (3 * S.Count)));
                }
            }

            Keep(S.Sum(S.Add(S.Add(y0, y1), S.Add(y2, y3))));
        }
    }

    /// <summary>Uses a result, so that its computation is not optimized away.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(float value) => GC.KeepAlive(value);
}
