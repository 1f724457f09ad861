using System.Text;
using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.IO;
using Engine.Models;
using Engine.Runner.Report;
using Engine.Training;

namespace Engine.Runner;

/// <summary>What follows a training on a user's own data: the test, the model's file, and the report.</summary>
internal static class OwnTraining
{
    /// <summary>Tests the network, saves the model and writes the page.</summary>
    /// <returns>The figure that histories keep, and its name.</returns>
    public static (string Name, double Value) End(NeuralNet net, OwnData own, TrainingOptions options, NetworkDescription network, Device device)
    {
        Models.Model model = ModelOf(net, own, network);
        string save = options.Save!;
        (string, double) figure = ("", double.NaN);
        if (own.Data.Test is { } test)
        {
            TestReport report = model.Test(test);
            Console.WriteLine($"\nTested on {test.Count:N0} {own.Noun} that it has not seen:\n\n{report}");
            Console.WriteLine($"{report.Headline}.");
            figure = report is ClassificationReport ? ("test_accuracy", report.Metrics["accuracy"]) : ("test_r2", report.Metrics["r2"]);
        }

        if (Path.GetExtension(save).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            net.ExportOnnx(save);
        }
        else
        {
            model.Save(save);
        }

        Console.WriteLine($"Model: {save}");
        if (options.Report is { } page && own.Data.Test is { } tested && net.TrainHistory.Count > 0)
        {
            WriteReport(model, tested, own, save, page, device);
            Console.WriteLine($"Report: {page}");
        }

        return figure;
    }

    /// <summary>The model of a network that is trained on own data; the network's owner disposes of it.</summary>
    public static Models.Model ModelOf(NeuralNet net, OwnData own, NetworkDescription network) =>
        new(net, network, own.Inputs, own.Target) { About = AboutOf(own, network.Seed) };

    /// <summary>What the model's file says of where it comes from.</summary>
    private static Dictionary<string, string> AboutOf(OwnData own, int seed)
    {
        Dictionary<string, string> about = Models.Model.AboutOf(own.Data.Name);
        foreach ((string key, string value) in own.Options.ToAbout(seed))
        {
            about[key] = value;
        }

        return about;
    }

    private static void WriteReport(Models.Model model, Table test, OwnData own, string save, string page, Device device)
    {
        TestedModel tested = TestedModel.Of(model, test, device);
        var inspected = new InspectionOptions.Inspected(save, null, null, null, null, null, 12, null, Occlusion.DefaultSquare);
        History history = History.Of(own.Data.Name, model.Net.TrainHistory, device.Name);
        string html = ReportPage.Write(
            [history], null, tested, save, new ModelPictures(tested, inspected, mostFilters: 48), DateTime.Now);
        WholeFile.Write(page, stream => stream.Write(Encoding.UTF8.GetBytes(html)));
    }
}
