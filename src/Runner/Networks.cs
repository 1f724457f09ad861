using Engine.Layers;
using Engine.Ops;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The source's two networks, with its names for their layers.</summary>
internal static class Networks
{
    /// <summary>The flat grey pixels, dense layers, ten probabilities.</summary>
    public static (string Name, Layer Layer)[] Mlp(IReadOnlyList<int> hidden) =>
    [
        ("input", new Input(1024)),
        .. hidden.Select((units, i) => (HiddenName(i, hidden.Count), (Layer)new Dense(units))),
        ("output", new Dense(10, Symbolic.Softmax)),
    ];

    /// <summary>Three convolutions with max pooling, a dense layer, ten probabilities.</summary>
    public static (string Name, Layer Layer)[] Cnn() =>
    [
        ("input", new Input(1, 32, 32)),
        ("conv1", new Conv2D(16, 3)),
        ("pool1", new MaxPool2D(2)),
        ("conv2", new Conv2D(32, 2)),
        ("pool2", new MaxPool2D(2)),
        ("conv3", new Conv2D(64, 2)),
        ("pool3", new MaxPool2D(2)),
        ("hidden4", new Dense(200)),
        ("output", new Dense(10, Symbolic.Softmax)),
    ];

    /// <summary>The network that parameters belong to, told by their names, or their order, and shapes.</summary>
    /// <exception cref="EngineException">They are of neither network.</exception>
    public static ((string Name, Layer Layer)[] Layers, bool IsFlat) Of(IReadOnlyDictionary<string, Tensor> parameters)
    {
        if (parameters.ContainsKey("arr_0"))
        {
            return OfNumbered(parameters);
        }

        if (parameters.ContainsKey("conv1.W"))
        {
            return (Cnn(), false);
        }

        if (parameters.TryGetValue("hidden.W", out Tensor? single) && single.Shape.Rank == 2)
        {
            return (Mlp([single.Shape[1]]), true);
        }

        var hidden = new List<int>();
        while (parameters.TryGetValue($"hidden{hidden.Count + 1}.W", out Tensor? w) && w.Shape.Rank == 2)
        {
            hidden.Add(w.Shape[1]);
        }

        return hidden.Count > 0
            ? (Mlp(hidden), true)
            : throw new EngineException(
                "The file holds the parameters of neither mlp (hidden.W or hidden1.W …) nor cnn (conv1.W …), but "
                + $"{string.Join(", ", parameters.Keys.Take(5))}.");
    }

    /// <summary>The network whose parameters Lasagne saved in order: weights and biases by turns.</summary>
    private static ((string Name, Layer Layer)[] Layers, bool IsFlat) OfNumbered(
        IReadOnlyDictionary<string, Tensor> parameters)
    {
        if (parameters["arr_0"].Shape.Rank == 4)
        {
            return (Cnn(), false);
        }

        var sizes = new List<int>();
        while (parameters.TryGetValue($"arr_{2 * sizes.Count}", out Tensor? w) && w.Shape.Rank == 2)
        {
            sizes.Add(w.Shape[1]);
        }

        return sizes.Count > 1
            ? (Mlp(sizes[..^1]), true)
            : throw new EngineException(
                $"The file's {parameters.Count} arrays are the parameters of neither mlp nor cnn: arr_0 is "
                + $"{parameters["arr_0"].Shape}.");
    }

    private static string HiddenName(int index, int count) => count == 1 ? "hidden" : $"hidden{index + 1}";
}
