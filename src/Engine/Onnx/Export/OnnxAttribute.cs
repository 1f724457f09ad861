namespace Engine.Onnx;

/// <summary>Represents an attribute of a node: an integer, a text, a list of either, or a graph.</summary>
internal readonly record struct OnnxAttribute(
    string Name, long Number, IReadOnlyList<long>? List, ProtoWriter? Graph = null, IReadOnlyList<string>? Texts = null,
    string? Text = null)
{
    private const int NameField = 1, NumberField = 3, TextField = 4, GraphField = 6, ListField = 8, TextsField = 9,
        TypeField = 20;
    private const int NumberType = 2, TextType = 3, GraphType = 5, ListType = 7, TextsType = 8;

    public static implicit operator OnnxAttribute((string Name, long Number) one) => new(one.Name, one.Number, null);

    public static implicit operator OnnxAttribute((string Name, string Text) one) =>
        new(one.Name, 0, null, Text: one.Text);

    public static implicit operator OnnxAttribute((string Name, long[] List) many) => new(many.Name, 0, many.List);

    public static implicit operator OnnxAttribute((string Name, ProtoWriter Graph) graph) =>
        new(graph.Name, 0, null, graph.Graph);

    public static implicit operator OnnxAttribute((string Name, string[] Texts) many) =>
        new(many.Name, 0, null, null, many.Texts);

    public ProtoWriter Write()
    {
        ProtoWriter attribute = new ProtoWriter().Text(NameField, Name);
        return Graph is not null ? attribute.Message(GraphField, Graph).Number(TypeField, GraphType)
            : Texts is not null ? attribute.Texts(TextsField, Texts).Number(TypeField, TextsType)
            : Text is not null ? attribute.Text(TextField, Text).Number(TypeField, TextType)
            : List is null
            ? attribute.Number(NumberField, Number).Number(TypeField, NumberType)
            : attribute.Numbers(ListField, List).Number(TypeField, ListType);
    }
}
