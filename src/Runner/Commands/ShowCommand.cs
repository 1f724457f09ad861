using System.CommandLine;
using Engine.Inspection;
using Engine.Runner.Description;
using Engine.Runner.Experiments;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// Shows a network: its layers with their costs and receptive fields, and pictures of what it has learned.
/// </summary>
internal static class ShowCommand
{
    private const int Width = 800;

    public static Command Create()
    {
        var options = new InspectionOptions(
            "A file that --save wrote, or an npz file of Lasagne's parameters; or, for its layers alone, mlp, cnn or a "
            + "file that describes a network.");
        options.Model.CompletionSources.Add([.. Networks.Names]);
        Option<string?> pictures = new("--pictures", "-o")
        {
            HelpName = "DIR",
            Description = "Try it on the test images, and write pictures to this folder: filters.png, confusion.png, "
                + "mistakes.png, maps.png.",
        };
        var command = new Command("show", "Show the layers of a network, and what it has learned.")
        {
            options.Model, pictures,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output, notes = parsed.InvocationConfiguration.Error;
            string model = parsed.GetRequiredValue(options.Model);
            string? folder = parsed.GetValue(pictures);
            bool isDescription = IsDescription(model);
            if (isDescription && folder is not null)
            {
                throw new EngineException(
                    $"{model} describes a network that has learned nothing yet: pictures are of a saved one. "
                    + $"'{CommandLine.Name} train {model} --save FILE' makes such.");
            }

            if (isDescription && options.Network(parsed) is { } other)
            {
                throw new EngineException(
                    $"--network {other} says which network a saved file is of, but {model} is a description itself: "
                    + "take one of them away.");
            }

            if (folder is null)
            {
                if (!isDescription && options.Network(parsed) is null && FileKind.Of(model) == FileKind.Model
                    && ModelFile.Read(model) is var file && CharModel.IsModel(file))
                {
                    using var letters = CharModel.From(file, model, device: null, seed: 0);
                    using var net = new NeuralNet(letters.Network) { Regression = true };
                    output.Write(LayerTable.Of(net).Print(HasColors(output)));
                    return CommandLine.Done;
                }

                ModelFile? saved = isDescription ? null : ModelFile.Load(
                    model, options.Network(parsed), notes, options.Ignored(parsed), options.Samples(parsed));
                if (saved?.Own is { } own)
                {
                    Models.Model known = own(null, DType.Float32);
                    output.Write(LayerTable.Of(known.Net).Print(HasColors(output)));
                    output.Write(OwnSummary.Of(known));
                    return CommandLine.Done;
                }

                PrintLayers(saved?.Network ?? Networks.Find(model), saved, model, output);

                return CommandLine.Done;
            }

            MakeFolder(folder);
            InspectionOptions.Inspected given = options.Read(parsed);
            using TestedModel tested = await TestedModel.Load(given, notes, cancellation);
            output.Write(LayerTable.Of(tested.Net).Print(HasColors(output)));
            output.WriteLine();
            var drawn = new ModelPictures(tested, given, maxFilters: 200);
            if (drawn.Filters is null && tested.HasPictures)
            {
                await notes.WriteLineAsync(
                    "NOTE: the first layer that learns does not look at pixels, so there is no filters.png.");
            }

            foreach (ModelPicture picture in drawn.All)
            {
                string file = Path.Combine(folder, $"{picture.Name}.png");
                PictureFiles.Save(picture.Alone(Width), "--pictures", file, output);
            }

            output.WriteLine(tested.Confusion is { } confusion
                ? $"{confusion.Correct} of {confusion.Total} test {tested.Noun} right: {100 * confusion.Accuracy:F2} %"
                    + (tested.IsSynthetic ? " (drawn images, not CIFAR-10)" : "")
                : tested.Report.Headline);
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Returns whether a word names the description of a network, and not a saved one.</summary>
    private static bool IsDescription(string model) => Networks.Names.Contains(model)
        || Path.GetExtension(model).ToUpperInvariant() is ".JSON" or ".INI"
        || (!File.Exists(model) && Path.GetExtension(model).Length == 0);

    private static void PrintLayers(NetworkDescription network, ModelFile? saved, string path, TextWriter output)
    {
        using var net = new NeuralNet(network.MakeOutput()) { Regression = true };
        net.Initialize();
        if (saved is not null)
        {
            TestedModel.SetParameters(net, saved, path);
        }

        output.Write(LayerTable.Of(net).Print(HasColors(output)));
    }

    private static bool HasColors(TextWriter output) => output == Console.Out && !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    private static void MakeFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"--pictures: the folder {folder} cannot be made: {error.Message}", error);
        }
    }
}
