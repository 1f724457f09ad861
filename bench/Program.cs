using Engine.Bench;

return await BenchCommand.Run(args, (_, kernel) => Clock.Measure(kernel));
