using System.CommandLine;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Shows what a saved network takes the first test images for, and its accuracy on all of them.</summary>
internal static class PredictCommand
{
    public static Command Create()
    {
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> data = CommonOptions.Data();
        Option<bool> quiet = CommonOptions.Quiet();
        Option<int> count = CommonOptions.Whole("--count", 0, 10, "How many test images to show the predictions for.");
        Option<string> load = new("--load")
        {
            HelpName = "FILE",
            Description = "The file that mlp or cnn saved, or an npz file of Lasagne's parameters of such a network.",
            Required = true,
        };
        Option<string?> network = new("--network")
        {
            HelpName = "NETWORK",
            Description = "The network that the file is of, if it does not say: mlp, cnn or a file that describes it.",
        };
        var command = new Command("predict", "Show what a saved network takes CIFAR-10's test images for.")
        {
            load, network, count, device, data, threads, quiet,
        };
        command.SetAction((parsed, cancellation) => Run(
            parsed.GetRequiredValue(load),
            parsed.GetValue(network),
            parsed.GetValue(count),
            parsed.GetValue(data),
            parsed.GetValue(device),
            parsed.GetValue(threads),
            parsed.GetValue(quiet),
            cancellation));
        return command;
    }

    private static async Task<int> Run(
        string load,
        string? network,
        int count,
        string? path,
        DeviceChoice? asked,
        int? threads,
        bool isQuiet,
        CancellationToken cancellation)
    {
        EngineOptions configuration = CommonOptions.Configure(asked, threads);
        using Device device = DeviceSelection.Open(asked, configuration, Console.Error);
        ModelFile model = ModelFile.Load(load, network, Console.Error);
        using var net = new NeuralNet(model.Network.MakeLayers()) { FloatX = configuration.FloatX, Device = device };
        Experiment.SetParameters(net, model.Parameters!, load);
        Cifar10Set data = await Experiment.LoadData(path, images: null, isQuiet, cancellation);

        Tensor images = ImageInput.Prepare(model.Network, data.Test.Images);
        NdArray probabilities = NdArray.From(net.PredictProba(images.Rows(0, Math.Min(count, data.Test.Count))));
        for (int i = 0; i < probabilities.Shape[0]; i++)
        {
            string truth = data.ClassNames[data.Test.Labels.AsSpan<int>()[i]];
            IEnumerable<string> best = Enumerable.Range(0, data.ClassNames.Count)
                .OrderByDescending(c => probabilities[i, c])
                .Take(3)
                .Select(c => string.Create(CultureInfo.InvariantCulture, $"{data.ClassNames[c]} {probabilities[i, c]:F2}"));
            Console.WriteLine($"{i,5}  {truth,-10}  {string.Join(", ", best)}");
        }

        Experiment.PrintAccuracy(net.Score(images, data.Test.Labels), data.IsSynthetic);
        return CommandLine.Done;
    }
}
