namespace Engine.Onnx;

/// <summary>Specifies the allowed types of an op's inputs.</summary>
internal enum Takes
{
    /// <summary>The types that this library computes with.</summary>
    Numbers,

    /// <summary>float and double; integers for shapes and axes.</summary>
    Floats,

    /// <summary>Any stored type, because the op only moves elements.</summary>
    Any,

    /// <summary>
    /// Also weights of float16 and bfloat16, which are stored as float, because the op converts them.
    /// </summary>
    Halves,
}

/// <summary>
/// Represents an ONNX op from an operator set version on, with its implementation by this library's ops.
/// </summary>
internal sealed record OnnxOp(string Name, int Since, Takes Takes, Func<OnnxNode, OnnxValue?[]> Import)
{
    /// <summary>Gets or sets the domain; ONNX's own is "".</summary>
    public string Domain { get; init; } = "";

    /// <summary>
    /// Gets or sets how many of the first inputs the op only moves; −1 for all. Shapes can still be built from them.
    /// </summary>
    public int Moves { get; init; }

    /// <summary>Throws if the op does not support the input's type.</summary>
    public void Require(OnnxType type)
    {
        if (Takes == Takes.Halves && type.IsHalf())
        {
            return;
        }

        if (type.Stored() is null || (Takes < Takes.Any && !type.IsComputed()))
        {
            throw new EngineException($"it is of {type.Name()}, in which nothing is computed here");
        }
    }
}
