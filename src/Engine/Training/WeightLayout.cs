using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// How another library calls the parameters of a layer and lays them out, so that <see cref="LoadOptions.Layout"/> takes
/// them over. Layers themselves must be called alike: <see cref="LoadOptions.Rename"/> sees to that.
/// </summary>
public sealed class WeightLayout
{
    private readonly Func<Layer, string, (string Name, Func<NdArray, NdArray> Convert)?> _rule;

    private WeightLayout(
        string name, string[] passedOver, Func<Layer, string, (string Name, Func<NdArray, NdArray> Convert)?> rule) =>
        (Name, PassedOver, _rule) = (name, passedOver, rule);

    /// <summary>
    /// PyTorch's: <c>weight</c> and <c>bias</c>; a linear layer's weights are (outputs, inputs), a convolution's not
    /// flipped; BatchNorm has <c>running_mean</c>, <c>running_var</c> and a count that is passed over.
    /// </summary>
    public static WeightLayout PyTorch { get; } = new("PyTorch", ["*.num_batches_tracked"], static (layer, name) =>
        (layer, name) switch
        {
            (Dense, "W") => ("weight", values => Permuted(values, 1, 0)),
            (Conv2D conv, "W") => ("weight", values => conv.FlipFilters ? Flipped(values) : values),
            (BatchNorm, "mean") => ("running_mean", Same),
            (BatchNorm norm, "inv_std") => ("running_var", values => InverseRoot(values, norm.Epsilon)),
            (_, "W" or "gamma" or "alpha" or "scales") => ("weight", Same),
            (_, "b" or "beta") => ("bias", Same),
            _ => null,
        });

    /// <summary>
    /// Keras': <c>kernel</c> and <c>bias</c>; a convolution's weights are (height, width, inputs, outputs) and not flipped;
    /// BatchNorm has <c>moving_mean</c> and <c>moving_variance</c>. A Dense layer behind a Flatten of images has its inputs
    /// in another order there, channels last, and is not for this.
    /// </summary>
    public static WeightLayout Keras { get; } = new("Keras", [], static (layer, name) =>
        (layer, name) switch
        {
            (Conv2D conv, "W") => ("kernel", values =>
                conv.FlipFilters ? Flipped(Permuted(values, 3, 2, 0, 1)) : Permuted(values, 3, 2, 0, 1)),
            (Embedding, "W") => ("embeddings", Same),
            (BatchNorm, "mean") => ("moving_mean", Same),
            (BatchNorm norm, "inv_std") => ("moving_variance", values => InverseRoot(values, norm.Epsilon)),
            (_, "W") => ("kernel", Same),
            (_, "b") => ("bias", Same),
            (_, "gamma" or "beta" or "alpha") => (name, Same),
            _ => null,
        });

    /// <summary>The library's name.</summary>
    public string Name { get; }

    /// <summary>What its files hold that nothing here needs.</summary>
    internal IReadOnlyList<string> PassedOver { get; }

    /// <summary>The library's name.</summary>
    public override string ToString() => Name;

    /// <summary>Parameters under the names and in the layout of a network, where they are known by the library's.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Translated(
        IEnumerable<KeyValuePair<string, Tensor>> given, IReadOnlyList<Parameter> parameters)
    {
        var own = new Dictionary<string, (string Name, Func<NdArray, NdArray> Convert)>();
        foreach (Parameter parameter in parameters)
        {
            int dot = parameter.Name.LastIndexOf('.');
            if (_rule(parameter.Tags.Layer.Layer, parameter.Name[(dot + 1)..]) is { } rule)
            {
                own[$"{parameter.Name[..dot]}.{rule.Name}"] = (parameter.Name, rule.Convert);
            }
        }

        return given.Select(pair => own.TryGetValue(pair.Key, out (string Name, Func<NdArray, NdArray> Convert) known)
            ? KeyValuePair.Create(known.Name, Converted(pair.Value, known.Convert))
            : pair);
    }

    /// <summary>The same elements in another order; of a shape that cannot be, which is told of later, as they are.</summary>
    private static Tensor Converted(Tensor tensor, Func<NdArray, NdArray> convert) =>
        tensor.DType.IsFloat() ? convert(NdArray.From(tensor)).ToTensor(tensor.DType) : tensor;

    private static NdArray Same(NdArray values) => values;

    private static NdArray InverseRoot(NdArray variance, double epsilon) =>
        new(variance.Shape, [.. variance.Data.Select(value => 1 / Math.Sqrt(value + epsilon))]);

    /// <summary>Height and width from the other end.</summary>
    private static NdArray Flipped(NdArray filters)
    {
        if (filters.Shape.Rank != 4)
        {
            return filters;
        }

        int area = filters.Shape[2] * filters.Shape[3];
        return new NdArray(filters.Shape, [.. filters.Data.Chunk(area).SelectMany(Enumerable.Reverse)]);
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
}
