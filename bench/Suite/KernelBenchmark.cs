using System.Diagnostics.CodeAnalysis;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Mathematics;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.NoEmit;
using Perfolizer.Horology;

namespace Engine.Bench.Suite;

/// <summary>
/// A kernel of the CPU under BenchmarkDotNet, in this process: the kernel is compiled here, for this device.
/// <see cref="Clock"/> times GPUs without BenchmarkDotNet's dependencies.
/// </summary>
public class KernelBenchmark
{
    private const int Warming = 3, Runs = 15;
    private const double Second = 1e9;

    private static Kernel? s_kernel;

    /// <summary>Runs the kernel once.</summary>
    [Benchmark]
    [SuppressMessage("Performance", "CA1822", Justification = "BenchmarkDotNet runs methods of objects only.")]
    public void Once() => s_kernel!.Run(1);

    /// <summary>Times a kernel.</summary>
    internal static Spread Measure(Kernel kernel)
    {
        s_kernel = kernel;
        Summary summary = BenchmarkRunner.Run<KernelBenchmark>(ManualConfig.CreateEmpty()
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "engine-bench"))
            .AddJob(Job.Default
                .WithToolchain(InProcessNoEmitToolchain.Instance)
                .WithWarmupCount(Warming)
                .WithIterationCount(Runs)
                .WithIterationTime(TimeInterval.FromMilliseconds(100))));
        Statistics nanoseconds = summary.Reports.SingleOrDefault()?.ResultStatistics
            ?? throw new EngineException(
                $"BenchmarkDotNet could not time {kernel.Bench} {kernel.Item}: "
                + $"{string.Join(' ', summary.ValidationErrors.Select(error => error.Message))}");
        return new Spread(
            nanoseconds.Min / Second, nanoseconds.Median / Second, nanoseconds.Max / Second, nanoseconds.N);
    }
}
