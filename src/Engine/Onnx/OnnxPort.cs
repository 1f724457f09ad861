namespace Engine.Onnx;

/// <summary>Represents an input or an output of an ONNX model, as its file declares it.</summary>
public sealed record OnnxPort
{
    internal OnnxPort(string name, OnnxType type, IReadOnlyList<OnnxSide>? sides)
    {
        (Name, Type, IsRankKnown) = (name, type, sides is not null);
        Shape = [.. (sides ?? []).Select(side => side.Number is > 0 and <= int.MaxValue or 0 && side.Name is null ? (int)side.Number : Shape.Unknown)];
        SideNames = [.. (sides ?? []).Select(side => side.Name)];
    }

    /// <summary>Gets its name.</summary>
    public string Name { get; }

    /// <summary>Gets the element type that its values have here.</summary>
    public DType DType => Type.Stored() ?? throw new EngineException($"'{Name}' is of {Type.Name()}, and there is no such type here.");

    /// <summary>Gets the sides; <see cref="Shape.Unknown"/> for those that any call may choose.</summary>
    public Shape Shape { get; }

    /// <summary>Gets what the file calls the sides that may be any; null for others.</summary>
    public IReadOnlyList<string?> SideNames { get; }

    /// <summary>Gets whether the file says how many sides there are.</summary>
    public bool IsRankKnown { get; }

    /// <summary>
    /// Gets whether a graph is made anew for each value of it, since shapes depend on it: an input of an axis, say, or
    /// of a shape.
    /// </summary>
    public bool DecidesShapes { get; internal set; }

    internal OnnxType Type { get; set; }

    /// <summary>
    /// Returns the name, the type in ONNX's words and the sides: <c>image float (batch, 1, 28, 28)</c>.
    /// </summary>
    public override string ToString() => $"{Name} {Type.Name()} {Sides}";

    private string Sides => !IsRankKnown ? "(…)"
        : $"({string.Join(", ", Shape.Select((side, axis) => side != Shape.Unknown ? InvariantText.Of($"{side}") : SideNames[axis] ?? "?"))})";
}
