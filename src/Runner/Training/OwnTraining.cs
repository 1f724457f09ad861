using System.Text;
using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.IO;
using Engine.Models;
using Engine.Runner.Report;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// Trains on a user's own data: it is described before the training; afterwards come the test, the model's file, and
/// the report.
/// </summary>
internal sealed class OwnTraining(OwnData own) : TrainingData
{
    private const int ManySamples = 20_000;

    /// <summary>The most numbers in a batch that is small because there are few samples.</summary>
    private const int MaxNumbers = 1 << 22;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes => (own.Target as ClassTarget)?.Classes ?? [];

    /// <inheritdoc/>
    public override bool IsRegression => own.Target is ValueTarget;

    /// <summary>
    /// Reads a user's own data and prints the findings. Returns options with the network that is filled in from the
    /// data, and with output files that are named after the data.
    /// </summary>
    public static OwnTraining Load(ref TrainingOptions options)
    {
        OwnData own = OwnData.Load(options.Own!, options.Seed, options.Threads, options.Validation);
        options = options with { Network = own.Network, Save = options.Save ?? $"{own.Data.Name}.model" };
        options = options with { Report = options.Report ?? (options.Quiet ? null : BesideModel(options.Save)) };
        if (options.IsBalanced && own.Target is ValueTarget)
        {
            throw new EngineException($"--class-weights is about classes, and '{own.Target.Column}' has values.");
        }

        if (options.LearningRate is null && options.Batch is null && own.Data.Train.Count > ManySamples
            && 128 * own.Inputs.Dimensions.Count <= MaxNumbers)
        {
            // Small batches are for few samples. With many samples they only cost time, unless each sample is large.
            options = options with { Batch = Math.Max(own.Network.Batch, 128) };
        }

        if (!options.Quiet)
        {
            own.Describe(Console.Out, Console.Error, options.Described().Data.Validation);
        }

        return new OwnTraining(own);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata(NeuralNet net, TrainingOptions options) =>
        ModelOf(net, options.Described()).Metadata;

    /// <inheritdoc/>
    public override void Fit(NeuralNet net, TrainingOptions options, CancellationToken cancellation)
    {
        Models.Model model = ModelOf(net, options.Described());
        if (IsOnnx(options.Save))
        {
            // An error about a network that cannot be saved comes before the training, not after it.
            _ = ModelOnnx.Write(model);
        }

        model.Fit(own.Data.Train, own.Data.Validation, options.IsBalanced, own.Options.IsStreamed ? true : null,
            cancellation);
        double trained = net.TrainHistory.Sum(epoch => epoch.TrainSeconds),
            waited = net.TrainHistory.Sum(epoch => epoch.WaitSeconds);
        if (waited > 0 && !options.Quiet)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"{100 * waited / trained:F1} % of the training's time went into waiting for samples."));
        }
    }

    /// <inheritdoc/>
    public override (string Name, double Value)? End(NeuralNet net, TrainingOptions options, Device device)
    {
        Models.Model model = ModelOf(net, options.Described());
        string save = options.Save!;
        (string, double)? figure = null;
        Tensor? output = null;
        if (own.Data.Test is { } test)
        {
            TestReport report = model.Test(test, out output);
            Console.WriteLine($"\nTested on {test.Count:N0} {own.Noun} that it has not seen:\n\n{report}");
            Console.WriteLine($"{report.Headline}.");
            figure = report is ClassificationReport
                ? ("test_accuracy", report.Metrics["accuracy"])
                : ("test_r2", report.Metrics["r2"]);
        }

        if (IsOnnx(save))
        {
            model.ExportOnnx(save);
        }
        else
        {
            model.Save(save);
        }

        Console.WriteLine($"Model: {save}");
        if (options.Report is { } page && own.Data.Test is { } tested && net.TrainHistory.Count > 0)
        {
            WriteReport(model, tested, output!, save, page, device);
            Console.WriteLine($"Report: {page}");
        }

        return figure;
    }

    private static bool IsOnnx(string? path) =>
        Path.GetExtension(path ?? "").Equals(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>Returns the model of a network that is trained on own data; the network's owner disposes it.</summary>
    private Models.Model ModelOf(NeuralNet net, NetworkDescription network) =>
        new(net, network, own.Inputs, own.Target) { About = AboutOf(network.Seed) };

    /// <summary>
    /// Returns where the page is written: beside the model, but nowhere if that goes to a device, a pipe or a socket.
    /// </summary>
    private static string? BesideModel(string save) =>
        PathKinds.Of(save) is PathKind.None or PathKind.Regular or PathKind.Folder
            ? Path.ChangeExtension(save, ".html")
            : null;

    /// <summary>Returns the entries of the model's file about its origin.</summary>
    private Dictionary<string, string> AboutOf(int seed)
    {
        Dictionary<string, string> about = Models.Model.AboutOf(own.Data.Name);
        foreach ((string key, string value) in own.Options.ToAbout(seed))
        {
            about[key] = value;
        }

        return about;
    }

    private void WriteReport(Models.Model model, Table test, Tensor output, string save, string page, Device device)
    {
        TestedModel tested = TestedModel.Of(model, test, device, output: output);
        var inspected =
            new InspectionOptions.Inspected(save, null, null, null, null, null, 12, null, Occlusion.DefaultSquare);
        History history = History.Of(own.Data.Name, model.Net.TrainHistory, device.Name);
        string html = ReportPage.Write(
            [history], null, tested, save, new ModelPictures(tested, inspected, maxFilters: 48), DateTime.Now);
        WholeFile.Write(page, stream => stream.Write(Encoding.UTF8.GetBytes(html)));
    }
}
