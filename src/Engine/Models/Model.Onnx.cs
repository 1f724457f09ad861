using System.Globalization;
using Engine.Data;
using Engine.Devices;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Onnx;
using Engine.Ops;
using Engine.Training;

namespace Engine.Models;

public sealed partial class Model
{
    internal const string PixelRangeKey = "Image.NominalPixelRange", BytePixels = "NominalRange_0_255";

    /// <summary>
    /// Returns a model from an ONNX file. Its samples are pictures, (n, channels, height, width) or with the channels
    /// last, or rows of numbers: (n, columns), with the names x0, x1 and so on, or an input (n, 1) with its own name
    /// for each column. It is a classifier if it gives at least two numbers per sample. Outputs that are not
    /// probabilities then go through a softmax.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="samples">The information that the file does not contain; null if it is complete.</param>
    /// <param name="device">The device; null for the default device.</param>
    /// <exception cref="IO.ModelFileException">
    /// The file is no ONNX model, is damaged, or needs features that are not supported.
    /// </exception>
    /// <exception cref="EngineException">Its samples are neither pictures nor rows of numbers.</exception>
    public static Model FromOnnx(string path, OnnxSamples? samples = null, Device? device = null)
    {
        samples ??= new OnnxSamples();
        OnnxModel model = OnnxModel.Load(path);
        string result = samples.Output ?? PredictedOf(path, model);
        (OnnxLayer layer, IReadOnlyList<OnnxPort> inputs) = model.LayerOf(result);
        bool areColumns = inputs.Count > 0 && inputs.All(port => port.Shape is { Rank: 2 } column && column[1] == 1);
        Shape dimensions = areColumns ? [inputs.Count]
            : inputs is [{ Shape: { Rank: 2 or 4 } all }] ? [.. all.Skip(1)]
            : throw new EngineException(
                $"{path} takes {string.Join(", ", inputs)}: neither pictures (n, channels, height, "
                + "width) nor rows of numbers (n, columns).");
        bool isLast = dimensions.Rank == 3
            && (samples.AreChannelsLast ?? (dimensions[0] is not (1 or 3) && dimensions[2] is 1 or 3));
        if (samples.AreChannelsLast is not null && dimensions.Rank == 3 && dimensions[isLast ? 2 : 0] is not (1 or 3)
            && dimensions[isLast ? 0 : 2] is 1 or 3)
        {
            throw new EngineException(
                $"{path} takes pictures of {dimensions}: with their channels {(isLast ? "last" : "first")}, as is "
                + $"said, they would have {dimensions[isLast ? 2 : 0]} of them.");
        }

        Node input = isLast ? new Input(dimensions[2], dimensions[0], dimensions[1]) : new Input([.. dimensions]);
        input = isLast ? input.Then(new Expression(x => Symbolic.DimShuffle(x, 0, 2, 3, 1))) : input;
        Node output = new Node(
            layer, areColumns
                ? [.. inputs.Select((_, column) => input.Then(new Expression(x => Symbolic.Slice(x, 1, column, 1))))]
                : [input],
            "onnx");

        Shape gives = model.SampleShape(result, inputs);
        model.GiveWeights();
        output = gives.Rank == 1 ? output : output.Then(new Layers.Flatten());
        OnnxClasses known = model.ClassesOf(result);
        bool isClassifier = gives.Count > 1 || known.IsSigmoid;
        output = isClassifier && !known.AreProbabilities ? output.Then(new Activation(Symbolic.Softmax)) : output;
        var net = new NeuralNet(output) { Regression = !isClassifier, Device = device };
        try
        {
            Preparation preparation = new(dimensions.Rank == 1
                ? [.. Enumerable.Range(0, dimensions[0])
                    .Select(column => new ScaledNumber(areColumns ? inputs[column].Name : $"x{column}", 0, 1, 0))]
                : [Planes(path, model, samples, isLast ? [dimensions[2], dimensions[0], dimensions[1]] : dimensions)]);
            int classes = gives.Count > 1 ? (int)gives.Count : 2;
            string? column = model.Metadata.GetValueOrDefault(OnnxMetadata.Target);
            Target target = isClassifier
                ? new ClassTarget(column ?? "class", Names(path, model, samples, known.Labels, classes))
                : new ValueTarget(column ?? "value", 0, 1);
            return new Model(net, new NetworkDescription
            {
                Path = path,
                Name = Path.GetFileNameWithoutExtension(path),
                Layers = [],
            }, preparation, target)
            {
                About = new Dictionary<string, string> { ["made by"] = model.Producer, ["opset"] = $"{model.OpSet}" },
            };
        }
        catch
        {
            net.Dispose();
            throw;
        }
    }

    /// <summary>Returns the name of the only floating-point output: scores, probabilities or values.</summary>
    /// <exception cref="EngineException">There are several, or none.</exception>
    internal static string PredictedOf(string path, OnnxModel model) =>
        model.Outputs.Where(port => port.Type.IsFloat() || port.Type == OnnxType.Undefined).ToArray() is [var only]
            ? only.Name
            : throw new EngineException(
                $"{path} has the outputs {string.Join(", ", model.Outputs)}: say which is predicted.");

    /// <summary>Returns the transform from pixels of 0 to 255 to the network's samples.</summary>
    private static ScaledPlanes Planes(string path, OnnxModel model, OnnxSamples samples, Shape dimensions)
    {
        (double mean, double std) = model.Metadata.GetValueOrDefault(PixelRangeKey) switch
        {
            BytePixels => (0, 1 / 255.0),
            "Normalized_1_1" => (0.5, 0.5),
            _ => (0, 1.0),
        };
        return new ScaledPlanes("picture", [.. dimensions],
            Each(samples.Mean ?? Said(OnnxMetadata.Mean) ?? [mean], "means", "finite", float.IsFinite),
            Each(samples.Std ?? Said(OnnxMetadata.Std) ?? [std], "deviations", "greater than 0", IsDivisor));

        IReadOnlyList<double>? Said(string key) =>
            OnnxMetadata.NumbersOf(path, key, model.Metadata.GetValueOrDefault(key));

        float[] Each(IReadOnlyList<double> numbers, string what, string range, Func<float, bool> isAllowed)
        {
            if (numbers.Count != 1 && numbers.Count != dimensions[0])
            {
                throw new EngineException(
                    $"{path} takes pictures of {dimensions[0]} channel{(dimensions[0] == 1 ? "" : "s")}, and "
                    + $"{numbers.Count} {what} are given.");
            }

            if (numbers.Any(number => !isAllowed((float)(255 * number))))
            {
                throw new EngineException(
                    $"The {what} of {path} must be {range}, not "
                    + $"{string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)))}.");
            }

            return [.. Enumerable.Range(0, dimensions[0])
                .Select(channel => (float)(255 * numbers[numbers.Count == 1 ? 0 : channel]))];
        }

        // The brightest pixel divided by it must be finite, too.
        static bool IsDivisor(float value) => value > 0 && float.IsFinite(value) && float.IsFinite(255 / value);
    }

    /// <summary>Returns the names of the classes.</summary>
    private static IReadOnlyList<string> Names(
        string path, OnnxModel model, OnnxSamples samples, IReadOnlyList<string> labels, int count)
    {
        IReadOnlyList<string> names = samples.Classes
            ?? OnnxMetadata.NamesOf(path, model.Metadata.GetValueOrDefault(OnnxMetadata.Classes))
            ?? (labels.Count == count ? labels : null) ?? [.. Enumerable.Range(0, count)
                .Select(number => string.Create(CultureInfo.InvariantCulture, $"class {number}"))];
        return names.Count == count
            ? names
            : throw new EngineException($"{path} tells {count} classes apart, and {names.Count} are named.");
    }
}
