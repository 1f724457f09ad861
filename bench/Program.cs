using System.CommandLine;
using Engine;
using Engine.Bench;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Runner;

string[] known = ["exp", "gemm", "conv", "mlp", "cnn"];
var names = new Argument<string[]>("names")
{
    Description = $"What to time: {string.Join(", ", known)}; none for all.",
    Arity = ArgumentArity.ZeroOrMore,
};
names.AcceptOnlyFromAmong(known);
Option<DeviceChoice?> device = CommonOptions.Device();
device.Description = "The device to time; auto for the CPU and, where there is one, a GPU. [default: auto]";
Option<int?> threads = CommonOptions.Threads();
Option<string?> data = CommonOptions.Data();
Option<int?> images = CommonOptions.Images();
Option<int> epochs = CommonOptions.Whole("--epochs", 1, 5, "How many epochs to train; the first one does not count.");
Option<string?> json = new("--json")
{
    HelpName = "FILE",
    Description = "Add what was measured to this file, one line of JSON each.",
};

var root = new RootCommand("Time what the library does. Each line: least – median – greatest of several runs.")
{
    names, device, threads, data, images, epochs, json,
};
root.SetAction(async (parsed, cancellation) =>
{
    string[] wanted = parsed.GetValue(names) is { Length: > 0 } some ? some : known;
    DeviceChoice choice = parsed.GetValue(device) ?? new DeviceChoice(DeviceFamily.Auto);
    using StreamWriter? file = parsed.GetValue(json) is { } path
        ? new StreamWriter(path, append: true) { AutoFlush = true }
        : null;
    Cifar10Set? set = wanted.Any(name => name is "mlp" or "cnn")
        ? await Experiment.LoadData(parsed.GetValue(data), parsed.GetValue(images), isQuiet: false, cancellation)
        : null;
    foreach (Device opened in Open(choice, parsed.GetValue(threads)))
    {
        using (opened)
        {
            foreach (Measurement measured in wanted.SelectMany(name => Measure(name, opened)))
            {
                Console.WriteLine(measured);
                file?.WriteLine(measured.ToJson());
            }
        }
    }

    return CommandLine.Done;

    IEnumerable<Measurement> Measure(string name, Device on) => name switch
    {
        "exp" => Benches.Exp(on),
        "gemm" => Benches.Gemm(on),
        "conv" => Benches.Conv(on),
        _ => [Benches.Epoch(name, on, parsed.GetValue(epochs), set!, cancellation)],
    };
});
return await CommandLine.Run(root, args, Console.Out, Console.Error, CancellationToken.None);

static IEnumerable<Device> Open(DeviceChoice choice, int? threads)
{
    if (choice.Family != DeviceFamily.Cuda)
    {
        yield return new CpuDevice(CommonOptions.Configure(new DeviceChoice(DeviceFamily.Cpu), threads).Threads);
    }

    if (choice.Family != DeviceFamily.Cpu)
    {
        DeviceChoice cuda = choice.Family == DeviceFamily.Cuda ? choice : new DeviceChoice(DeviceFamily.Cuda);
        Device? gpu = null;
        try
        {
            gpu = DeviceSelection.Open(cuda, CommonOptions.Configure(cuda, threads), Console.Error);
        }
        catch (EngineException error) when (choice.Family == DeviceFamily.Auto)
        {
            Console.WriteLine($"No GPU is timed. {error.Message}");
        }

        if (gpu is not null)
        {
            yield return gpu;
        }
    }
}
