using Engine.Graph;
using Engine.IO;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Represents a node that is being imported, with its inputs and attributes. It records which attributes were read. An
/// attribute that was not read is unknown to the op here, and then the node is refused instead of computed wrongly.
/// </summary>
internal sealed class OnnxNode
{
    private readonly HashSet<string> _read = [];
    private readonly IReadOnlyDictionary<string, OnnxSetting> _settings;
    private readonly OnnxValue?[] _inputs;
    private int _inputsRead;

    public OnnxNode(
        OnnxImporter importer, OnnxNodeFile node, OnnxOp op, OnnxValue?[] inputs,
        IReadOnlyDictionary<string, OnnxSetting> settings)
    {
        (Importer, File, Op, _inputs, _settings) = (importer, node, op, inputs, settings);
        OpSet = (int)importer.OpSets.GetValueOrDefault(node.Domain, 1);
        foreach (OnnxValue input in inputs.OfType<OnnxValue>())
        {
            op.Require(input.Type);
        }
    }

    public OnnxImporter Importer { get; }

    public OnnxNodeFile File { get; }

    public OnnxOp Op { get; }

    /// <summary>Gets the operator set version of its domain.</summary>
    public int OpSet { get; }

    /// <summary>Returns the same node on other inputs.</summary>
    public OnnxNode On(OnnxValue?[] inputs) => new(Importer, File, Op, inputs, _settings);

    /// <summary>Gets the number of inputs, including omitted ones.</summary>
    public int Count => _inputs.Length;

    /// <summary>Gets the number of requested outputs.</summary>
    public int Outputs => File.Outputs.Count;

    /// <summary>Returns whether an output is requested.</summary>
    public bool Wants(int output) => output < File.Outputs.Count && File.Outputs[output].Length > 0;

    /// <summary>Returns whether an input is given.</summary>
    public bool Has(int input)
    {
        _inputsRead = Math.Max(_inputsRead, input + 1);
        return input < _inputs.Length && _inputs[input] is not null;
    }

    /// <summary>Returns an input.</summary>
    public OnnxValue V(int input) =>
        Has(input) ? _inputs[input]! : throw new EngineException($"its input {input} is missing");

    /// <summary>Returns an input's variable.</summary>
    public Variable X(int input) => V(input).Variable;

    /// <summary>Returns the variables of all inputs.</summary>
    public Variable[] All() => [.. Enumerable.Range(0, Count).Select(X)];

    /// <summary>Gets the type of the first input.</summary>
    public OnnxType Type => V(0).Type;

    public bool HasSetting(string name) => Setting(name) is not null;

    public long Number(string name, long otherwise) => Setting(name)?.Number ?? otherwise;

    public int Int(string name, long otherwise) => checked((int)Number(name, otherwise));

    public bool Flag(string name, bool otherwise = false) => Number(name, otherwise ? 1 : 0) != 0;

    public double Float(string name, double otherwise) => Setting(name)?.Float ?? otherwise;

    public string Text(string name, string otherwise) => Setting(name)?.Text ?? otherwise;

    public IReadOnlyList<string> Texts(string name) => Setting(name)?.Texts ?? [];

    public IReadOnlyList<float> Floats(string name) => Setting(name)?.Floats ?? [];

    public OnnxTensor? Tensor(string name) => Setting(name)?.Tensor;

    public OnnxGraphFile Graph(string name) =>
        Setting(name)?.Graph ?? throw new EngineException($"its graph '{name}' is missing");

    /// <summary>Returns a list of integers; null if it is not given.</summary>
    public int[]? Ints(string name) =>
        Setting(name) is { } setting ? [.. setting.Numbers.Select(number => checked((int)number))] : null;

    public long[]? LongsOf(string name) => Setting(name) is { } setting ? [.. setting.Numbers] : null;

    /// <summary>Marks attributes as read that have no effect here.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            _read.Add(name);
        }
    }

    /// <summary>Returns a copy of an input's integers, from which shapes can be built.</summary>
    /// <exception cref="NotKnownException">They are computed values.</exception>
    public Whole[] Wholes(int input)
    {
        OnnxValue value = V(input);
        return (Whole[]?)value.Elements?.Clone()
            ?? (!value.Type.IsFloat() && value.Numbers is { } known
                ? Array.ConvertAll(known, number => new Whole((long)number))
                : null)
            ?? throw NotKnown([value.Variable], input);
    }

    /// <summary>Returns an input's integers.</summary>
    /// <exception cref="NotKnownException">They are unknown before a call.</exception>
    public long[] Longs(int input)
    {
        Whole[] all = Wholes(input);
        Variable[] open = [.. all.Where(one => !one.IsKnown).Select(one => one.Value!)];
        return open.Length == 0 ? Array.ConvertAll(all, one => one.Number) : throw NotKnown(open, input);
    }

    public int[] IntsOf(int input) => Array.ConvertAll(Longs(input), number => checked((int)number));

    /// <summary>Returns an input's only integer.</summary>
    public long Long(int input) =>
        Longs(input) is [var one] ? one : throw new EngineException($"its input {input} must be one number");

    /// <summary>Returns an input's numbers.</summary>
    /// <exception cref="NotKnownException">They are unknown before a call.</exception>
    public double[] Numbers(int input) => V(input).Numbers ?? throw NotKnown([V(input).Variable], input);

    /// <summary>Returns the dimensions of a variable, which must all be known.</summary>
    /// <exception cref="NotKnownException">Some dimensions are unknown.</exception>
    public static int[] Dimensions(Variable x, int from = 0)
    {
        int[] dimensions = [.. x.Shape.Skip(from)];
        return !dimensions.Contains(Shape.Unknown)
            ? dimensions
            : throw NotKnown(
                [.. Enumerable.Range(from, dimensions.Length).Where(axis => x.Shape[axis] == Shape.Unknown)
                    .Select(axis => DimensionOf(x, axis))], 0);
    }

    /// <summary>
    /// Returns a number of things that the import creates one by one. The number is limited, because a file could
    /// request any.
    /// </summary>
    /// <exception cref="EngineException">The number is too large.</exception>
    public static int Few(long count, string what) => count is >= 0 and <= 1 << 20
        ? (int)count
        : throw new EngineException($"it asks for {count} {what}, and {1 << 20} are the most");

    /// <summary>Returns an axis as an index; a negative one counts from the end.</summary>
    public static int Axis(long axis, int rank) => axis >= -rank && axis < rank
        ? (int)(axis < 0 ? axis + rank : axis)
        : throw new EngineException($"there is no axis {axis} among {rank}");

    public static int[] Axes(IEnumerable<long> axes, int rank)
    {
        int[] normalized = [.. axes.Select(axis => Axis(axis, rank))];
        return normalized.Distinct().Count() == normalized.Length
            ? normalized
            : throw new EngineException($"an axis is named twice among {string.Join(", ", normalized)}");
    }

    /// <summary>
    /// Returns axes, which are an attribute in old ops and an input in newer ones; null if they are not given.
    /// </summary>
    public int[]? AxesOf(string name, int input, int sinceInput, int rank) =>
        OpSet < sinceInput ? (LongsOf(name) is { } axes ? Axes(axes, rank) : null)
        : Has(input) ? Axes(Longs(input), rank)
        : null;

    /// <summary>Returns a result with the first input's type.</summary>
    public OnnxValue[] Same(Variable result) => [Of(Type, result)];

    public static OnnxValue[] Give(OnnxType type, Variable result) => [Of(type, result)];

    public static OnnxValue Of(OnnxType type, Variable result) => OnnxValue.Of(type, result);

    /// <summary>Throws if the node has an attribute that the op here does not know.</summary>
    public void RequireAllRead()
    {
        string[] unknown = [.. _settings.Keys.Where(name => !_read.Contains(name))];
        if (unknown.Length > 0)
        {
            throw new EngineException($"its setting '{unknown[0]}' is not known here");
        }

        int given = Array.FindLastIndex(_inputs, input => input is not null) + 1;
        if (given > _inputsRead)
        {
            throw new EngineException($"it has {given} inputs, and no more than {_inputsRead} are known here");
        }
    }

    private OnnxSetting? Setting(string name)
    {
        _read.Add(name);
        return _settings.GetValueOrDefault(name);
    }

    /// <summary>Returns an error with the inputs of the graph that must be known.</summary>
    public static EngineException NotKnown(IReadOnlyList<Variable> of, int input)
    {
        HashSet<Input> values = [.. of.OfType<Input>()], shapes = [];
        foreach (Apply node in Traversal.Order(of, static (node, input) => node.Op.Reads(input)))
        {
            values.UnionWith(node.Inputs.Where((_, i) => node.Op.Reads(i)).OfType<Input>());
        }

        foreach (Apply node in Traversal.Order(of))
        {
            shapes.UnionWith(node.Inputs.OfType<Input>());
        }

        shapes.ExceptWith(values);
        string message = $"its input {input} decides the shape of what it gives, and is computed";
        return values.Count + shapes.Count == 0 || values.Any(value => value.Name is null)
            ? new EngineException(message)
            : new NotKnownException(
                message, [.. values.Select(value => (value, true)), .. shapes.Select(shape => (shape, false))]);
    }
}
