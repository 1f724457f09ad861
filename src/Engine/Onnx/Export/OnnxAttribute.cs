namespace Engine.Onnx;

/// <summary>A setting of a node: a whole number or a list of them.</summary>
internal readonly record struct OnnxAttribute(string Name, long Number, IReadOnlyList<long>? List)
{
    private const int NameField = 1, NumberField = 3, ListField = 8, TypeField = 20;
    private const int NumberType = 2, ListType = 7;

    public static implicit operator OnnxAttribute((string Name, long Number) one) => new(one.Name, one.Number, null);

    public static implicit operator OnnxAttribute((string Name, long[] List) many) => new(many.Name, 0, many.List);

    public ProtoWriter Write()
    {
        ProtoWriter attribute = new ProtoWriter().Text(NameField, Name);
        return List is null
            ? attribute.Number(NumberField, Number).Number(TypeField, NumberType)
            : attribute.Numbers(ListField, List).Number(TypeField, ListType);
    }
}
