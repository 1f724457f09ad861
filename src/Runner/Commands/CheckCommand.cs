using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Compile;
using Engine.Configuration;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Runner;

/// <summary>
/// The source's GPU test, which is Theano's own: exp of 230,400 numbers, 1,000 times. It prints the compiled graph, the
/// time, the result and the kind of device.
/// </summary>
internal static class CheckCommand
{
    private const int Numbers = 10 * 30 * 768;
    private const int Times = 1000;

    public static Command Create()
    {
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        var command = new Command("check", "Compute exp of 230,400 numbers 1,000 times, and say on which device.")
        {
            device, threads,
        };
        command.SetAction((parsed, _) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            EngineOptions options = CommonOptions.Configure(
                asked, parsed.GetValue(threads), notes: parsed.InvocationConfiguration.Error);
            using Device opened = DeviceSelection.Open(asked, options, parsed.InvocationConfiguration.Error);
            Run(opened, options.FloatX, parsed.InvocationConfiguration.Output);
            return Task.FromResult(CommandLine.Done);
        });
        return command;
    }

    private static void Run(Device device, DType floatX, TextWriter output)
    {
        using SharedVariable x = Symbolic.Shared(Numbered(22).Cast(floatX));
        using Function f = Function.Compile([], [Symbolic.Exp(x)], device: device);
        output.WriteLine(Printer.Toposort(f.Nodes));

        f.Run();
        var clock = Stopwatch.StartNew();
        f.RunMany(Times);
        double[] result = f.Call()[0].Cast(DType.Float64).AsSpan<double>().ToArray();
        double seconds = clock.Elapsed.TotalSeconds;

        output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"Looping {Times} times took {seconds:F6} seconds"));
        IEnumerable<string> shown = result[..3].Concat(result[^3..])
            .Select(value => value.ToString("F8", CultureInfo.InvariantCulture));
        output.WriteLine($"Result is [{string.Join(" ", shown.Take(3))} ... {string.Join(" ", shown.Skip(3))}]");
        output.WriteLine($"Used the {(device.IsGpu ? "gpu" : "cpu")}");
    }

    /// <summary>Returns numbers from 0 to 1, from a generator with this seed.</summary>
    private static Tensor Numbered(int seed)
    {
        var random = new Random(seed);
        return Tensor.From([.. Enumerable.Range(0, Numbers).Select(_ => random.NextDouble())]);
    }
}
