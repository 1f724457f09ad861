namespace Engine.Graph;

/// <summary>
/// Computes values that depend on nothing but constants, sizes and shapes, by the references of plain ops. So
/// shapes may be computed from shapes: <c>Reshape(x, ShapeOf(y)[0], Prod(ShapeOf(y)[1..]))</c>.
/// </summary>
internal sealed class KnownValues
{
    /// <summary>The most elements of such a value and of what it is computed from: shapes are short.</summary>
    private const int MaxElements = 64;

    private readonly Dictionary<Variable, NdArray> _values = [];

    // The variable that has no known value, and why a value is not a size.
    private Variable? _unknown;
    private string? _noSize;

    private KnownValues()
    {
    }

    /// <summary>Returns the type of an op's output with its value, if that is a known size.</summary>
    public static TensorType TypeOf(Op op, IReadOnlyList<Variable> inputs, TensorType type)
    {
        if (type is not { DType: DType.Int32, Rank: 0, KnownValue: null, NoSize: null } || !op.IsPlain)
        {
            return type;
        }

        var known = new KnownValues();
        Variable[] read = [.. inputs.Where((_, input) => op.Reads(input))];
        NdArray? value = known.Compute(read) && inputs.All(input => input.Shape.IsKnown)
            ? known.Apply(op, inputs, [type])?[0]
            : null;
        return known._noSize is { } reason ? type with { NoSize = reason }
            : value is null ? type
            : type with { KnownValue = (int)value.Data[0] };
    }

    /// <summary>Returns a variable's value; null if it depends on more than constants, sizes and shapes.</summary>
    public static Constant? Of(Variable variable)
    {
        var known = new KnownValues();
        return known.Compute([variable])
            ? new Constant(known.ValueOf(variable).ToTensor(variable.DType))
            : null;
    }

    /// <summary>Returns a variable whose value another one depends on, and which has none before a run.</summary>
    public static Variable Unknown(Variable variable)
    {
        var known = new KnownValues();
        known.Compute([variable]);
        return known._unknown ?? variable;
    }

    /// <summary>Computes variables and all that they depend on; returns false if a value is not known.</summary>
    private bool Compute(Variable[] wanted)
    {
        Variable[] open = [.. wanted.Where(IsOpen)];
        IReadOnlyList<Apply> order = Traversal.Order(open, Follows);
        foreach (Apply node in _unknown is null ? order : [])
        {
            if (Apply(node.Op, node.Inputs, [.. node.Outputs.Select(output => output.Type)]) is not { } results)
            {
                return false;
            }

            foreach (Result output in node.Outputs)
            {
                _values[output] = results[output.Index];
            }
        }

        return _unknown is null;
    }

    private bool Follows(Apply node, int input)
    {
        if (node.Op.Reads(input))
        {
            return _unknown is null && IsOpen(node.Inputs[input]);
        }

        // The op reads its shape.
        _unknown ??= node.Inputs[input].Shape.IsKnown ? null : node.Inputs[input];
        return false;
    }

    /// <summary>Returns whether a value must be computed, and remembers one that cannot be.</summary>
    private bool IsOpen(Variable variable)
    {
        if (variable.Type.KnownValue is not null)
        {
            return false;
        }

        if (variable is Constant or Result { Owner.Op.IsPlain: true } && variable.Shape.IsKnown
            && variable.Shape.Count <= MaxElements)
        {
            return variable is Result;
        }

        _unknown ??= variable;
        return false;
    }

    /// <summary>
    /// Returns an op's outputs as int64, so that an int32 that wraps around is seen: a valid number, but not the size
    /// that was meant. Returns null for such a number.
    /// </summary>
    private NdArray[]? Apply(Op op, IReadOnlyList<Variable> inputs, IReadOnlyList<TensorType> types)
    {
        NdArray[] operands =
            [.. inputs.Select((input, i) => op.Reads(i) ? ValueOf(input) : new NdArray(input.Shape, []))];
        NdArray[] results = ReferenceEvaluator.Of(
            op, operands,
            [.. types.Select(type => type.DType == DType.Int32 ? new TensorType(DType.Int64, type.Shape) : type)]);
        for (int i = 0; i < results.Length; i++)
        {
            if (types[i].DType.IsFloat())
            {
                results[i] = NdArray.From(results[i].ToTensor(types[i].DType));
            }
            else if (types[i].DType == DType.Int32
                && results[i].Data.Any(value => value is < int.MinValue or > int.MaxValue))
            {
                double value = results[i].Data.First(value => value is < int.MinValue or > int.MaxValue);
                string sizes = string.Join(
                    " and ", operands.Where((_, input) => op.Reads(input)).SelectMany(operand => operand.Data)
                        .Select(each => InvariantText.Of($"{each}")));
                _noSize = InvariantText.Of($"of the sizes {sizes} comes {value:N0}, and a size is below 2³¹");
                return null;
            }
        }

        return results;
    }

    private NdArray ValueOf(Variable variable) => variable switch
    {
        { Type.KnownValue: { } size } => new NdArray(Shape.Scalar, [size], DType.Int64),
        Constant constant => NdArray.From(constant.Value),
        _ => _values[variable],
    };
}
