using System.Text.RegularExpressions;
using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// Describes the names and the layout of a layer's parameters in another library, for <see cref="LoadOptions.Layout"/>.
/// The names of the layers themselves must be equal: use <see cref="LoadOptions.Rename"/>.
/// </summary>
public sealed class WeightLayout
{
    private readonly Func<Layer, string, Source?> _rule;

    // The library's names of layers within layers: a pattern and its replacement.
    private readonly IReadOnlyList<(Regex Ours, string Theirs)> _inner;

    private WeightLayout(
        string name, string[] ignored, IReadOnlyList<(Regex Ours, string Theirs)> inner,
        Func<Layer, string, Source?> rule) =>
        (Name, Ignored, _inner, _rule) = (name, ignored, inner, rule);

    /// <summary>
    /// Gets PyTorch's layout: <c>weight</c> and <c>bias</c>. A linear layer's weights are (outputs, inputs); a
    /// convolution's are not flipped. BatchNorm has <c>running_mean</c>, <c>running_var</c> and a count that is
    /// ignored; its epsilon is the layer's <see cref="BatchNorm.Epsilon"/> if that is set, else PyTorch's 1e-5. A
    /// recurrent layer has <c>weight_ih_l0</c>, <c>weight_hh_l0</c> and two biases; stacked layers have numbers, the
    /// backward direction <c>_reverse</c>. Attention has <c>in_proj_weight</c> and <c>out_proj.weight</c>; a
    /// transformer block has <c>self_attn</c>, <c>linear1</c> and <c>linear2</c>.
    /// </summary>
    public static WeightLayout PyTorch { get; } = new(
        "PyTorch", ["*.num_batches_tracked"],
        [
            (Named(@"\.layer(\d+)\.forwards\.(\w+)_l0$"), ".$2_l$1"),
            (Named(@"\.layer(\d+)\.backwards\.(\w+)_l0$"), ".$2_l$1_reverse"),
            (Named(@"\.layer(\d+)\.(\w+)_l0$"), ".$2_l$1"), (Named(@"\.forwards\.(\w+)_l0$"), ".$1_l0"),
            (Named(@"\.backwards\.(\w+)_l0$"), ".$1_l0_reverse"),
            (Named(@"\.attention\.(\w+|out_proj\.\w+)$"), ".self_attn.$1"),
            (Named(@"\.inner\.(\w+)$"), ".linear1.$1"), (Named(@"\.outer\.(\w+)$"), ".linear2.$1"),
        ],
        static (layer, name) => (layer, name) switch
        {
            (Dense, "W") => new("weight", Transposed),
            (Conv2D conv, "W") => new("weight", values => conv.FlipFilters ? Flipped(values) : values),
            (Conv1D conv, "W") => new("weight", values => conv.FlipFilters ? Flipped(values) : values),
            (Conv3D conv, "W") => new("weight", values => conv.FlipFilters ? Flipped(values) : values),
            (ConvTranspose2D conv, "W") => new("weight", values => conv.FlipFilters ? Flipped(values) : values),
            (BatchNorm, "mean") => new("running_mean", Same),
            (BatchNorm norm, "inv_std") => new("running_var", values => InverseRoot(values, norm.OwnEpsilon ?? 1e-5)),
            (MultiHeadAttention, "Wo") => new("out_proj.weight", Transposed),
            (MultiHeadAttention, "bo") => new("out_proj.bias", Same),
            (MultiHeadAttention, ['W', var part]) =>
                new("in_proj_weight", values => Transposed(Third(values, "qkv".IndexOf(part)))),
            (MultiHeadAttention, ['b', var part]) => new("in_proj_bias", values => Third(values, "qkv".IndexOf(part))),
            (GatedLayer, "W") => new("weight_ih_l0", Transposed),
            (GatedLayer, "U") => new("weight_hh_l0", Transposed),
            (Gru, "b") => new("bias_ih_l0", Same),
            (Gru, "c") => new("bias_hh_l0", Same),
            (GatedLayer, "b") => new(["bias_ih_l0", "bias_hh_l0"], Sum),
            (_, "W" or "gamma" or "alpha" or "scales") => new("weight", Same),
            (_, "b" or "beta") => new("bias", Same),
            _ => null,
        });

    /// <summary>
    /// Gets Keras' layout: <c>kernel</c> and <c>bias</c>. A convolution's weights are (height, width, inputs, outputs)
    /// and not flipped. A depthwise one has (height, width, channels, multiplier), also called <c>depthwise_kernel</c>,
    /// a separable one that and <c>pointwise_kernel</c>. A recurrent layer has <c>recurrent_kernel</c> too; a GRU has
    /// the gates in another order and two rows of biases (<c>reset_after=True</c>, the default there). BatchNorm has
    /// <c>moving_mean</c> and <c>moving_variance</c>; its epsilon is the layer's <see cref="BatchNorm.Epsilon"/> if
    /// that is set, else Keras' 1e-3. A Dense layer after a Flatten of images is not supported, because Keras orders
    /// its inputs with channels last.
    /// </summary>
    public static WeightLayout Keras { get; } = new(
        "Keras", [],
        [
            (Named(@"\.depthwise\.kernel$"), ".depthwise_kernel"),
            (Named(@"\.pointwise\.kernel$"), ".pointwise_kernel"),
            (Named(@"\.pointwise\.bias$"), ".bias"), (Named(@"\.kernel$"), ".depthwise_kernel"),
        ],
        static (layer, name) => (layer, name) switch
        {
            (Conv2D conv, "W") =>
                new("kernel", values => conv.FlipFilters ? Flipped(Filters(values, conv)) : Filters(values, conv)),
            (Conv1D conv, "W") => new("kernel", values =>
                conv.FlipFilters ? Flipped(Permuted(values, 2, 1, 0)) : Permuted(values, 2, 1, 0)),
            (ConvTranspose2D conv, "W") => new("kernel", values =>
                conv.FlipFilters ? Flipped(Permuted(values, 3, 2, 0, 1)) : Permuted(values, 3, 2, 0, 1)),
            (Conv3D conv, "W") => new("kernel", values =>
                conv.FlipFilters ? Flipped(Permuted(values, 4, 3, 0, 1, 2)) : Permuted(values, 4, 3, 0, 1, 2)),
            (Embedding, "W") => new("embeddings", Same),
            (BatchNorm, "mean") => new("moving_mean", Same),
            (BatchNorm norm, "inv_std") =>
                new("moving_variance", values => InverseRoot(values, norm.OwnEpsilon ?? 1e-3)),
            (Gru, "W") => new("kernel", ResetFirst),
            (Gru, "U") => new("recurrent_kernel", ResetFirst),
            (Gru, "b") => new("bias", values => ResetFirst(Row(values, 0))),
            (Gru, "c") => new("bias", values => ResetFirst(Row(values, 1))),
            (GatedLayer, "U") => new("recurrent_kernel", Same),
            (MultiHeadAttention, _) => null,
            (_, "W") => new("kernel", Same),
            (_, "b") => new("bias", Same),
            (_, "gamma" or "beta" or "alpha") => new(name, Same),
            _ => null,
        });

    /// <summary>Gets the library's name.</summary>
    public string Name { get; }

    /// <summary>Gets the names of parameters in its files that this library does not need.</summary>
    internal IReadOnlyList<string> Ignored { get; }

    /// <summary>Returns the library's name.</summary>
    public override string ToString() => Name;

    /// <summary>Converts parameters from the library's names and layout to the network's.</summary>
    internal IReadOnlyList<KeyValuePair<string, Tensor>> Translated(
        IEnumerable<KeyValuePair<string, Tensor>> given, IReadOnlyList<Parameter> parameters)
    {
        var left = new OrderedDictionary<string, Tensor>(given);
        var used = new HashSet<string>();
        var translated = new List<KeyValuePair<string, Tensor>>();
        foreach (Parameter parameter in parameters)
        {
            int dot = parameter.Name.LastIndexOf('.');
            if (_rule(parameter.Tags.Layer.Layer, parameter.Name[(dot + 1)..]) is not { } source)
            {
                continue;
            }

            string[] names =
                [.. source.Names.Select(name => Theirs($"{parameter.Name[..dot]}.{name}", left.ContainsKey))];
            if (names.All(name => left.TryGetValue(name, out Tensor? value) && value.DType.IsFloat()))
            {
                used.UnionWith(names);
                translated.Add(KeyValuePair.Create(
                    parameter.Name,
                    source.Convert([.. names.Select(name => NdArray.From(left[name]))])
                        .ToTensor(left[names[0]].DType)));
            }
        }

        return [.. translated, .. left.Where(pair => !used.Contains(pair.Key))];
    }

    private static Regex Named(string pattern) => new(pattern, RegexOptions.CultureInvariant);

    /// <summary>Returns the library's name of a parameter. Layers within layers may have other names there.</summary>
    private string Theirs(string name, Func<string, bool> isGiven) => isGiven(name) ? name : _inner
        .Where(pair => pair.Ours.IsMatch(name)).Select(pair => pair.Ours.Replace(name, pair.Theirs))
        .FirstOrDefault(isGiven) ?? name;

    private static NdArray Same(NdArray values) => values;

    private static NdArray InverseRoot(NdArray variance, double epsilon) =>
        new(variance.Shape, [.. variance.Data.Select(value => 1 / Math.Sqrt(value + epsilon))]);

    /// <summary>Reverses height and width.</summary>
    private static NdArray Flipped(NdArray filters)
    {
        if (filters.Shape.Rank < 3)
        {
            return filters;
        }

        int area = filters.Shape.Product(2, filters.Shape.Rank);
        return new NdArray(filters.Shape, [.. filters.Data.Chunk(area).SelectMany(Enumerable.Reverse)]);
    }

    /// <summary>
    /// Returns the filters of a convolution in Keras, those of a depthwise one (height, width, channels, multiplier).
    /// </summary>
    private static NdArray Filters(NdArray values, Conv2D conv)
    {
        bool isDepthwise = conv.Groups > 1 && values.Shape.Rank == 4
            && values.Shape[2] == conv.Groups && values.Shape[2] * values.Shape[3] == conv.Filters;
        return isDepthwise
            ? new NdArray([conv.Filters, 1, values.Shape[0], values.Shape[1]], Permuted(values, 2, 3, 0, 1).Data)
            : Permuted(values, 3, 2, 0, 1);
    }

    /// <summary>Returns the gates of a GRU in the order reset, update, new, from Keras' update, reset, new.</summary>
    private static NdArray ResetFirst(NdArray values)
    {
        int width = values.Shape.Rank == 0 ? 0 : values.Shape[values.Shape.Rank - 1], units = width / 3;
        return units == 0 || width % 3 != 0
            ? values
            : new NdArray(values.Shape, [.. values.Data.Chunk(width).SelectMany(gates =>
            (double[])[.. gates[units..(2 * units)], .. gates[..units], .. gates[(2 * units)..]])]);
    }

    private static NdArray Row(NdArray values, int row) => values.Shape.Rank == 2 && values.Shape[0] == 2
        ? new NdArray([values.Shape[1]], values.Data[(row * values.Shape[1])..((row + 1) * values.Shape[1])])
        : values;

    private static NdArray Transposed(NdArray values) => Permuted(values, 1, 0);

    private static NdArray Sum(NdArray[] values) => values.All(each => each.Shape == values[0].Shape)
        ? new NdArray(values[0].Shape, [.. values[0].Data.Zip(values[1].Data, (a, b) => a + b)])
        : values[0];

    /// <summary>Returns a third of the rows.</summary>
    private static NdArray Third(NdArray values, int which)
    {
        if (values.Shape.Rank == 0 || values.Shape[0] % 3 != 0)
        {
            return values;
        }

        int length = values.Data.Length / 3;
        return new NdArray(
            values.Shape.With(0, values.Shape[0] / 3), values.Data[(which * length)..((which + 1) * length)]);
    }

    private static NdArray Permuted(NdArray values, params int[] axes)
    {
        if (values.Shape.Rank != axes.Length)
        {
            return values;
        }

        var permuted = new NdArray([.. axes.Select(axis => values.Shape[axis])]);
        foreach (int[] index in NdArray.Indices(permuted.Shape))
        {
            int[] from = new int[axes.Length];
            for (int i = 0; i < axes.Length; i++)
            {
                from[axes[i]] = index[i];
            }

            permuted[index] = values[from];
        }

        return permuted;
    }

    /// <summary>
    /// Describes how a parameter is made from the library's parameters. Parameters of unexpected shapes stay unchanged;
    /// they are refused later.
    /// </summary>
    private sealed record Source(string[] Names, Func<NdArray[], NdArray> Convert)
    {
        public Source(string name, Func<NdArray, NdArray> convert) : this([name], values => convert(values[0]))
        {
        }
    }
}
