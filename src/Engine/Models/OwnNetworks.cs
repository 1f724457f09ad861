using Engine.Data;
using Engine.Models.Description;

namespace Engine.Models;

/// <summary>Networks for data of any kind: descriptions whose input and last layer are filled in from the data.</summary>
internal static class OwnNetworks
{
    /// <summary>Gets what they are called.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mlp", "cnn", "small", "resnet"];

    /// <summary>Returns the network for such data unless told otherwise: cnn for pictures, mlp for all else.</summary>
    public static string DefaultFor(Preparation inputs) => inputs.Sides.Rank == 3 && inputs.Sides[1] >= 8 && inputs.Sides[2] >= 8 ? "cnn" : "mlp";

    /// <summary>Returns one of them.</summary>
    public static NetworkDescription Find(string name)
    {
        using Stream stream = typeof(OwnNetworks).Assembly.GetManifestResourceStream($"Models/{name}.json")!;
        using var reader = new StreamReader(stream);
        return DescriptionReader.Parse(reader.ReadToEnd(), $"{name}.json");
    }

    /// <summary>
    /// Returns a description with the sides of the samples for its input and the outputs of the target for its last
    /// layer.
    /// </summary>
    /// <exception cref="EngineException">The last layer is not dense.</exception>
    public static NetworkDescription Fill(NetworkDescription network, Preparation inputs, Target target)
    {
        LayerDescription last = network.Layers[^1];
        if (last.Kind.Name != "dense")
        {
            throw new EngineException(
                $"{network.Path}, line {last.Line}: the last layer is to be dense, for its units to be filled in: {target.Outputs}, and "
                + $"{(target is ClassTarget ? "softmax" : "linear")}.");
        }

        LayerDescription first = network.Layers[0];
        LayerDescription[] layers =
        [
            first with { Settings = first.Settings.With("sides", (int[])[.. inputs.Sides]) },
            .. network.Layers.Skip(1).SkipLast(1),
            last with
            {
                Settings = last.Settings.With("units", target.Outputs).With("nonlinearity", target is ClassTarget ? "softmax" : "linear"),
            },
        ];
        return network with { Layers = layers };
    }
}
