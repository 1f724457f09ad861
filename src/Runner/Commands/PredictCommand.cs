using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.IO;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The options of <c>predict</c>.</summary>
internal sealed record PredictOptions
{
    /// <summary>The saved network.</summary>
    public required string Load { get; init; }

    /// <summary>The network of the file, if the user names it.</summary>
    public string? Network { get; init; }

    /// <summary>The names of parameters to ignore in the saved network's file.</summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>The description of the samples of an ONNX file's network.</summary>
    public Models.OnnxSamples? Samples { get; init; }

    /// <summary>The files and folders; empty for the test images of the data set.</summary>
    public IReadOnlyList<string> Pictures { get; init; } = [];

    /// <summary>Whether subfolders are searched too.</summary>
    public bool Recursive { get; init; }

    public int Count { get; init; }

    public string? Data { get; init; }

    public PredictionFormat Format { get; init; }

    /// <summary>The file to write to; null for standard output.</summary>
    public string? File { get; init; }

    public DeviceChoice? Device { get; init; }

    public int? Threads { get; init; }

    public bool Quiet { get; init; }
}

/// <summary>Predicts pictures with a saved network; without pictures, the data set's test images.</summary>
internal static class PredictCommand
{
    private static readonly Dictionary<string, PredictionFormat> s_formats = new(StringComparer.OrdinalIgnoreCase)
    {
        ["text"] = PredictionFormat.Text,
        ["csv"] = PredictionFormat.Csv,
        ["json"] = PredictionFormat.Json,
    };

    public static Command Create()
    {
        Argument<string[]> pictures = new("pictures")
        {
            HelpName = "PICTURE",
            Arity = ArgumentArity.ZeroOrMore,
            Description =
                "PNG or JPEG files of any size, or folders of such; of a model of texts, .txt files or folders; "
                    + "of a model of tables, files of rows. [default: the samples it was tested on]",
        };
        Option<bool> recursive = new("--recursive", "-r")
        {
            Description = "Look into the folders of a folder too, as into those of the classes.",
        };
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<string[]> ignore = CommonOptions.Ignore();
        Option<int?> threads = CommonOptions.Threads();
        Option<string?> data = CommonOptions.Data();
        Option<bool> quiet = CommonOptions.Quiet();
        Option<int> count = CommonOptions.Whole("--count", 0, 10, "How many test images to show the predictions for.");
        Option<string> load = new("--load")
        {
            HelpName = "FILE",
            Description =
                "The model that train, mlp, cnn or resnet saved, an ONNX file, "
                + "or an npz file of Lasagne's parameters of such a network.",
            Required = true,
        };
        Option<string?> network = new("--network")
        {
            HelpName = "NETWORK",
            Description = "The network that the file is of, if it does not say: mlp, cnn or a file that describes it.",
        };
        Option<PredictionFormat?> format = new("--format")
        {
            HelpName = "text|csv|json",
            Description = "How to write. [default: as the name of -o ends, else text]",
            CustomParser = result => s_formats.TryGetValue(CommonOptions.Text(result), out PredictionFormat one)
                ? one
                : CommonOptions.Refuse<PredictionFormat?>(result, "text, csv or json"),
        };
        Option<string?> output = new("--output", "-o")
        {
            HelpName = "FILE",
            Description = "Write to this file. [default: standard output]",
        };
        var command = new Command("predict", "Say what a saved model predicts of pictures, rows or its test samples.")
        {
            pictures, recursive, load, network, ignore, format, output, count, device, data, threads, quiet,
        };
        var onnx = new OnnxOptions();
        onnx.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            string[] named = parsed.GetValue(pictures) ?? [];
            Option[] ofDataSet = named.Length > 0 ? [count, data] : [];
            if (ofDataSet.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } odd)
            {
                throw new EngineException(
                    $"{odd.Name} is about the test images, but pictures are named: leave one of them out.");
            }

            string? file = parsed.GetValue(output);
            return Run(
                new PredictOptions
                {
                    Load = parsed.GetRequiredValue(load),
                    Network = parsed.GetValue(network),
                    Ignore = parsed.GetValue(ignore) ?? [],
                    Samples = onnx.Read(parsed),
                    Pictures = named,
                    Recursive = parsed.GetValue(recursive),
                    Count = parsed.GetValue(count),
                    Data = parsed.GetValue(data),
                    Format = parsed.GetValue(format) ?? FormatOf(file),
                    File = file,
                    Device = parsed.GetValue(device),
                    Threads = parsed.GetValue(threads),
                    Quiet = parsed.GetValue(quiet),
                },
                parsed.InvocationConfiguration.Output,
                parsed.InvocationConfiguration.Error,
                cancellation);
        });
        return command;
    }

    private static PredictionFormat FormatOf(string? file) =>
        s_formats.GetValueOrDefault(Path.GetExtension(file ?? "").TrimStart('.'), PredictionFormat.Text);

    private static async Task<int> Run(
        PredictOptions options, TextWriter output, TextWriter errors, CancellationToken cancellation)
    {
        TrainingOptions.CheckWritable("-o", options.File);
        EngineOptions configuration = CommonOptions.Configure(
            options.Device, options.Threads, notes: options.Quiet ? null : errors);
        using Device device = DeviceSelection.Open(
            options.Device, configuration, options.Quiet && options.Device is null ? TextWriter.Null : errors);
        ModelFile model = ModelFile.Load(options.Load, options.Network, errors, options.Ignore, options.Samples);
        using StreamWriter? file = options.File is null ? null : Open(options.File);
        if (model.Own is { } own)
        {
            using Models.Model ofOwn = own(device, configuration.FloatX);
            return new OwnPredictor(ofOwn, options, file ?? output, errors).Run(cancellation);
        }

        IReadOnlyList<string> pictures = SampleFiles.Pictures.Of(options.Pictures, options.Recursive, errors);
        ImageInput.RequireFit(model.Network);
        using var net = new NeuralNet(model.Network.MakeOutput()) { FloatX = configuration.FloatX, Device = device };
        Experiment.SetParameters(net, model.Parameters!, options.Load);
        var predictor = new Predictor(net, model, options, file ?? output, errors);
        return options.Pictures.Count > 0
            ? predictor.OnPictures(pictures, configuration.Threads, cancellation)
            : await predictor.OnTestImages(cancellation);
    }

    private static StreamWriter Open(string file)
    {
        try
        {
            return new StreamWriter(
                WritableFile.Create(file), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
        catch (EngineException error)
        {
            throw new EngineException($"-o: {error.Message}", error);
        }
    }
}
