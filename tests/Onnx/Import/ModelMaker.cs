using System.Runtime.InteropServices;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>Small ONNX models, written message by message.</summary>
internal sealed class ModelMaker
{
    private readonly List<ProtoWriter> _nodes = [], _tensors = [], _inputs = [], _outputs = [];
    private readonly ProtoWriter _more = new();
    private int _opSet = 17;

    public static OnnxAttribute[] None => [];

    /// <summary>The program that is said to have written the model.</summary>
    public string Producer { get; init; } = "maker";

    public ModelMaker OpSet(int version)
    {
        _opSet = version;
        return this;
    }

    public ModelMaker Node(string op, string inputs, string outputs, params OnnxAttribute[] settings)
    {
        _nodes.Add(NodeOf(op, inputs, outputs, settings));
        return this;
    }

    public ModelMaker Node(ProtoWriter node)
    {
        _nodes.Add(node);
        return this;
    }

    /// <summary>A node's message: names separated by spaces, where "-" is a name that is left out.</summary>
    public static ProtoWriter NodeOf(string op, string inputs, string outputs, params OnnxAttribute[] settings) =>
        new ProtoWriter().Texts(1, Names(inputs)).Texts(2, Names(outputs)).Text(3, $"the {op}").Text(4, op)
            .Messages(5, settings.Select(setting => setting.Write()));

    /// <summary>An attribute that is a graph.</summary>
    public static ProtoWriter GraphSetting(string name, ProtoWriter graph) =>
        new ProtoWriter().Text(1, name).Message(6, graph).Number(20, 5);

    /// <summary>An attribute that is a list of floats.</summary>
    public static ProtoWriter FloatsSetting(string name, params float[] values) =>
        new ProtoWriter().Text(1, name).Bytes(7, MemoryMarshal.AsBytes<float>(values)).Number(20, 6);

    public ModelMaker Input(string name, OnnxType type, params object[] dimensions)
    {
        _inputs.Add(Value(name, type, dimensions));
        return this;
    }

    public ModelMaker Output(string name, OnnxType type, params object[] dimensions)
    {
        _outputs.Add(Value(name, type, dimensions));
        return this;
    }

    /// <summary>Adds an output whose type follows from the nodes.</summary>
    public ModelMaker Untyped(string name)
    {
        _outputs.Add(new ProtoWriter().Text(1, name));
        return this;
    }

    public ModelMaker Floats(string name, float[] values, params long[] dimensions)
    {
        _tensors.Add(new ProtoWriter().Numbers(1, dimensions).Number(2, (int)OnnxType.Float).Text(8, name)
            .Bytes(9, MemoryMarshal.AsBytes<float>(values)));
        return this;
    }

    public ModelMaker Longs(string name, params long[] values)
    {
        _tensors.Add(new ProtoWriter().Numbers(1, [values.Length]).Number(2, (int)OnnxType.Int64).Text(8, name)
            .Bytes(9, MemoryMarshal.AsBytes<long>(values)));
        return this;
    }

    public ModelMaker Tensor(ProtoWriter tensor)
    {
        _tensors.Add(tensor);
        return this;
    }

    /// <summary>Adds an entry of the metadata.</summary>
    public ModelMaker Metadata(string key, string value)
    {
        _more.Message(14, new ProtoWriter().Text(1, key).Text(2, value));
        return this;
    }

    /// <summary>Adds a function that belongs to the model.</summary>
    public ModelMaker Function(string name, string inputs, string outputs, params ProtoWriter[] nodes)
    {
        _more.Message(
            25, new ProtoWriter().Text(1, name).Texts(4, Names(inputs)).Texts(5, Names(outputs)).Messages(7, nodes)
                .Message(9, new ProtoWriter().Number(2, _opSet)).Text(10, "own"));
        return this;
    }

    /// <summary>Returns the graph's message.</summary>
    public ProtoWriter Graph() => new ProtoWriter()
        .Messages(1, _nodes).Text(2, "graph").Messages(5, _tensors).Messages(11, _inputs).Messages(12, _outputs);

    public byte[] Bytes() =>
    [
        .. new ProtoWriter().Number(1, 8).Text(2, Producer).Text(3, "7").Message(7, Graph())
            .Message(8, new ProtoWriter().Text(1, "").Number(2, _opSet))
            .Message(8, new ProtoWriter().Text(1, "own").Number(2, 1))
            .Message(8, new ProtoWriter().Text(1, "ai.onnx.ml").Number(2, 3)).Written,
        .. _more.Written,
    ];

    public OnnxModel Load(string? folder = null)
    {
        using var bytes = ModelBytes.Of(Bytes(), "made");
        return OnnxModel.Of(bytes, folder);
    }

    private static IEnumerable<string> Names(string names) =>
        names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => name == "-" ? "" : name);

    /// <summary>Returns a declared value; a dimension is a number or a name.</summary>
    private static ProtoWriter Value(string name, OnnxType type, object[] dimensions)
    {
        var shape = new ProtoWriter();
        foreach (object dimension in dimensions)
        {
            shape.Message(1, dimension is string called
                ? new ProtoWriter().Text(2, called)
                : new ProtoWriter().Number(1, (int)dimension));
        }

        return new ProtoWriter().Text(1, name).Message(
            2, new ProtoWriter().Message(1, new ProtoWriter().Number(1, (int)type).Message(2, shape)));
    }
}
