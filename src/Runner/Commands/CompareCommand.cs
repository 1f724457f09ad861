using System.CommandLine;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Runner.Description;

namespace Engine.Runner;

/// <summary>
/// Compares models or trainings by their files, or the same training on the CPU and on a GPU: the seconds per epoch and
/// the accuracies of both.
/// </summary>
internal static class CompareCommand
{
    /// <summary>
    /// Returns the command <c>compare</c> for files. It has a subcommand for each network that is trained on two
    /// devices.
    /// </summary>
    public static Command Create()
    {
        var command = new Command("compare",
            "Compare models on the same samples, or trainings; or train on the CPU and on a GPU, and compare.")
        {
            Of("mlp", "Compare devices on the multi-layer perceptron.", () => Networks.Mlp, []),
            Of("cnn", "Compare devices on the convolutional network.", () => Networks.Cnn, ["--hidden"]),
        };
        new CompareModels().AddTo(command);
        return command;
    }

    private static Command Of(
        string name, string description, Func<NetworkDescription> network, IEnumerable<string> without) =>
        TrainingCommand.Create(name, description, network, Run,
        [
            "--save", "--watch", "--load", "--ignore", "--keep", "--checkpoint", "--resume", "--tensorboard",
            "--profile",
            "--trace", "--gpus", .. without,
        ],
        hasSeeds: true);

    private static async Task<int> Run(TrainingOptions options, CancellationToken cancellation)
    {
        options.CheckFiles();
        DeviceChoice asked = options.Device ?? new DeviceChoice(DeviceFamily.Cuda);
        if (asked.Family != DeviceFamily.Cuda)
        {
            throw new EngineException(
                $"--device names the GPU that is compared with the CPU, cuda or cuda1 for one, not {asked}.");
        }

        if (options.Described().Epochs == 0)
        {
            throw new EngineException("--epochs: there is nothing to compare without at least 1 epoch.");
        }

        EngineOptions configuration = CommonOptions.Configure(asked, options.Threads, notes: Console.Error);
        using Device gpu = DeviceSelection.Open(asked, configuration, Console.Error);
        using var cpu = new CpuDevice(configuration.Threads);
        Cifar10Set data =
            await CifarTraining.LoadSet(options.Data, options.Described().Data.Images, options.Quiet, cancellation);
        using var history = options.History is null ? null : new HistoryFile(options.History, data.IsSynthetic);
        int seed = options.Described().Seed;
        Trained first = On(cpu, seed);
        var comparison = new Comparison(first, On(gpu, seed))
        {
            CpuAccuracies = [first.TestAccuracy, .. Enumerable.Range(1, options.Seeds - 1)
                .Select(more => On(cpu, seed + more, isFirst: false).TestAccuracy)],
        };
        Console.WriteLine(comparison);
        if (data.IsSynthetic)
        {
            Console.WriteLine("These are drawn images, not CIFAR-10: the accuracies say nothing about that.");
        }

        history?.End(comparison);
        return CommandLine.Done;

        Trained On(Device device, int seed, bool isFirst = true)
        {
            if (!options.Quiet)
            {
                Console.WriteLine($"Training on {device.Name}{(isFirst ? "" : $" with seed {seed}")} …");
            }

            return Trained.On(
                device, configuration.FloatX, options with { Seed = seed }, data, isFirst ? history : null,
                cancellation);
        }
    }
}
