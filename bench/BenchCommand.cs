using System.CommandLine;
using System.Text;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.IO;
using Engine.Runner;

namespace Engine.Bench;

/// <summary>The command line of the benchmarks.</summary>
internal static class BenchCommand
{
    private static readonly string[] s_known = ["exp", "gemm", "conv", "ops", "mlp", "cnn"];

    /// <summary>Times the benchmarks that the arguments name.</summary>
    /// <param name="args">The arguments.</param>
    /// <param name="timer">Returns a timer for kernels of a device.</param>
    /// <param name="findYardstick">Finds another program to compare the CPU with, if none is named.</param>
    /// <returns>The exit code.</returns>
    public static Task<int> Run(
        string[] args, Func<Device, Kernel, Spread> timer, Func<Yardstick?>? findYardstick = null)
    {
        var names = new Argument<string[]>("names")
        {
            Description = $"What to time: {string.Join(", ", s_known)}; none for all.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        names.AcceptOnlyFromAmong(s_known);
        Option<DeviceChoice?> device = CommonOptions.Device();
        device.Description = "The device to time; auto for the CPU and, where there is one, a GPU. [default: auto]";
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> data = CommonOptions.Data();
        Option<int?> images = CommonOptions.Images();
        Option<int> epochs = CommonOptions.Whole(
            "--epochs", 1, 5, "How many epochs to train; the first one does not count.");
        Option<string?> json = new("--json")
        {
            HelpName = "FILE",
            Description = "Add what was measured to this file, one line of JSON each.",
        };
        Option<string?> yardstick = new("--yardstick")
        {
            HelpName = "COMMAND",
            Description = "Compare the CPU with this program, which takes the same names and prints such JSON, as "
                + $"bench/peers/pytorch.py does; none for no comparison. [default: ${Yardstick.Variable}"
                + $"{(findYardstick is null ? "" : ", else PyTorch where python3 has it")}]",
        };
        Option<string?> table = new("--table")
        {
            HelpName = "FILE",
            Description = "Write what was measured to this file, as a table in Markdown.",
        };

        var root = new RootCommand("Time what the library does. Each line: min – median – max of several runs.")
        {
            names, device, threads, data, images, epochs, json, yardstick, table,
        };
        root.SetAction(async (parsed, cancellation) =>
        {
            string[] wanted = parsed.GetValue(names) is { Length: > 0 } some ? some : s_known;
            DeviceChoice choice = parsed.GetValue(device) ?? new DeviceChoice(DeviceFamily.Auto);
            Yardstick? peer = Yardstick.Named(parsed.GetValue(yardstick), findYardstick);
            if (peer is null && findYardstick is not null && parsed.GetValue(yardstick) != Yardstick.None)
            {
                Console.WriteLine(
                    $"There is nothing to compare with: no PyTorch, and {Yardstick.Variable} names no program.");
            }

            using StreamWriter? file = parsed.GetValue(json) is { } path
                ? new StreamWriter(WritableFile.Open(path, FileMode.Append, FileAccess.Write)) { AutoFlush = true }
                : null;
            Cifar10Set? set = wanted.Any(name => name is "mlp" or "cnn")
                ? await CifarTraining.LoadSet(
                    parsed.GetValue(data), parsed.GetValue(images), isQuiet: false, cancellation)
                : null;
            var all = new List<Measurement>();
            foreach (Device opened in Open(choice, parsed.GetValue(threads)))
            {
                using (opened)
                {
                    var benches = new Benches(opened, kernel => timer(opened, kernel));
                    foreach (string name in wanted)
                    {
                        Array.ForEach([.. Measure(benches, name)], Take);
                        if (peer is not null && opened is CpuDevice cpu)
                        {
                            // Right after ours, because a machine's speed varies over time.
                            Array.ForEach([.. peer.Measure(
                                name, cpu.Threads, parsed.GetValue(data), parsed.GetValue(epochs), Console.Error)],
                                Take);
                        }
                    }
                }
            }

            if (parsed.GetValue(table) is { } report)
            {
                WholeFile.Write(report, stream => stream.Write(Encoding.UTF8.GetBytes(ResultTable.Of(all))));
                Console.WriteLine($"The table is in {report}.");
            }

            return CommandLine.Done;

            IEnumerable<Measurement> Measure(Benches benches, string name) => name switch
            {
                "exp" => benches.Exp(),
                "gemm" => benches.Gemm(),
                "conv" => benches.Conv(),
                "ops" => benches.Ops(),
                _ => [benches.Epoch(name, parsed.GetValue(epochs), set!, cancellation)],
            };

            void Take(Measurement measured)
            {
                all.Add(measured);
                Console.WriteLine(measured);
                file?.WriteLine(measured.ToJson());
            }
        });
        return CommandLine.Run(root, args, Console.Out, Console.Error, CancellationToken.None);
    }

    private static IEnumerable<Device> Open(DeviceChoice choice, int? threads)
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
}
