using System.Text.Json;
using Engine.Devices;
using Engine.IO;
using Engine.Runner.Description;
using Engine.Runner.Experiments;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// The metadata of a saved model in its safetensors file: the network's description, the names of the classes, and
/// whether it was trained on drawn images.
/// </summary>
/// <param name="Network">The network.</param>
/// <param name="Classes">The meaning of its outputs; empty if unknown.</param>
/// <param name="IsSynthetic">Whether the images it was trained on were drawn.</param>
internal sealed record ModelFile(NetworkDescription Network, IReadOnlyList<string> Classes, bool IsSynthetic)
{
    private const string NetworkKey = "network", ClassesKey = "classes", SyntheticKey = "synthetic";

    /// <summary>
    /// Creates the model, if it is one for samples of any kind or of an ONNX file; null for a network of CIFAR-10.
    /// </summary>
    public Func<Device?, DType, Models.Model>? Own { get; init; }

    /// <summary>Its parameters; null before they are saved or loaded.</summary>
    public OrderedDictionary<string, Tensor>? Parameters { get; init; }

    /// <summary>Reads a saved model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">The network, if the user names it: the name of a shipped one, or a file.</param>
    /// <param name="notes">Where to say which network is assumed if the file does not name one.</param>
    /// <param name="ignore">The names of what to pass over in it.</param>
    /// <param name="samples">The description of the samples of an ONNX file's network.</param>
    /// <exception cref="EngineException">It cannot be read, or it names no network and fits no known one.</exception>
    public static ModelFile Load(
        string path, string? network, TextWriter notes, IReadOnlyList<string>? ignore = null,
        Models.OnnxSamples? samples = null)
    {
        if (OnnxOptions.IsOnnx(path))
        {
            return new ModelFile(new NetworkDescription { Path = path, Layers = [] }, [], IsSynthetic: false)
            {
                Own = (device, _) => Models.Model.FromOnnx(path, samples, device),
            };
        }

        if (samples is not null)
        {
            throw new EngineException(
                $"{path} is no ONNX file: {OnnxOptions.Names} are about the samples of such, "
                + "and a saved network knows its own.");
        }

        SafetensorsFile file = Read(path, ignore);
        if (network is null && Models.Model.IsModel(file))
        {
            return new ModelFile(DescriptionReader.Parse(file.Metadata[NetworkKey], $"{path} (its network.json)"), [],
                IsSynthetic: false)
            {
                Own = (device, floatX) => Models.Model.Load(file, path, device, floatX),
                Parameters = file.Tensors,
            };
        }

        if (network is null && CharModel.IsModel(file))
        {
            throw new EngineException(
                $"{path} is a model of characters: '{CommandLine.Name} char {path}' writes a text, "
                + $"and '{CommandLine.Name} show {path}' shows its layers.");
        }

        NetworkDescription described;
        if (network is not null)
        {
            described = Networks.Find(network);
            // The shipped perceptron also stands for perceptrons with other hidden layers.
            described =
                described == Networks.Mlp && Networks.Of(file.Tensors) is { } told && told.Name == described.Name
                    ? told
                    : described;
        }
        else if (file.Metadata.TryGetValue(NetworkKey, out string? json))
        {
            described = DescriptionReader.Parse(json, $"{path} (its network.json)");
        }
        else if (Networks.Of(file.Tensors) is { } known)
        {
            notes.WriteLine(
                $"NOTE: {path} does not say of which network it is; by the names of its parameters it is taken for "
                + $"{known.Name}; --network says otherwise.");
            described = known;
        }
        else
        {
            throw new EngineException(
                $"{path} does not say of which network it is, as a file that C# saved does not, "
                + "and its parameters are not those of mlp (hidden.W) or cnn (conv1.W). "
                + $"Describe it with --network FILE: layers of these names and sizes, {Some(file.Tensors)}.");
        }

        string[] classes = file.Metadata.TryGetValue(ClassesKey, out string? names) ? Names(names, path) : [];
        bool isSynthetic = file.Metadata.TryGetValue(SyntheticKey, out string? drawn) && drawn == "true";
        return new ModelFile(described, classes, isSynthetic) { Parameters = file.Tensors };
    }

    /// <summary>Returns the network that a file describes; null if it describes none.</summary>
    /// <exception cref="EngineException">The file cannot be read, or its description is wrong.</exception>
    public static NetworkDescription? DescriptionIn(string path) =>
        Read(path).Metadata.TryGetValue(NetworkKey, out string? json)
            ? DescriptionReader.Parse(json, $"{path} (its network.json)")
            : null;

    /// <summary>Reads a file of parameters; the error for a file of another kind names that kind.</summary>
    /// <param name="path">The file.</param>
    /// <param name="ignore">The names of what to pass over in it.</param>
    /// <exception cref="EngineException">It cannot be read.</exception>
    public static SafetensorsFile Read(string path, IReadOnlyList<string>? ignore = null)
    {
        FileKind.Require(
            path, "A saved network is what --save wrote, or an .npz file of its parameters.", FileKind.Model,
            FileKind.Zip);
        return IO.Parameters.LoadAll(path, ignore);
    }

    /// <summary>
    /// Writes the network's parameters and metadata; to a file that ends in <c>.onnx</c>, the network as it predicts.
    /// </summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public void Save(string path, NeuralNet net)
    {
        if (Path.GetExtension(path).Equals(".onnx", StringComparison.OrdinalIgnoreCase))
        {
            net.ExportOnnx(path, OnnxMetadata);
            return;
        }

        IO.Parameters.Save(path, net.GetParameters(), Metadata);
    }

    /// <summary>Returns the metadata of an ONNX file, which says how <see cref="ImageInput"/> scales pixels.</summary>
    private Dictionary<string, string> OnnxMetadata
    {
        get
        {
            var metadata = new Dictionary<string, string>
            {
                [Models.OnnxMetadata.Mean] = "0.5",
                [Models.OnnxMetadata.Std] = "1",
            };
            if (Classes.Count > 0)
            {
                metadata[Models.OnnxMetadata.Classes] = JsonSerializer.Serialize(Classes);
            }

            return metadata;
        }
    }

    /// <summary>Returns the metadata beside the parameters.</summary>
    public IReadOnlyDictionary<string, string> Metadata
    {
        get
        {
            var metadata = new OrderedDictionary<string, string>
            {
                [NetworkKey] = Network.ToJson(),
                [ClassesKey] = JsonSerializer.Serialize(Classes),
            };
            if (IsSynthetic)
            {
                metadata[SyntheticKey] = "true";
            }

            return metadata;
        }
    }

    /// <summary>Returns the meaning of an output: the class's name, or its number if it has none.</summary>
    public string ClassName(int index) => index < Classes.Count ? Classes[index] : $"class {index}";

    private static string Some(OrderedDictionary<string, Tensor> parameters) =>
        string.Join(", ", parameters.Take(12).Select(one => $"{one.Key} {one.Value.Shape}"))
        + (parameters.Count > 12 ? " …" : "");

    private static string[] Names(string json, string path)
    {
        try
        {
            return JsonSerializer.Deserialize<string[]>(json) ?? [];
        }
        catch (JsonException error)
        {
            throw new EngineException(
                $"{path}: its names of classes are no list of texts in JSON: {error.Message}", error);
        }
    }
}
