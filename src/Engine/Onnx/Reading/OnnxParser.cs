using Engine.IO;

namespace Engine.Onnx;

/// <summary>
/// Reads the messages of a model. The field numbers are those of onnx.proto3
/// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
/// </summary>
internal sealed class OnnxParser(ModelBytes bytes, string? folder)
{
    private readonly OnnxTensorParser _tensors = new(bytes, folder);

    /// <summary>Reads the bytes of a model.</summary>
    /// <exception cref="ModelFileException">The bytes have another format, or are damaged.</exception>
    public static OnnxFile Model(ModelBytes bytes, string? folder)
    {
        if (bytes.Length == 0)
        {
            throw new ModelFileException($"{bytes.Name} is empty, and no ONNX model.");
        }

        return new OnnxParser(bytes, folder).Model(new ProtoReader(bytes));
    }

    /// <summary>Reads the bytes of a tensor. ONNX's tests store their inputs and outputs in this form.</summary>
    /// <exception cref="ModelFileException">The bytes have another format, or are damaged.</exception>
    public static OnnxTensor Tensor(ModelBytes bytes) =>
        new OnnxTensorParser(bytes, null).Tensor(new ProtoReader(bytes));

    private OnnxFile Model(ProtoReader reader)
    {
        OnnxGraphFile? graph = null;
        string producer = "", producerVersion = "";
        var opSets = new Dictionary<string, long>();
        var metadata = new Dictionary<string, string>();
        var functions = new Dictionary<(string, string), OnnxFunctionFile>();
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 2:
                    producer = reader.Text();
                    break;
                case 3:
                    producerVersion = reader.Text();
                    break;
                case 7:
                    graph = reader.Message(Graph);
                    break;
                case 8:
                    (string domain, long set) = reader.Message(OpSet);
                    opSets[domain] = set;
                    break;
                case 14:
                    (string key, string value) = reader.Message(Pair);
                    metadata[key] = value;
                    break;
                case 25:
                    OnnxFunctionFile function = reader.Message(Function);
                    if (!functions.TryAdd((function.Domain, function.Name), function))
                    {
                        throw new ModelFileException(
                            $"{bytes.Name} has two functions '{function.Name}', and only one may have a name.");
                    }

                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxFile
        {
            Graph = graph ?? throw new ModelFileException($"{bytes.Name} is no ONNX model: there is no graph in it."),
            Producer = producer,
            ProducerVersion = producerVersion,
            OpSets = opSets,
            Metadata = metadata,
            Functions = functions,
        };
    }

    private OnnxGraphFile Graph(ProtoReader reader)
    {
        var nodes = new List<OnnxNodeFile>();
        var initializers = new List<OnnxTensor>();
        List<OnnxValueInfo> inputs = [], outputs = [];
        string name = "";
        bool hasSparse = false;
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    nodes.Add(reader.Message(Node));
                    break;
                case 2:
                    name = reader.Text();
                    break;
                case 5:
                    initializers.Add(reader.Message(_tensors.Tensor));
                    break;
                case 11:
                    inputs.Add(reader.Message(Value));
                    break;
                case 12:
                    outputs.Add(reader.Message(Value));
                    break;
                case 15:
                    hasSparse = true;
                    reader.Skip();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxGraphFile(name, nodes, initializers, inputs, outputs, hasSparse);
    }

    private OnnxNodeFile Node(ProtoReader reader)
    {
        List<string> inputs = [], outputs = [];
        string name = "", op = "", domain = "";
        var settings = new Dictionary<string, OnnxSetting>();
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    inputs.Add(reader.Text());
                    break;
                case 2:
                    outputs.Add(reader.Text());
                    break;
                case 3:
                    name = reader.Text();
                    break;
                case 4:
                    op = reader.Text();
                    break;
                case 5:
                    OnnxSetting setting = reader.Message(Setting);
                    settings[setting.Name] = setting;
                    break;
                case 7:
                    domain = Domain(reader.Text());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxNodeFile(name, op, domain, inputs, outputs, settings);
    }

    private OnnxSetting Setting(ProtoReader reader)
    {
        var setting = new OnnxSetting("");
        var numbers = new List<long>();
        var floats = new List<float>();
        var texts = new List<string>();
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    setting = setting with { Name = reader.Text() };
                    break;
                case 2:
                    setting = setting with { Float = reader.Float() };
                    break;
                case 3:
                    setting = setting with { Number = reader.Number() };
                    break;
                case 4:
                    setting = setting with { Text = reader.Text() };
                    break;
                case 5:
                    setting = setting with { Tensor = reader.Message(_tensors.Tensor) };
                    break;
                case 6:
                    setting = setting with { Graph = reader.Message(Graph) };
                    break;
                case 7:
                    reader.Floats(floats);
                    break;
                case 8:
                    reader.Numbers(numbers);
                    break;
                case 9:
                    texts.Add(reader.Text());
                    break;
                case 20:
                    setting = setting with { Kind = (int)reader.Number() };
                    break;
                case 21:
                    setting = setting with { From = reader.Text() };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // A number of 0 and an empty text may be omitted in the file.
        return (setting with { Numbers = numbers, Floats = floats, Texts = texts }) switch
        {
            { Kind: 1, Float: null } some => some with { Float = 0 },
            { Kind: 2, Number: null } some => some with { Number = 0 },
            { Kind: 3, Text: null } some => some with { Text = "" },
            var some => some,
        };
    }

    private OnnxFunctionFile Function(ProtoReader reader)
    {
        List<string> inputs = [], outputs = [], settings = [];
        var defaults = new List<OnnxSetting>();
        var nodes = new List<OnnxNodeFile>();
        string name = "", domain = "";
        var opSets = new Dictionary<string, long>();
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    name = reader.Text();
                    break;
                case 4:
                    inputs.Add(reader.Text());
                    break;
                case 5:
                    outputs.Add(reader.Text());
                    break;
                case 6:
                    settings.Add(reader.Text());
                    break;
                case 7:
                    nodes.Add(reader.Message(Node));
                    break;
                case 9:
                    (string key, long set) = reader.Message(OpSet);
                    opSets[key] = set;
                    break;
                case 10:
                    domain = Domain(reader.Text());
                    break;
                case 11:
                    defaults.Add(reader.Message(Setting));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return new OnnxFunctionFile(domain, name, inputs, outputs, settings, defaults, nodes, opSets);
    }

    /// <summary>Reads a value. If it has no type, its node determines the type.</summary>
    private static OnnxValueInfo Value(ProtoReader reader)
    {
        var value = new OnnxValueInfo("", OnnxType.Undefined, null, IsTensor: true);
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    value = value with { Name = reader.Text() };
                    break;
                case 2:
                    OnnxValueInfo type = reader.Message(Type);
                    value = type with { Name = value.Name };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return value;
    }

    private static OnnxValueInfo Type(ProtoReader reader)
    {
        var value = new OnnxValueInfo("", OnnxType.Undefined, null, IsTensor: false);
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            if (field == 1)
            {
                value = reader.Message(TensorType);
            }
            else
            {
                reader.Skip();
            }
        }

        return value;
    }

    private static OnnxValueInfo TensorType(ProtoReader reader)
    {
        var value = new OnnxValueInfo("", OnnxType.Undefined, null, IsTensor: true);
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    value = value with { Type = (OnnxType)reader.Number() };
                    break;
                case 2:
                    value = value with { Dimensions = reader.Message(Dimensions) };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return value;
    }

    private static List<OnnxDimension> Dimensions(ProtoReader reader)
    {
        var dimensions = new List<OnnxDimension>();
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            if (field == 1)
            {
                dimensions.Add(reader.Message(Dimension));
            }
            else
            {
                reader.Skip();
            }
        }

        return dimensions;
    }

    private static OnnxDimension Dimension(ProtoReader reader)
    {
        var dimension = default(OnnxDimension);
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    dimension = new OnnxDimension(reader.Number(), null);
                    break;
                case 2:
                    dimension = new OnnxDimension(null, reader.Text());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return dimension;
    }

    private static (string Domain, long Version) OpSet(ProtoReader reader)
    {
        (string domain, long version) = ("", 1);
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    domain = Domain(reader.Text());
                    break;
                case 2:
                    version = reader.Number();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (domain, version);
    }

    internal static (string Key, string Value) Pair(ProtoReader reader)
    {
        (string key, string value) = ("", "");
        for (int field = reader.Next(); field != 0; field = reader.Next())
        {
            switch (field)
            {
                case 1:
                    key = reader.Text();
                    break;
                case 2:
                    value = reader.Text();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (key, value);
    }

    /// <summary>Returns a domain's name, because ONNX's own domain has two.</summary>
    private static string Domain(string name) => name == "ai.onnx" ? "" : name;
}
