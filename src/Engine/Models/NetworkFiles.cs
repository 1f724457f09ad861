using Engine.IO;
using Engine.Layers;
using Engine.Models.Description;

namespace Engine.Models;

/// <summary>
/// Saves and loads networks of any shape, including several inputs and outputs and shared layers. One safetensors file
/// contains the description and the parameters.
/// </summary>
public static class NetworkFiles
{
    /// <summary>The keys of what a network is besides its layers.</summary>
    private const string FloatXKey = "float_x", FrozenKey = "frozen", ThawedKey = "thawed";

    /// <summary>Saves a network. An existing file is replaced only when the new one is complete.</summary>
    /// <param name="network">The network.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="EngineException">
    /// Files cannot describe one of its layers, or the file cannot be written.
    /// </exception>
    public static void SaveNetwork(this Network network, string path)
    {
        ArgumentNullException.ThrowIfNull(network);
        NetworkDescription description = NetworkDescription.Of(network);
        Parameters.Save(
            path, network.Parameters.Select(
                parameter => KeyValuePair.Create(parameter.Name, parameter.Variable.GetValue())),
            new Dictionary<string, string>
            {
                [Model.NetworkKey] = description.ToJson(),
                [FloatXKey] = network.FloatX.Name(),
                [FrozenKey] = Names(network, parameter => parameter.IsFrozen && parameter.Tags.Layer.IsTrainable),
                [ThawedKey] = Names(network, parameter => !parameter.IsFrozen && !parameter.Tags.Layer.IsTrainable),
            });
    }

    /// <summary>Loads a network. No description is needed, and the file may be untrusted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="seed">The seed of the layers' random numbers.</param>
    /// <exception cref="EngineException">The file contains no network, or is damaged.</exception>
    public static Network LoadNetwork(string path, ulong seed = 1)
    {
        SafetensorsFile file = Parameters.LoadAll(path);
        if (!file.Metadata.TryGetValue(Model.NetworkKey, out string? description))
        {
            throw new EngineException(
                $"{path} does not say which network its parameters are of: "
                + "make the network in C# and load its parameters.");
        }

        var network = new Network(DescriptionReader.Parse(description, $"{path} (its network.json)").MakeOutputs())
        {
            FloatX = file.Metadata.TryGetValue(FloatXKey, out string? floatX) ? FloatXOf(floatX, path)
                : file.Tensors.Any(tensor => tensor.Value.DType == DType.Float64) ? DType.Float64 : DType.Float32,
            Seed = seed,
        };
        foreach (Parameter parameter in network.Parameters)
        {
            if (!file.Tensors.TryGetValue(parameter.Name, out Tensor? value) || value.Shape != parameter.Variable.Shape)
            {
                network.Dispose();
                throw new EngineException($"{path} is damaged: it lacks {parameter.Name}, {parameter.Variable.Shape}.");
            }

            parameter.Variable.SetValue(value.Cast(parameter.Variable.DType));
        }

        foreach ((string key, Action<string[]> set) in new (string, Action<string[]>)[]
            { (FrozenKey, names => network.Freeze(names)), (ThawedKey, names => network.Unfreeze(names)) })
        {
            if (file.Metadata.TryGetValue(key, out string? names) && names.Length > 0)
            {
                set(names.Split(NetworkDescription.NameSeparator));
            }
        }

        return network;
    }

    private static string Names(Network network, Func<Parameter, bool> which) => string.Join(
        NetworkDescription.NameSeparator, network.Parameters.Where(which).Select(parameter => parameter.Name));

    private static DType FloatXOf(string name, string path) =>
        ((DType[])[DType.Float32, DType.Float64]).Select(each => (DType?)each)
            .FirstOrDefault(each => each!.Value.Name() == name)
        ?? throw new EngineException(
            $"{path} is damaged: its network computes in '{name}', which is neither float32 nor float64.");
}
