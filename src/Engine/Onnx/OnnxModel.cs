using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.IO;
using Engine.Layers;
using Input = Engine.Graph.Input;

namespace Engine.Onnx;

/// <summary>
/// Represents a network from an ONNX file: a graph with named inputs and outputs, whose weights are shared variables.
/// You can run it, use it in other graphs, and train it.
/// </summary>
/// <remarks>
/// Dimensions that are unknown in the file stay unknown in the graph. A shape may depend on values, such as an input
/// that is a shape, or on dimensions in a way that a graph cannot express. Then
/// <see cref="Run(IReadOnlyList{Tensor})"/> builds a graph for each of these values or shapes, and
/// <see cref="Build(IReadOnlyDictionary{string, Variable}, IReadOnlyList{string})"/> needs variables of known shapes.
/// </remarks>
public sealed class OnnxModel : IDisposable
{
    /// <summary>The maximum number of kept graphs, if each is valid only for some shapes or values.</summary>
    private const int MaxGraphs = 16;

    private readonly OnnxFile _file;
    private readonly string _path;
    private readonly Dictionary<OnnxTensor, SharedVariable> _parameters = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _byShape = [];
    private readonly List<(string Key, Made Made)> _graphs = [];
    private readonly Lock _making = new();

    private OnnxModel(OnnxFile file, string path)
    {
        (_file, _path) = (file, path);
        HashSet<string> initialized = [.. file.Graph.Initializers.Select(tensor => tensor.Name)];
        Inputs = [.. file.Graph.Inputs.Where(input => !initialized.Contains(input.Name)).Select(PortOf)];
        Outputs = [.. file.Graph.Outputs.Select(PortOf)];
        foreach (OnnxPort input in Inputs)
        {
            if (input.Type == OnnxType.Undefined || input.Shape.Problem is not null)
            {
                throw new ModelFileException(
                    $"{path}: the input {input} is of no type, or of dimensions that no array has.");
            }
        }

        if (Inputs.DistinctBy(input => input.Name).Count() != Inputs.Count || Outputs.Count == 0)
        {
            throw new ModelFileException($"{path}: its graph has no outputs, or two inputs of one name.");
        }

        _byShape.UnionWith(Inputs.Where(input => !input.IsRankKnown).Select(input => input.Name));
        OnnxImporter.Check(file, path, file.Graph);
    }

    /// <summary>Gets the inputs.</summary>
    public IReadOnlyList<OnnxPort> Inputs { get; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<OnnxPort> Outputs { get; }

    /// <summary>Gets the weights that the outputs depend on, with their names in the file.</summary>
    public IReadOnlyList<SharedVariable> Parameters
    {
        get
        {
            lock (_making)
            {
                return [.. _parameters.Values];
            }
        }
    }

    /// <summary>Gets the program that wrote the file, and its version.</summary>
    public string Producer => $"{_file.Producer} {_file.ProducerVersion}".Trim();

    /// <summary>Gets the model's version of ONNX's operator set.</summary>
    public long OpSet => _file.OpSets.GetValueOrDefault("", 0);

    /// <summary>Gets the file's metadata by name.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    internal OnnxFile File => _file;

    /// <summary>Gets whether the network that is built first takes the weights instead of copies.</summary>
    internal bool GivesWeights { get; private set; }

    /// <summary>Reads a model. All of its ops must be supported.</summary>
    /// <param name="path">The file. Tensors may be in other files of its folder.</param>
    /// <exception cref="ModelFileException">
    /// The file is no ONNX model, is damaged, or needs an op, an attribute or a type that is not supported. The message
    /// has the node, the operator set version and the program that wrote the file.
    /// </exception>
    /// <exception cref="EngineException">The file cannot be read.</exception>
    public static OnnxModel Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using ModelBytes bytes = ModelBytes.Open(path);
        return Of(bytes, Path.GetDirectoryName(Path.GetFullPath(path)));
    }

    internal static OnnxModel Of(ModelBytes bytes, string? folder)
    {
        var model = new OnnxModel(OnnxParser.Model(bytes, folder), bytes.Name);
        model.TryOpenGraph();
        return model;
    }

    /// <summary>Builds the outputs as variables that depend on other variables.</summary>
    /// <param name="inputs">A variable for each input that the outputs depend on, by its name.</param>
    /// <param name="outputs">
    /// The names of outputs, or of results of inner nodes. The default is the file's outputs.
    /// </param>
    /// <exception cref="ModelFileException">
    /// An input is missing or does not fit, there is no such output, or a shape depends on values that are not
    /// constant.
    /// </exception>
    public IReadOnlyList<Variable> Build(
        IReadOnlyDictionary<string, Variable> inputs, params IReadOnlyList<string> outputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        try
        {
            lock (_making)
            {
                return [.. Build(inputs, outputs, ParameterOf).Select(output => output.Variable)];
            }
        }
        catch (NotKnownException error)
        {
            throw NotKnown(error);
        }
    }

    /// <summary>
    /// Returns the model, up to a result, as a node on inputs with the file's names. To add layers, write <c>new
    /// NeuralNet(model.ToNode("features").Then(new Dense(10, Softmax)))</c>. The first dimension of inputs and result
    /// is the number of samples, which may be any.
    /// </summary>
    /// <param name="output">The name of an output, or of an inner node's result; null for the only output.</param>
    /// <param name="name">The layer's name.</param>
    /// <exception cref="EngineException">
    /// There is no such result, or a dimension of an input other than the first is unknown in the file.
    /// </exception>
    public Node ToNode(string? output = null, string name = "onnx")
    {
        string result = output ?? (Outputs.Count == 1 ? Outputs[0].Name : throw new EngineException(
            $"{_path} has {Outputs.Count} outputs ({string.Join(", ", Outputs.Select(port => $"'{port.Name}'"))}): "
            + "name one."));
        (OnnxLayer layer, IReadOnlyList<OnnxPort> inputs) = LayerOf(result);
        return new Node(
            layer,
            [.. inputs.Select(
                input => (Node)new Layers.Input([.. input.Shape.Skip(1)])
                {
                    Name = input.Name,
                    DType = SampleType(input.DType),
                })],
            name);
    }

    /// <summary>
    /// Returns the dtype of a network's input for a type of samples; null for the network's floating-point type. int32
    /// samples reach the layers unchanged, for example as indices.
    /// </summary>
    private static DType? SampleType(DType dtype) => dtype switch
    {
        DType.Int32 or DType.Int64 => DType.Int32,
        DType.UInt8 or DType.Bool => DType.UInt8,
        _ => null,
    };

    /// <summary>Returns the layer that computes a result, and its inputs.</summary>
    internal (OnnxLayer Layer, IReadOnlyList<OnnxPort> Inputs) LayerOf(string result)
    {
        if (!_file.Graph.Nodes.Any(node => node.Outputs.Contains(result)))
        {
            throw new EngineException(
                $"No node of {_path} gives '{result}'; "
                + $"it ends with {string.Join(", ", Outputs.Select(port => $"'{port.Name}'"))}.");
        }

        HashSet<string> needed = OnnxImporter.Names(_file.Graph, [result]);
        OnnxPort[] inputs = [.. Inputs.Where(input => needed.Contains(input.Name))];
        return inputs.FirstOrDefault(
            input => input.Shape.Rank < 2 || input.Shape.Skip(1).Any(dimension => dimension < 1)) is { } open
            ? throw new EngineException(
                $"The input {open} of {_path} cannot be a network's: the dimensions of a sample must be known, "
                + "behind the number of samples.")
            : (new OnnxLayer(this, result, inputs), inputs);
    }

    /// <summary>Returns what the file says of a classifier's output.</summary>
    internal OnnxClasses ClassesOf(string result) => OnnxClasses.Of(_file.Graph, result);

    /// <summary>Returns the model as a network that can be trained further: see <see cref="ToNode"/>.</summary>
    /// <inheritdoc cref="ToNode"/>
    public Network ToNetwork(string? output = null) => new(ToNode(output))
    {
        FloatX = Inputs.Any(input => input.Type == OnnxType.Double) ? DType.Float64 : DType.Float32,
    };

    /// <summary>Computes the outputs. The default is the default device.</summary>
    /// <param name="inputs">A tensor for each input, in order.</param>
    /// <exception cref="EngineException">
    /// A tensor does not fit its input, or the model does not support such shapes.
    /// </exception>
    public Tensor[] Run(params IReadOnlyList<Tensor> inputs) => Run(Device.Default, inputs);

    /// <inheritdoc cref="Run(IReadOnlyList{Tensor})"/>
    public Tensor[] Run(Device device, params IReadOnlyList<Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count != Inputs.Count)
        {
            throw new EngineException(
                $"{_path} has {Inputs.Count} inputs ({string.Join(", ", Inputs)}), and {inputs.Count} are given.");
        }

        foreach ((OnnxPort port, Tensor given) in Inputs.Zip(inputs))
        {
            if (given.DType != port.DType || (port.IsRankKnown && !port.Shape.Admits(given.Shape)))
            {
                throw new EngineException($"The input {port} of {_path} cannot take a {given.TypeText}.");
            }
        }

        Made made = GraphFor(device, inputs);
        Tensor[] computed = made.Function.Call([.. made.Given.Select(index => inputs[index])]);
        return computed;
    }

    /// <summary>Frees the weights and the graphs.</summary>
    public void Dispose()
    {
        lock (_making)
        {
            _graphs.ForEach(graph => graph.Made.Function.Dispose());
            _graphs.Clear();
            foreach (SharedVariable parameter in _parameters.Values)
            {
                parameter.Dispose();
            }
        }
    }

    /// <summary>
    /// Leaves the weights to the network that is built first, so that they are in memory once. The model itself cannot
    /// run any more.
    /// </summary>
    internal void GiveWeights()
    {
        GivesWeights = true;
        Dispose();
    }

    /// <summary>Returns the shape of a result for any number of samples, without their axis.</summary>
    internal Shape SampleShape(string result, IReadOnlyList<OnnxPort> inputs)
    {
        try
        {
            lock (_making)
            {
                var given = inputs.ToDictionary(
                    port => port.Name,
                    port => (Variable)new Input(
                        new TensorType(port.DType, port.Shape.With(0, Shape.Unknown)), port.Name));
                return [.. Build(given, [result], ParameterOf)[0].Shape.Skip(1)];
            }
        }
        catch (NotKnownException error)
        {
            throw NotKnown(error);
        }
    }

    /// <summary>Builds the outputs from inputs. <paramref name="parameter"/> creates the weights.</summary>
    internal OnnxValue[] Build(
        IReadOnlyDictionary<string, Variable> inputs, IReadOnlyList<string> outputs,
        Func<OnnxTensor, Variable> parameter)
    {
        var values = new Dictionary<string, OnnxValue>();
        foreach (OnnxPort port in Inputs)
        {
            if (!inputs.TryGetValue(port.Name, out Variable? given))
            {
                continue;
            }

            if (given.DType != port.DType || (port.IsRankKnown && !port.Shape.Admits(given.Shape)))
            {
                throw new ModelFileException($"{_path}: the input {port} cannot be a {given.Type}.");
            }

            values.Add(port.Name,
                given is Constant constant ? OnnxValue.Of(port.Type, constant.Value) : OnnxValue.Of(port.Type, given));
        }

        OnnxValue[] built = new OnnxImporter(_file, _path, parameter).Graph(
            _file.Graph, values, outputs.Count == 0 ? null : outputs);
        for (int i = 0; outputs.Count == 0 && i < built.Length; i++)
        {
            OnnxType declared = _file.Graph.Outputs[i].Type;
            if (declared != OnnxType.Undefined && declared != built[i].Type)
            {
                throw new ModelFileException(
                    $"{_path}: the output '{Outputs[i].Name}' is said to be {declared.Name()}, "
                    + $"and its node gives {built[i].Type.Name()}.");
            }

            Outputs[i].Type = built[i].Type;
        }

        return built;
    }

    /// <summary>Returns the variable of an initializer, which all graphs share.</summary>
    internal SharedVariable ParameterOf(OnnxTensor tensor)
    {
        if (!_parameters.TryGetValue(tensor, out SharedVariable? variable))
        {
            variable = SharedVariable.Of(tensor.ToTensor(), tensor.Name);
            _parameters.Add(tensor, variable);
        }

        return variable;
    }

    private OnnxPort PortOf(OnnxValueInfo value)
    {
        if (value.Type == OnnxType.Undefined && !value.IsTensor
            && !_file.Graph.Nodes.Any(node => node.Op == "ZipMap" && node.Outputs.Contains(value.Name)))
        {
            throw new ModelFileException(
                $"{_path}: '{value.Name}' is no tensor: there are no sequences, maps and optional values here.");
        }

        return value.Type.Stored() is null && value.Type != OnnxType.Undefined
            ? throw new ModelFileException(
                $"{_path}: '{value.Name}' is of {value.Type.Name()}, and there are no tensors of that type here.")
            : new OnnxPort(value.Name, value.Type, value.Dimensions);
    }

    /// <summary>
    /// Builds the graph for all shapes if possible. Unsupported features are then reported when the file is loaded.
    /// </summary>
    private void TryOpenGraph()
    {
        if (_byShape.Count > 0)
        {
            return;
        }

        try
        {
            var inputs = Inputs.ToDictionary(
                port => port.Name, port => (Variable)new Input(new TensorType(port.DType, port.Shape), port.Name));
            Build(inputs, [], ParameterOf);
        }
        catch (NotKnownException error)
        {
            Remember(error);
        }
    }

    /// <summary>Returns the error of a shape that cannot be determined.</summary>
    internal ModelFileException NotKnown(NotKnownException error) =>
        new($"{_path} cannot be built for these inputs: {error.Message}.", error);

    private bool Remember(NotKnownException error)
    {
        bool isNew = false;
        foreach ((Input input, bool isValue) in error.Inputs)
        {
            OnnxPort? port = Inputs.FirstOrDefault(port => port.Name == input.Name);
            if (port is null)
            {
                continue;
            }

            isNew |= isValue ? !port.DecidesShapes : _byShape.Add(port.Name);
            port.DecidesShapes |= isValue;
        }

        return isNew;
    }

    private Made GraphFor(Device device, IReadOnlyList<Tensor> given)
    {
        lock (_making)
        {
            while (true)
            {
                string key = Key(device, given);
                int known = _graphs.FindIndex(graph => graph.Key == key);
                if (known >= 0)
                {
                    return _graphs[known].Made;
                }

                try
                {
                    Made made = Make(device, given);
                    if (_graphs.Count == MaxGraphs)
                    {
                        _graphs[0].Made.Function.Dispose();
                        _graphs.RemoveAt(0);
                    }

                    _graphs.Add((key, made));
                    return made;
                }
                catch (NotKnownException error)
                {
                    if (!Remember(error))
                    {
                        throw NotKnown(error);
                    }
                }
            }
        }
    }

    private Made Make(Device device, IReadOnlyList<Tensor> given)
    {
        var inputs = new Dictionary<string, Variable>();
        for (int i = 0; i < given.Count; i++)
        {
            OnnxPort port = Inputs[i];
            inputs.Add(port.Name, port.DecidesShapes
                ? new Constant(given[i])
                : new Input(
                    new TensorType(port.DType, _byShape.Contains(port.Name) ? given[i].Shape : port.Shape), port.Name));
        }

        Variable[] outputs = [.. Build(inputs, [], ParameterOf).Select(output => output.Variable)];
        HashSet<Variable> used = [.. FunctionGraph.Leaves(outputs)];
        int[] indices = [.. Enumerable.Range(0, given.Count).Where(i => used.Contains(inputs[Inputs[i].Name]))];
        var function =
            Function.Compile([.. indices.Select(i => inputs[Inputs[i].Name])], outputs, device: device);
        return new Made(function, indices);
    }

    /// <summary>Returns the key of a graph: the values and the shapes that it was built for.</summary>
    private string Key(Device device, IReadOnlyList<Tensor> given) => string.Join(';', given.Select((tensor, i) =>
        Inputs[i].DecidesShapes ? $"{tensor.TypeText}={Convert.ToBase64String(tensor.Bytes)}"
        : _byShape.Contains(Inputs[i].Name) ? tensor.TypeText
        : "").Prepend(device.Name));

    private sealed record Made(Function Function, int[] Given);
}
