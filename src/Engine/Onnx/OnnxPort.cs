namespace Engine.Onnx;

/// <summary>Represents an input or an output of an ONNX model, as its file declares it.</summary>
public sealed record OnnxPort
{
    internal OnnxPort(string name, OnnxType type, IReadOnlyList<OnnxDimension>? dimensions)
    {
        (Name, Type, IsRankKnown) = (name, type, dimensions is not null);
        Shape = [
            .. (dimensions ?? []).Select(
                dimension => dimension.Number is > 0 and <= int.MaxValue or 0 && dimension.Name is null
                    ? (int)dimension.Number
                    : Shape.Unknown)];
        DimensionNames = [.. (dimensions ?? []).Select(dimension => dimension.Name)];
    }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the dtype that stores its values.</summary>
    public DType DType =>
        Type.Stored() ?? throw new EngineException($"'{Name}' is of {Type.Name()}, and there is no such type here.");

    /// <summary>Gets the shape; <see cref="Shape.Unknown"/> for dimensions that may differ in each call.</summary>
    public Shape Shape { get; }

    /// <summary>Gets the file's names of unknown dimensions; null for known dimensions.</summary>
    public IReadOnlyList<string?> DimensionNames { get; }

    /// <summary>Gets whether the file specifies the rank.</summary>
    public bool IsRankKnown { get; }

    /// <summary>
    /// Gets whether each of its values needs a new graph, because shapes depend on it. An example is an input that is
    /// an axis or a shape.
    /// </summary>
    public bool DecidesShapes { get; internal set; }

    internal OnnxType Type { get; set; }

    /// <summary>
    /// Returns the name, ONNX's name of the type and the shape: <c>image float (batch, 1, 28, 28)</c>.
    /// </summary>
    public override string ToString() => $"{Name} {Type.Name()} {Dimensions}";

    /// <summary>Gets the dimensions as text: <c>(batch, 1, 28, 28)</c>.</summary>
    internal string Dimensions => !IsRankKnown ? "(…)"
        : $"({string.Join(", ", Shape.Select((dimension, axis) => dimension != Shape.Unknown ? InvariantText.Of($"{dimension}") : DimensionNames[axis] ?? "?"))})";
}
