using Engine.Bench;
using Engine.Bench.Suite;

return await BenchCommand.Run(
    args,
    (device, kernel) => device.IsGpu ? Clock.Measure(kernel) : KernelBenchmark.Measure(kernel),
    () => Yardstick.PyTorch(Path.Combine(AppContext.BaseDirectory, "peers", "pytorch.py")));
