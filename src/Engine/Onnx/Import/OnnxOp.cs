namespace Engine.Onnx;

/// <summary>Of which types an op's inputs may be.</summary>
internal enum Takes
{
    /// <summary>Of those that are computed with here.</summary>
    Numbers,

    /// <summary>float and double; whole numbers as shapes and axes.</summary>
    Floats,

    /// <summary>Of any that is stored: the op only moves elements.</summary>
    Any,
}

/// <summary>An op of ONNX from a version of its ops on: what it is here, written with our ops.</summary>
internal sealed record OnnxOp(string Name, int Since, Takes Takes, Func<OnnxNode, OnnxValue?[]> Import)
{
    /// <summary>Gets or sets where its ops stand; ONNX's own are in "".</summary>
    public string Domain { get; init; } = "";

    /// <summary>
    /// Gets or sets how many of its first inputs are moved and not computed with, −1 for all: of those shapes can be
    /// made still.
    /// </summary>
    public int Moves { get; init; }

    /// <summary>Refuses a type of input that the op is not computed in.</summary>
    public void Require(OnnxType type)
    {
        if (type.Stored() is null || (Takes != Takes.Any && !type.IsComputed()))
        {
            throw new EngineException($"it is of {type.Name()}, in which nothing is computed here");
        }
    }
}
