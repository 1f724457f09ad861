using System.Reflection;

namespace Engine.Graph;

/// <summary>Represents a node of the symbolic graph. It has a value when a function that contains it runs.</summary>
public abstract class Variable
{
    private static readonly Indexer s_indexer = (Indexer)Activator.CreateInstance(
        typeof(Variable).Assembly.GetCustomAttribute<IndexerAttribute>()!.Type)!;

    private static long s_created;

    private protected Variable(TensorType type, string? name)
    {
        Type = type;
        Name = name;
        Id = Interlocked.Increment(ref s_created);
    }

    /// <summary>Gets the variable itself, or its conversion to float32 if its numbers have 16 bits.</summary>
    internal Variable Widened => DType.IsHalf() ? s_indexer.Widened(this) : this;

    /// <summary>Gets the dtype and the shape, as far as it is known.</summary>
    public TensorType Type { get; }

    /// <summary>Gets the element type.</summary>
    public DType DType => Type.DType;

    /// <summary>Gets the dimensions, some of which may be unknown.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>Gets the number of dimensions.</summary>
    public int Rank => Type.Rank;

    /// <summary>Gets or sets the name in prints and error messages.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// Gets the part that an index expression selects, as in C# and NumPy: <c>x[1]</c>, <c>x[.., ^1]</c>,
    /// <c>x[2..5]</c>, <c>x[(.., -1)]</c> for all in reverse, <c>x[rows, columns]</c> with arrays of indices. Axes
    /// without an index are complete. The part may be set or added to: <c>Symbolic.SetSubtensor(x[0], 0)</c>.
    /// </summary>
    /// <exception cref="EngineException">
    /// There are more indices than axes, or an index is out of range (for arrays: when the function runs).
    /// </exception>
    public Variable this[params ReadOnlySpan<AxisIndex> indices] => s_indexer.Part(this, indices);

    /// <summary>Gets a number that increases with every new variable, so that orders are reproducible.</summary>
    internal long Id { get; }

    /// <summary>Returns the name or, without a name, a description.</summary>
    public override string ToString() => Name ?? Type.ToString();
}

/// <summary>Represents a variable whose value is given with each call.</summary>
public sealed class Input : Variable
{
    /// <summary>Creates an input of this type.</summary>
    public Input(TensorType type, string? name = null, bool isSize = false) : base(type, name) => IsSize = isSize;

    /// <summary>
    /// Gets whether it is an int32 scalar that determines shapes (for example the number of rows of a minibatch). A
    /// function keeps one plan for each value.
    /// </summary>
    public bool IsSize { get; }

    /// <summary>
    /// Gets or sets the value for calls that give none; null if every call must give one. All later inputs of a
    /// function must have one too.
    /// </summary>
    public Tensor? Default { get; set; }
}

/// <summary>Represents a variable whose value never changes.</summary>
public sealed class Constant : Variable
{
    /// <summary>Creates a constant from a copy of a tensor.</summary>
    /// <param name="value">The value.</param>
    /// <param name="isWeak">Whether it takes the dtype of the other operand, as a number literal does.</param>
    public Constant(Tensor value, bool isWeak = false) : base(TypeOf(value), null)
    {
        Value = value.Clone();
        IsWeak = isWeak;
    }

    /// <summary>Gets the value.</summary>
    public Tensor Value { get; }

    /// <summary>Gets whether it takes the dtype of the other operand, as a number literal does.</summary>
    public bool IsWeak { get; }

    /// <summary>
    /// Gets its only element; null if it has more or none, or an int64 so large that float64 might not hold it or its
    /// sum with another.
    /// </summary>
    internal double? Number => Shape.Count == 1 && NdArray.From(Value).Data[0] is var number
        && (DType != DType.Int64 || Math.Abs(number) < ElementType.MaxWhole / 2) ? number : null;

    /// <summary>Returns the value of a scalar, or else the type.</summary>
    public override string ToString() =>
        Rank == 0 ? InvariantText.Of($"{(object?)Number ?? Value.Element(0)}") : base.ToString();

    private static TensorType TypeOf(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        bool isSize = value.DType == DType.Int32 && value.Shape.Rank == 0;
        return new TensorType(value.DType, value.Shape, isSize ? value.AsSpan<int>()[0] : null);
    }
}

/// <summary>
/// Replaces an input of which an op reads only the shape (<see cref="Op.Reads"/>), so that the ops that compute its
/// value need not stay in the graph.
/// </summary>
internal sealed class ShapeOnly(TensorType type) : Variable(type, null);

/// <summary>Represents an output of an op applied to other variables.</summary>
public sealed class Result : Variable
{
    internal Result(Apply owner, int index, TensorType type) : base(type, null)
    {
        Owner = owner;
        Index = index;
    }

    /// <summary>Gets the application that computes it.</summary>
    public Apply Owner { get; }

    /// <summary>Gets the number of this output of the application.</summary>
    public int Index { get; }

    /// <summary>Returns the name, or the op that computes it.</summary>
    public override string ToString() => Name ?? $"{Owner.Op.Name}.{Index}";
}
