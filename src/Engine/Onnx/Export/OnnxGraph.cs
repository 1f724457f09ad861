using System.Runtime.InteropServices;
using Engine.Graph;

namespace Engine.Onnx;

/// <summary>
/// Builds an ONNX graph: nodes with named inputs and outputs, and initializers. The field numbers are those of
/// onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>
    /// Specifies the version of ONNX's operator set. It is from 2022, so older tools can read it, too.
    /// </summary>
    public const int OpSet = 17;

    private const int IrVersion = 8;
    private const int TextType = 8;
    private const string LearningDomain = "ai.onnx.ml";
    private const int LearningOpSet = 2;

    /// <summary>ONNX's number for the type of axes, indices and counts.</summary>
    public const int Int64Type = 7;

    private List<ProtoWriter> _nodes = [];
    private readonly List<ProtoWriter> _tensors = [];
    private readonly HashSet<string> _taken = [];
    private readonly Dictionary<Variable, string> _names = [];
    private readonly Dictionary<string, int> _counts = [];
    private readonly HashSet<Variable> _read = [];
    private bool _hasWords;

    /// <summary>Returns ONNX's number for a dtype.</summary>
    public static int Type(DType dtype) => ElementType.Of(dtype).Onnx;

    /// <summary>Gets or sets the current layer, whose name is the prefix of nodes' names.</summary>
    public string? Layer { get; set; }

    /// <summary>Returns a variable's name in nodes. A tensor's name is created on first use.</summary>
    public string Name(Variable variable)
    {
        if (!_names.TryGetValue(variable, out string? name))
        {
            name = variable switch
            {
                SharedVariable shared => Tensor(shared.Name ?? "shared", shared.GetValue()),
                Constant constant => Tensor("constant", constant.Value),
                ShapeOnly { Shape.IsKnown: true } => Tensor("shape", new Tensor(variable.DType, variable.Shape)),
                _ => throw new EngineException($"'{variable}' ({variable.Type}) is needed but is not an input."),
            };
            _names.Add(variable, name);
        }

        return name;
    }

    /// <summary>Gives a variable a name, which must be unique.</summary>
    public void Give(Variable variable, string name) => _names.Add(variable, name);

    /// <summary>Says that a node or an output reads variables.</summary>
    public void Read(IEnumerable<Variable> variables) => _read.UnionWith(variables);

    /// <summary>Returns whether a node or an output reads a variable.</summary>
    public bool IsRead(Variable variable) => _read.Contains(variable);

    /// <summary>Returns a unique name with this beginning.</summary>
    public string NewName(string wanted)
    {
        string name = wanted;
        while (!_taken.Add(name))
        {
            int count = CollectionsMarshal.GetValueRefOrAddDefault(_counts, wanted, out _) += 1;
            name = $"{wanted}_{count}";
        }

        return name;
    }

    /// <summary>Returns a tensor's name.</summary>
    public string Tensor(string wanted, Tensor value) =>
        Tensor(wanted, Type(value.DType), value.Shape.Select(dimension => (long)dimension), value.Bytes);

    /// <summary>Returns the name of a vector of integers, as ONNX takes axes and shapes.</summary>
    public string Vector(string wanted, params ReadOnlySpan<long> values) =>
        Tensor(wanted, Type(DType.Int64), [values.Length], MemoryMarshal.AsBytes(values));

    /// <summary>Returns the name of an integer, as ONNX takes some axes.</summary>
    public string Scalar(string wanted, long value) =>
        Tensor(wanted, Type(DType.Int64), [], MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)));

    /// <summary>Adds a node with one output and returns the output's name.</summary>
    public string Add(string op, IEnumerable<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string name = NewName(Layer is null ? op : $"{Layer}/{op}");
        _nodes.Add(Node(op, name, inputs, [name], attributes));
        return name;
    }

    /// <summary>Adds a node with two outputs and returns their names.</summary>
    public (string First, string Second) AddPair(
        string op, IEnumerable<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string name = NewName(Layer is null ? op : $"{Layer}/{op}"), second = NewName($"{name}/2");
        _nodes.Add(Node(op, name, inputs, [name, second], attributes));
        return (name, second);
    }

    /// <summary>Adds a node with several outputs and returns their names.</summary>
    public string[] Add(
        string op, IEnumerable<string> inputs, int outputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string name = NewName(Layer is null ? op : $"{Layer}/{op}");
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => NewName(name))];
        _nodes.Add(Node(op, name, inputs, names, attributes));
        return names;
    }

    /// <summary>
    /// Returns a graph within this one. It can use all existing names. Names that it adds are local, except tensors.
    /// </summary>
    /// <param name="build">Adds the nodes, and declares the inputs and outputs.</param>
    public ProtoWriter Inside(Func<(List<ProtoWriter> Inputs, List<ProtoWriter> Outputs)> build)
    {
        List<ProtoWriter> around = _nodes;
        HashSet<Variable> known = [.. _names.Keys];
        _nodes = [];
        (List<ProtoWriter> inputs, List<ProtoWriter> outputs) = build();
        ProtoWriter graph = new ProtoWriter().Messages(1, _nodes).Text(2, NewName("step")).Messages(11, inputs)
            .Messages(12, outputs);
        _nodes = around;
        foreach (Variable named in _names.Keys.Where(
            named => !known.Contains(named) && named is not (SharedVariable or Constant)).ToArray())
        {
            _names.Remove(named);
        }

        return graph;
    }

    /// <summary>Adds nodes that map words to integers, int32: each word to its own, and all others to one.</summary>
    /// <param name="input">The name of the input.</param>
    /// <param name="words">The words with their numbers.</param>
    /// <param name="other">The number of all other words.</param>
    public string AddWords(string input, IReadOnlyList<KeyValuePair<string, int>> words, int other)
    {
        _hasWords = true;
        string name = NewName($"{input}/LabelEncoder");
        _nodes.Add(Node(
            "LabelEncoder", name, [input], [name],
            [
                ("keys_strings", words.Select(word => word.Key).ToArray()),
                ("values_int64s", words.Select(word => (long)word.Value).ToArray()),
                ("default_int64", other),
            ]).Text(7, LearningDomain));
        return Add("Cast", [name], ("to", Type(DType.Int32)));
    }

    /// <summary>Returns the whole file.</summary>
    public ProtoWriter Model(IEnumerable<ProtoWriter> inputs, IEnumerable<ProtoWriter> outputs)
    {
        ProtoWriter graph = new ProtoWriter()
            .Messages(1, _nodes).Text(2, "network").Messages(5, _tensors).Messages(11, inputs).Messages(12, outputs);
        ProtoWriter model = new ProtoWriter()
            .Number(1, IrVersion).Text(2, "Engine")
            .Message(7, graph).Message(8, new ProtoWriter().Text(1, "").Number(2, OpSet));
        return _hasWords ? model.Message(8, new ProtoWriter().Text(1, LearningDomain).Number(2, LearningOpSet)) : model;
    }

    /// <summary>Adds a node that gives a result the name of an output.</summary>
    public void AddOutput(string name, string from) => _nodes.Add(Node("Identity", name, [from], [name], []));

    /// <summary>Returns the declaration of an input or output. Unknown dimensions get names.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its type.</param>
    /// <param name="isCount">Whether it has the type of ONNX's counts.</param>
    /// <param name="areWords">Whether it is words, independent of the type.</param>
    public static ProtoWriter Value(string name, TensorType type, bool isCount = false, bool areWords = false)
    {
        var shape = new ProtoWriter();
        for (int axis = 0; axis < type.Rank; axis++)
        {
            int dimension = type.Shape[axis];
            shape.Message(1, dimension == Shape.Unknown
                ? new ProtoWriter().Text(2, axis == 0 ? "batch" : $"{name}_{axis}")
                : new ProtoWriter().Number(1, dimension));
        }

        int element = areWords ? TextType : isCount ? Int64Type : Type(type.DType);
        ProtoWriter tensor = new ProtoWriter().Number(1, element).Message(2, shape);
        return new ProtoWriter().Text(1, name).Message(2, new ProtoWriter().Message(1, tensor));
    }

    private static ProtoWriter Node(
        string op, string name, IEnumerable<string> inputs, string[] outputs, ReadOnlySpan<OnnxAttribute> attributes)
    {
        ProtoWriter node = new ProtoWriter().Texts(1, inputs).Texts(2, outputs).Text(3, name).Text(4, op);
        foreach (OnnxAttribute attribute in attributes)
        {
            node.Message(5, attribute.Write());
        }

        return node;
    }

    private string Tensor(string wanted, int type, IEnumerable<long> dimensions, ReadOnlySpan<byte> bytes)
    {
        string name = NewName(wanted);
        _tensors.Add(new ProtoWriter().Numbers(1, dimensions).Number(2, type).Text(8, name).Bytes(9, bytes));
        return name;
    }
}
