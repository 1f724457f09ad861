namespace Engine.Onnx;

/// <summary>Represents a model in a file: onnx.proto's ModelProto.</summary>
internal sealed record OnnxFile
{
    public string Producer { get; init; } = "";

    public string ProducerVersion { get; init; } = "";

    /// <summary>Gets or sets the operator set version of each domain; ONNX's own domain is "".</summary>
    public required IReadOnlyDictionary<string, long> OpSets { get; init; }

    public required OnnxGraphFile Graph { get; init; }

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    public required IReadOnlyDictionary<(string Domain, string Name), OnnxFunctionFile> Functions { get; init; }
}

/// <summary>Represents a graph: the model's, or one within a node.</summary>
internal sealed record OnnxGraphFile(
    string Name, IReadOnlyList<OnnxNodeFile> Nodes, IReadOnlyList<OnnxTensor> Initializers,
    IReadOnlyList<OnnxValueInfo> Inputs,
    IReadOnlyList<OnnxValueInfo> Outputs, bool HasSparse)
{
    /// <summary>Returns the node that gives a name; null if there is none.</summary>
    public OnnxNodeFile? Giving(string name) => Nodes.FirstOrDefault(node => node.Outputs.Contains(name));

    /// <summary>Returns the name of which a name is only another: through the nodes that give it unchanged.</summary>
    public string SourceOf(string name)
    {
        for (int steps = 0; steps < Nodes.Count && Giving(name) is { Op: "Identity", Inputs: [var same] }; steps++)
        {
            name = same;
        }

        return name;
    }
}

/// <summary>Represents a node: an op with its inputs, outputs and attributes.</summary>
internal sealed record OnnxNodeFile(
    string Name, string Op, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs,
    IReadOnlyDictionary<string, OnnxSetting> Settings)
{
    /// <summary>Gets its name in messages: its own, or its first output's if it has none.</summary>
    public string Called => Name.Length > 0 ? Name : Outputs.FirstOrDefault(output => output.Length > 0) ?? "";

    /// <summary>
    /// Gets the part of its name before the last slash if its op follows, as exports here and from PyTorch name nodes:
    /// "dense1" for "dense1/Gemm_2". Else the whole name.
    /// </summary>
    public string Layer
    {
        get
        {
            int slash = Called.LastIndexOf('/');
            ReadOnlySpan<char> last = Called.AsSpan(slash + 1);
            return slash > 0 && last.StartsWith(Op) && last[Op.Length..].TrimStart("_0123456789").IsEmpty
                ? Called[..slash]
                : Called;
        }
    }
}

/// <summary>Represents a node's attribute.</summary>
internal sealed record OnnxSetting(string Name)
{
    public long? Number { get; init; }

    public float? Float { get; init; }

    public string? Text { get; init; }

    public OnnxTensor? Tensor { get; init; }

    public OnnxGraphFile? Graph { get; init; }

    public IReadOnlyList<long> Numbers { get; init; } = [];

    public IReadOnlyList<float> Floats { get; init; } = [];

    public IReadOnlyList<string> Texts { get; init; } = [];

    /// <summary>Gets or sets, for a node in a function, the attribute of the call that it takes.</summary>
    public string From { get; init; } = "";

    /// <summary>Gets or sets its kind by ONNX's number; 0 if the file does not specify it.</summary>
    public int Kind { get; init; }
}

/// <summary>Represents the name and type of an input or output.</summary>
internal sealed record OnnxValueInfo(
    string Name, OnnxType Type, IReadOnlyList<OnnxDimension>? Dimensions, bool IsTensor);

/// <summary>Represents a dimension that a graph declares: a number, a name, or nothing.</summary>
internal readonly record struct OnnxDimension(long? Number, string? Name);

/// <summary>Represents a function in a model: nodes under a name.</summary>
internal sealed record OnnxFunctionFile(
    string Domain, string Name, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs,
    IReadOnlyList<string> Settings,
    IReadOnlyList<OnnxSetting> Defaults, IReadOnlyList<OnnxNodeFile> Nodes, IReadOnlyDictionary<string, long> OpSets);
