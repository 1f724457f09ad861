namespace Engine.Onnx;

/// <summary>A setting of a node: a whole number, a list of them, or a graph.</summary>
internal readonly record struct OnnxAttribute(string Name, long Number, IReadOnlyList<long>? List, ProtoWriter? Graph = null)
{
    private const int NameField = 1, NumberField = 3, GraphField = 6, ListField = 8, TypeField = 20;
    private const int NumberType = 2, GraphType = 5, ListType = 7;

    public static implicit operator OnnxAttribute((string Name, long Number) one) => new(one.Name, one.Number, null);

    public static implicit operator OnnxAttribute((string Name, long[] List) many) => new(many.Name, 0, many.List);

    public static implicit operator OnnxAttribute((string Name, ProtoWriter Graph) graph) => new(graph.Name, 0, null, graph.Graph);

    public ProtoWriter Write()
    {
        ProtoWriter attribute = new ProtoWriter().Text(NameField, Name);
        return Graph is not null ? attribute.Message(GraphField, Graph).Number(TypeField, GraphType)
            : List is null
            ? attribute.Number(NumberField, Number).Number(TypeField, NumberType)
            : attribute.Numbers(ListField, List).Number(TypeField, ListType);
    }
}
