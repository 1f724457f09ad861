using System.Globalization;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// The one place that says of which dtype an op computes, and what becomes of number literals: the table is in
/// docs/types.md.
/// </summary>
internal static class Promotion
{
    /// <summary>Brings operands to one dtype: the widest among them, where number literals take that of the others.</summary>
    /// <param name="op">The op's name, for messages.</param>
    /// <param name="operands">The operands.</param>
    /// <param name="takesIntegers">Whether the op computes integers as int32; else they are converted to float32.</param>
    /// <exception cref="EngineException">
    /// float32 stands beside float64, or the dtype cannot hold a number literal.
    /// </exception>
    public static Variable[] Convert(string op, Variable[] operands, bool takesIntegers)
    {
        DType common = Widest(op, operands) ?? DType.Float32;
        if (!common.IsFloat())
        {
            bool isWhole = takesIntegers && operands.SelectMany(Literals).All(double.IsInteger);
            common = isWhole ? common.Computes() : DType.Float32;
        }

        common = common.Computes();

        foreach (double literal in operands.SelectMany(Literals))
        {
            if (!Holds(common, literal))
            {
                throw new EngineException(
                    $"{op} of {Text(operands)}: {Range(common)}, not {Text(literal)}. Cast the other operand to float64, "
                    + $"with Symbolic.Cast.{Origin.Current}");
            }
        }

        return [.. operands.Select(operand => operand is Constant { IsWeak: true } literal
            ? new Constant(literal.Value.Cast(common))
            : Symbolic.Cast(operand, common))];
    }

    /// <summary>Returns the widest dtype of operands, number literals aside; null where there are no others.</summary>
    /// <exception cref="EngineException">It would be float64 beside float32: nothing widens to that unasked.</exception>
    public static DType? Widest(string op, IReadOnlyList<Variable> operands)
    {
        Variable[] typed = [.. operands.Where(operand => operand is not Constant { IsWeak: true })];
        if (typed.Any(operand => operand.DType.IsFloat() && operand.DType != DType.Float64) && typed.Any(operand => operand.DType == DType.Float64))
        {
            throw new EngineException(
                $"{op} of {Text(typed)} would widen to float64: cast one of them, with Symbolic.Cast.{Origin.Current}");
        }

        return typed.Length == 0 ? null : typed.Select(operand => operand.DType).Aggregate(DTypes.Promote);
    }

    /// <summary>
    /// Returns whether a dtype holds a number: an integer itself, a floating-point type the nearest to it that is not 0
    /// nor infinite, where the number is neither.
    /// </summary>
    public static bool Holds(DType dtype, double value) => ElementType.Of(dtype).Holds(value);

    /// <summary>Returns what is chosen of truths is one, though it is computed as a number.</summary>
    public static Variable AsTruth(Variable chosen, params ReadOnlySpan<Variable> of)
    {
        foreach (Variable operand in of)
        {
            if (operand.DType != DType.Bool)
            {
                return chosen;
            }
        }

        return Symbolic.Cast(chosen, DType.Bool);
    }

    /// <summary>Returns the dtype itself, where ops compute in it.</summary>
    /// <exception cref="EngineException">It is too small for that: uint8, bool, float16 or bfloat16.</exception>
    public static DType Computed(DType dtype) => dtype.Computes() == dtype
        ? dtype
        : throw new EngineException($"it takes no {dtype.Name()}: cast it");

    /// <summary>Returns what a dtype holds, for messages.</summary>
    public static string Range(DType dtype) => ElementType.Of(dtype).Range;

    /// <summary>Returns a number as C# reads it.</summary>
    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Text(IReadOnlyList<Variable> operands) => string.Join(" and ", operands.Select(operand =>
        operand is Constant { IsWeak: true, Number: { } number } ? Text(number) : $"'{operand}' ({operand.Type})"));

    /// <summary>The numbers of a literal; none of what has a dtype of its own.</summary>
    private static double[] Literals(Variable operand) =>
        operand is Constant { IsWeak: true } literal ? NdArray.From(literal.Value).Data : [];
}
