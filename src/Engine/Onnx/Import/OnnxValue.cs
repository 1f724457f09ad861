using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Represents an integer for shapes: a number, or an int32 scalar that depends on dimensions of inputs.
/// </summary>
internal readonly record struct Whole(long Number, Variable? Value = null)
{
    public bool IsKnown => Value is null;

    /// <summary>Returns it as a scalar of the graph.</summary>
    /// <exception cref="EngineException">It is out of int32's range.</exception>
    public Variable ToVariable() => Value ?? Constant(Number, DType.Int32);

    public static implicit operator Whole(long number) => new(number);

    /// <summary>Returns a dimension of an array, as a number if it is known.</summary>
    public static Whole DimensionOf(Variable x, int axis) =>
        x.Shape[axis] != Shape.Unknown ? x.Shape[axis] : new Whole(0, Ops.Symbolic.DimensionOf(x, axis));
}

/// <summary>
/// Represents the value of a name in an ONNX graph: a variable, and its elements if they are known when the graph is
/// built. Shapes and attributes can be built from known elements.
/// </summary>
internal sealed class OnnxValue
{
    /// <summary>
    /// Elements of arrays longer than this are not tracked, because shapes, axes and scales are short.
    /// </summary>
    public const int MaxLookedAt = 4096;

    private readonly Func<Variable> _make;
    private Variable? _variable;
    private double[]? _numbers;

    private OnnxValue(OnnxType type, Shape shape, Func<Variable> make) => (Type, Shape, _make) = (type, shape, make);

    public OnnxType Type { get; }

    public Shape Shape { get; }

    public int Rank => Shape.Rank;

    /// <summary>Gets its elements if they are known integers; else null.</summary>
    public Whole[]? Elements { get; private init; }

    /// <summary>Gets it as a variable.</summary>
    public Variable Variable => _variable ??= _make();

    /// <summary>
    /// Returns the value of a tensor in the file. <paramref name="parameter"/> creates the variable of a floating-point
    /// tensor.
    /// </summary>
    public static OnnxValue Of(OnnxTensor tensor, Func<OnnxTensor, Variable> parameter)
    {
        long[]? whole = tensor.ToLongs(MaxLookedAt);
        return new OnnxValue(
            tensor.Type, tensor.Shape,
            () => tensor.Type.IsFloat() || tensor.Type.IsHalf() ? parameter(tensor) : Constant(tensor.ToTensor()))
        {
            Elements = whole is null ? null : Array.ConvertAll(whole, number => new Whole(number)),
            _numbers = tensor.Type.IsFloat() && tensor.Shape.Count <= MaxLookedAt
                ? NdArray.From(tensor.Values!).Data
                : null,
        };
    }

    /// <summary>Returns the value of a tensor.</summary>
    public static OnnxValue Of(OnnxType type, Tensor tensor) => Of(
        new OnnxTensor("", type, tensor.Shape) { Values = tensor }, given => Constant(given.Values!));

    /// <summary>Returns the value of a variable, converted to the dtype that stores this type.</summary>
    public static OnnxValue Of(OnnxType type, Variable variable, Whole[]? elements = null)
    {
        // A bool that became a number is itself again.
        variable = type == OnnxType.Bool
            && variable is Result { Owner: { Op: Ops.Cast, Inputs: [{ DType: DType.Bool } truth] } } ? truth : variable;
        Variable stored = type == OnnxType.Bool && variable.DType != DType.Bool
            ? NotEqual(variable, 0)
            : Cast(variable, type.Stored() ?? throw new EngineException($"There is no {type.Name()} here."));
        return new OnnxValue(type, stored.Shape, () => stored) { Elements = elements };
    }

    /// <summary>Returns the value of integers in a shape.</summary>
    public static OnnxValue Of(OnnxType type, Whole[] elements, Shape shape) =>
        new(type, shape, () => Joined(type, elements, shape))
        {
            Elements = elements,
        };

    /// <summary>Gets its elements as float64 if they are known; else null.</summary>
    public double[]? Numbers => _numbers ?? (Elements is { } whole && Array.TrueForAll(whole, one => one.IsKnown)
        ? Array.ConvertAll(whole, one => (double)one.Number)
        : _numbers = Evaluated());

    /// <summary>Returns the integers of a tensor.</summary>
    public static long[] Longs(Tensor tensor) => tensor.DType switch
    {
        DType.Int32 => [.. tensor.AsSpan<int>().ToArray().Select(value => (long)value)],
        DType.Int64 => tensor.AsSpan<long>().ToArray(),
        DType.UInt8 => [.. tensor.AsSpan<byte>().ToArray().Select(value => (long)value)],
        DType.Bool => [.. tensor.AsSpan<bool>().ToArray().Select(value => value ? 1L : 0)],
        _ => throw new EngineException($"{tensor.DType.Name()} holds no whole numbers."),
    };

    /// <summary>
    /// Returns the elements if they depend only on constants, computed by the ops' reference; null if they depend on
    /// more, or are many.
    /// </summary>
    private double[]? Evaluated()
    {
        if (!Shape.IsKnown || Shape.Count > MaxLookedAt || Type.Stored() is null)
        {
            return null;
        }

        IReadOnlyList<Apply> nodes = Traversal.Order([Variable], static (node, input) => node.Op.Reads(input));
        bool isConstant = Variable is not Input && nodes.All(node =>
            node.Outputs.All(output => output.Shape.IsKnown && output.Shape.Count <= MaxLookedAt)
            && node.Inputs.Where((input, i) => node.Op.Reads(i)).All(input => input is not Input)
            && node.Inputs.All(input => input.Shape.IsKnown));
        return isConstant && nodes.Count <= 1000
            ? ReferenceEvaluator.Evaluate([Variable], new Dictionary<Input, NdArray>())[0].ToTensor(Variable.DType)
                .Cast(DType.Float64)
                .AsSpan<double>().ToArray()
            : null;
    }

    private static Variable Joined(OnnxType type, Whole[] elements, Shape shape)
    {
        DType stored = type.Stored()!.Value;
        if (Array.TrueForAll(elements, one => one.IsKnown))
        {
            return Constant(new OnnxTensor("shape", type, shape)
            {
                Whole = Array.ConvertAll(elements, one => one.Number),
            }.ToTensor());
        }

        Variable row = Stack(0, [.. elements.Select(one => one.ToVariable())]);
        return Cast(Reshape(row, shape), stored);
    }
}
