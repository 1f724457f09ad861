using System.Reflection;

namespace Engine.Graph;

/// <summary>
/// Represents a node of the symbolic graph: something that will have a value when a function that contains it runs.
/// </summary>
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

    /// <summary>Itself, or if it has 16 bits a number what it is as float32.</summary>
    internal Variable Widened => DType.IsHalf() ? s_indexer.Widened(this) : this;

    /// <summary>Gets the dtype and the shape, as far as it is known.</summary>
    public TensorType Type { get; }

    /// <summary>Gets the element type.</summary>
    public DType DType => Type.DType;

    /// <summary>Gets the sides, as far as they are known.</summary>
    public Shape Shape => Type.Shape;

    /// <summary>Gets the number of sides.</summary>
    public int Rank => Type.Rank;

    /// <summary>Gets or sets the name in prints and error messages.</summary>
    public string? Name { get; set; }

    /// <summary>
    /// Gets the part that an index expression names, as C# and NumPy write it: <c>x[1]</c>, <c>x[.., ^1]</c>,
    /// <c>x[2..5]</c>, <c>x[(.., -1)]</c> for all in reverse, <c>x[rows, columns]</c> with arrays of places. Axes that
    /// it does not mention are whole. The part may be set or added to: <c>Symbolic.SetSubtensor(x[0], 0)</c>.
    /// </summary>
    /// <exception cref="EngineException">
    /// There are more indices than axes, or they lie outside x (those of arrays: when the function runs).
    /// </exception>
    public Variable this[params ReadOnlySpan<AxisIndex> indices] => s_indexer.Part(this, indices);

    /// <summary>Counts up with every variable made, so that orders are reproducible.</summary>
    internal long Id { get; }

    /// <summary>Returns the name, or for a nameless variable what it is.</summary>
    public override string ToString() => Name ?? Type.ToString();
}

/// <summary>Represents a variable whose value is given with each call.</summary>
public sealed class Input : Variable
{
    /// <summary>Creates an input of this type.</summary>
    public Input(TensorType type, string? name = null, bool isSize = false) : base(type, name) => IsSize = isSize;

    /// <summary>
    /// Gets whether it is an int32 scalar that decides shapes (the number of rows of a minibatch, say). A function
    /// keeps one plan for each value.
    /// </summary>
    public bool IsSize { get; }

    /// <summary>
    /// Gets or sets the value that a call takes which gives none; null where every call must. Those behind it in a
    /// function's inputs must have one too.
    /// </summary>
    public Tensor? Default { get; set; }
}

/// <summary>Represents a variable whose value never changes.</summary>
public sealed class Constant : Variable
{
    /// <summary>Creates a constant tensor, a copy of the one given.</summary>
    /// <param name="value">Its value.</param>
    /// <param name="isWeak">Whether it takes the dtype of what it is combined with, as a number literal does.</param>
    public Constant(Tensor value, bool isWeak = false) : base(TypeOf(value), null)
    {
        Value = value.Clone();
        IsWeak = isWeak;
    }

    /// <summary>Gets the value.</summary>
    public Tensor Value { get; }

    /// <summary>Gets whether it takes the dtype of what it is combined with, as a number literal does.</summary>
    public bool IsWeak { get; }

    /// <summary>
    /// Its only element; null where it has more, or none, or an int64 so great that float64 might not hold it, nor its sum
    /// with another.
    /// </summary>
    internal double? Number => Shape.Count == 1 && NdArray.From(Value).Data[0] is var number
        && (DType != DType.Int64 || Math.Abs(number) < ElementType.MaxWhole / 2) ? number : null;

    /// <summary>Returns the value of a scalar, and the type of others.</summary>
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
/// Stands where an op looks at an input's shape and not at its value (<see cref="Op.Reads"/>), so that what would
/// compute the value need not stay in the graph.
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

    /// <summary>Gets which of the application's outputs it is.</summary>
    public int Index { get; }

    /// <summary>Returns the name, or the op that computes it.</summary>
    public override string ToString() => Name ?? $"{Owner.Op.Name}.{Index}";
}
