using Engine.IO;
using Engine.Layers;
using Engine.Models.Description;

namespace Engine.Models;

/// <summary>
/// Networks of any shape, with several inputs and outputs and layers in several places, whole in one file: what they are and their
/// parameters, in the format safetensors.
/// </summary>
public static class NetworkFiles
{
    /// <summary>Writes a network; a former file is replaced only by a whole one.</summary>
    /// <param name="network">The network.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="EngineException">It has a layer that files have no words for, or the file cannot be written.</exception>
    public static void SaveNetwork(this Network network, string path)
    {
        ArgumentNullException.ThrowIfNull(network);
        NetworkDescription description = NetworkDescription.Of(network);
        Parameters.Save(
            path, network.Parameters.Select(parameter => KeyValuePair.Create(parameter.Name, parameter.Variable.GetValue())),
            new Dictionary<string, string> { [Model.NetworkKey] = description.ToJson() });
    }

    /// <summary>Reads a network, which needs no description; the file may come from a stranger.</summary>
    /// <param name="path">The file.</param>
    /// <param name="seed">What the layers' random numbers are a function of.</param>
    /// <exception cref="EngineException">It holds no network, or is damaged.</exception>
    public static Network LoadNetwork(string path, ulong seed = 1)
    {
        SafetensorsFile file = Parameters.LoadAll(path);
        if (!file.Metadata.TryGetValue(Model.NetworkKey, out string? description))
        {
            throw new EngineException(
                $"{path} does not say which network its parameters are of: make the network in C# and load its parameters.");
        }

        var network = new Network(DescriptionReader.Parse(description, $"{path} (its network.json)").MakeOutputs()) { Seed = seed };
        foreach (Parameter parameter in network.Parameters)
        {
            if (!file.Tensors.TryGetValue(parameter.Name, out Tensor? value) || value.Shape != parameter.Variable.Shape)
            {
                network.Dispose();
                throw new EngineException($"{path} is damaged: it lacks {parameter.Name}, {parameter.Variable.Shape}.");
            }

            parameter.Variable.SetValue(value.Cast(parameter.Variable.DType));
        }

        return network;
    }
}
