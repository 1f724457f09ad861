using Engine.Bench;
using Engine.Bench.Counting;

return args is [CountCommand.Name, .. string[] rest]
    ? await CountCommand.Run(rest)
    : await BenchCommand.Run(args, (_, kernel) => Clock.Measure(kernel));
