using Engine.Data;
using Engine.Models.Description;

namespace Engine.Models;

/// <summary>
/// Provides networks for any kind of data. The input and the last layer of their descriptions are filled in from the
/// data.
/// </summary>
internal static class OwnNetworks
{
    /// <summary>Gets their names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mlp", "cnn", "small", "resnet"];

    /// <summary>Returns the default network for such data: cnn for pictures, mlp for other data.</summary>
    public static string DefaultFor(DataSet data) =>
        data.Train.Columns.Where(column => column.Name != data.Target)
            .Any(column => column is VectorColumn { Dimensions: { Rank: 3 } dimensions } && dimensions[1] >= 8
                && dimensions[2] >= 8) ? "cnn" : "mlp";

    /// <summary>Returns a network by name.</summary>
    public static NetworkDescription Find(string name)
    {
        using Stream stream = typeof(OwnNetworks).Assembly.GetManifestResourceStream($"Models/{name}.json")!;
        using var reader = new StreamReader(stream);
        return DescriptionReader.Parse(reader.ReadToEnd(), $"{name}.json");
    }

    /// <summary>
    /// Returns a description with the samples' shape in its input, and the target's number of outputs in its last
    /// layer.
    /// </summary>
    /// <exception cref="EngineException">The last layer is not dense.</exception>
    public static NetworkDescription Fill(NetworkDescription network, Preparation inputs, Target target)
    {
        LayerDescription last = network.Layers[^1];
        if (last.Kind.Name != "dense")
        {
            throw new EngineException(
                $"{network.Path}, line {last.Line}: the last layer is to be dense, "
                + $"for its units to be filled in: {target.Outputs}, "
                + $"and {(target is ClassTarget ? "softmax" : "linear")}.");
        }

        LayerDescription first = network.Layers[0];
        LayerDescription[] layers =
        [
            first with { Settings = first.Settings.With("shape", (int[])[.. inputs.Dimensions]) },
            .. network.Layers.Skip(1).SkipLast(1),
            last with
            {
                Settings = last.Settings.With("units", target.Outputs)
                    .With("nonlinearity", target is ClassTarget ? "softmax" : "linear"),
            },
        ];
        return network with { Layers = layers };
    }
}
