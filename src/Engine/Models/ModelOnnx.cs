using System.Text.Json;
using Engine.Data;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Models;

/// <summary>
/// Writes a model as an ONNX graph that takes raw data. The preparation's transforms are nodes before the network, and
/// the scale of a value is a node after it.
/// </summary>
internal static class ModelOnnx
{
    /// <summary>Returns the bytes of the file.</summary>
    /// <exception cref="EngineException">ONNX has nothing like a transform or an op of a layer.</exception>
    public static ReadOnlyMemory<byte> Write(Model model)
    {
        var columns = new List<(Input Given, Variable Prepared)>(model.Inputs.Transforms.Select(Prepared));
        return model.Net.WriteOnnx(
            [.. columns.Select(column => column.Given)],
            takes =>
            {
                Variable joined = columns.Count == 1
                    ? columns[0].Prepared
                    : Concat(1, [.. columns.Select(column => column.Prepared)]);
                Shape dimensions = takes.Shape;
                return joined.Rank == dimensions.Rank && joined.Shape.Skip(1).SequenceEqual(dimensions.Skip(1))
                    ? Cast(joined, takes.DType)
                    : Cast(Reshape(joined, dimensions), takes.DType);
            },
            output => model.Target is ValueTarget target ? (output * target.Std) + target.Mean : output,
            model.Target.Column,
            columns.Zip(model.Inputs.Transforms).Where(pair => WordsOf(pair.Second) is not null)
                .ToDictionary(pair => pair.First.Given, pair => WordsOf(pair.Second)!),
            Metadata(model));
    }

    /// <summary>Returns what <see cref="Model.FromOnnx"/> reads of a file beside its graph.</summary>
    private static Dictionary<string, string> Metadata(Model model)
    {
        var metadata = new Dictionary<string, string> { [OnnxMetadata.Target] = model.Target.Column };
        if (model.Inputs.Transforms is [ScaledPlanes])
        {
            metadata[Model.PixelRangeKey] = Model.BytePixels;
        }

        if (model.Target is ClassTarget classes)
        {
            metadata[OnnxMetadata.Classes] = JsonSerializer.Serialize(classes.Classes);
        }

        return metadata;
    }

    private static IReadOnlyList<string>? WordsOf(Transform transform) => transform switch
    {
        OneHot categories => categories.Values,
        WordCounts texts => texts.Vocabulary,
        _ => null,
    };

    private static (Input, Variable) Prepared(Transform transform)
    {
        switch (transform)
        {
            case ScaledNumber number:
                Input x = new(new TensorType(DType.Float32, [Shape.Unknown, 1]), number.Column);
                return (x, (Where(IsNaN(x), number.Median, x) - number.Mean) / number.Std);
            case OneHot words:
                Input index = new(new TensorType(DType.Int32, [Shape.Unknown, 1]), words.Column);
                Variable known = Where(Less(index, 0), Constant(Tensor.From([words.Mode], 1, 1)), index);
                return (index, Cast(Equal(known, Row(Enumerable.Range(0, words.Values.Count))), DType.Float32));
            case WordCounts texts:
                // The numbers of a text's words, as many as the longest text has; those that fill up count as no word.
                Input word = new(new TensorType(DType.Int32, [Shape.Unknown, Shape.Unknown]), texts.Column);
                Variable counts = Sum(Cast(
                    Equal(ExpandDims(word, 2), Row(Enumerable.Range(0, texts.Vocabulary.Count))), DType.Float32), [1]);
                Variable weighted = counts * Constant(Tensor.From([.. texts.Weights], 1, texts.Weights.Count));
                Variable squares = Sum(weighted * weighted, [1], keepDims: true);
                return (word,
                    weighted * Where(Greater(squares, 0), WordCounts.Length / Sqrt(Maximum(squares, 1e-30)), 0));
            case ScaledPlanes planes:
                Input pixels = new(new TensorType(DType.Float32, [Shape.Unknown, .. planes.Size]), planes.Column);
                int[] dimensions = [1, planes.Mean.Count, .. Enumerable.Repeat(1, planes.Size.Count - 1)];
                Variable mean = Constant(Tensor.From([.. planes.Mean], dimensions));
                Variable scale = Constant(Tensor.From([.. planes.Std.Select(std => 1 / std)], dimensions));
                return (pixels, (pixels - mean) * scale);
            default:
                throw new EngineException($"ONNX has nothing like {transform.GetType().Name} of '{transform.Column}'.");
        }
    }

    private static Constant Row(IEnumerable<int> numbers)
    {
        int[] all = [.. numbers];
        return Constant(Tensor.From(all, 1, all.Length));
    }
}
