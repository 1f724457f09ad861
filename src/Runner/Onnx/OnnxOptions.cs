using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Layers;
using Engine.Models;
using Engine.Onnx;

namespace Engine.Runner;

/// <summary>
/// The options of <c>predict</c>, <c>show</c>, <c>report</c> and <c>serve</c> that add what an ONNX file does not say.
/// </summary>
internal sealed class OnnxOptions
{
    /// <summary>The options, for messages.</summary>
    public const string Names = "--mean, --std, --layout and --classes";

    private readonly Option<double[]?> _mean = Numbers(
        "--mean", "For an ONNX file of images: the mean of each channel, which is subtracted from pixels scaled to 0 "
        + "… 1.");

    private readonly Option<double[]?> _std = Numbers(
        "--std", "For an ONNX file of images: the standard deviation of each channel, by which it is then divided.");

    // An option of bool would take only true and false.
    private readonly Option<string?> _layout = new("--layout")
    {
        HelpName = "nchw|nhwc",
        Description =
            "Of an ONNX file of pictures: whether their channels come first or last. [default: as its input looks]",
        CustomParser = result => CommonOptions.Text(result).ToUpperInvariant() switch
        {
            ("NCHW" or "NHWC") and var layout => layout,
            _ => CommonOptions.Refuse<string?>(result, "nchw or nhwc"),
        },
    };

    private readonly Option<string?> _classes = new("--classes")
    {
        HelpName = "NAME[,NAME…]",
        Description = "Of an ONNX file: what its classes are called, in order. [default: as it says, else numbers]",
    };

    /// <summary>Returns whether a file has the extension of ONNX.</summary>
    public static bool IsOnnx(string path) =>
        Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Returns an ONNX file's network as one that can be trained, and whether it predicts values instead of classes.
    /// </summary>
    /// <exception cref="EngineException">It cannot be read.</exception>
    public static (Node Output, bool IsRegression) Network(string path)
    {
        OnnxModel model = OnnxModel.Load(path);
        string result = Model.PredictedOf(path, model);
        OnnxClasses known = model.ClassesOf(result);
        Shape gives = model.SampleShape(result, model.LayerOf(result).Inputs);
        Node output = model.ToNode(result);
        output = gives.Rank == 1 ? output : output.Then(new Flatten());
        bool isRegression = gives.Count == 1 && !known.IsSigmoid;
        return (isRegression || known.AreProbabilities ? output : output.Then(new Activation(Ops.Symbolic.Softmax)),
            isRegression);
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        Option[] options = [_mean, _std, _layout, _classes];
        Array.ForEach(options, command.Add);
    }

    /// <summary>Returns the values of the options; null if none was given.</summary>
    public OnnxSamples? Read(ParseResult parsed)
    {
        Option[] options = [_mean, _std, _layout, _classes];
        return options.All(option => parsed.GetResult(option) is null or { Implicit: true }) ? null : new OnnxSamples
        {
            Mean = Given(parsed, _mean),
            Std = Given(parsed, _std),
            AreChannelsLast = parsed.GetValue(_layout) is { } layout ? layout == "NHWC" : null,
            Classes = parsed.GetValue(_classes)?.Split(',', StringSplitOptions.TrimEntries),
        };
    }

    // The parser returns an empty list if none was given.
    private static double[]? Given(ParseResult parsed, Option<double[]?> option) =>
        parsed.GetValue(option) is { Length: > 0 } numbers ? numbers : null;

    private static Option<double[]?> Numbers(string name, string description) => new(name)
    {
        HelpName = "X[,X…]",
        Description = description,
        CustomParser = result =>
        {
            string[] words = CommonOptions.Text(result).Split(',', StringSplitOptions.TrimEntries);
            double[] numbers = new double[words.Length];
            for (int i = 0; i < words.Length; i++)
            {
                if (!double.TryParse(words[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i])
                    || !double.IsFinite(numbers[i]))
                {
                    return CommonOptions.Refuse<double[]?>(result, "numbers with commas between, as 0.485,0.456,0.406");
                }
            }

            return numbers;
        },
    };
}
