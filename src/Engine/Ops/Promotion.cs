using System.Globalization;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Decides in which dtype an op computes, and which dtype number literals take. docs/graphs/types.md has the table.
/// </summary>
internal static class Promotion
{
    /// <summary>
    /// Converts operands to one dtype, the widest among them. Number literals take the dtype of the others.
    /// </summary>
    /// <param name="op">The op's name, for messages.</param>
    /// <param name="operands">The operands.</param>
    /// <param name="takesIntegers">
    /// Whether the op computes integers as int32; if not, they are converted to float32.
    /// </param>
    /// <exception cref="EngineException">
    /// One operand is float32 and another float64, or the dtype cannot hold a number literal.
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
                    $"{op} of {Text(operands)}: {Range(common)}, not {Text(literal)}. "
                    + $"Cast the other operand to float64, with Symbolic.Cast.{Origin.Current}");
            }
        }

        return [.. operands.Select(operand => operand is Constant { IsWeak: true } literal
            ? new Constant(literal.Value.Cast(common))
            : Symbolic.Cast(operand, common))];
    }

    /// <summary>
    /// Converts a value to the dtype of an array that it becomes a part of; or both to a wider dtype, if the array's
    /// cannot hold the value.
    /// </summary>
    /// <param name="op">The op's name, for messages.</param>
    /// <param name="array">The array.</param>
    /// <param name="value">The value.</param>
    /// <param name="adds">Whether the value is added to the part: truths are then added up as numbers.</param>
    /// <exception cref="EngineException">No dtype holds both: see <see cref="Convert"/>.</exception>
    public static Variable[] Into(string op, Variable array, Variable value, bool adds)
    {
        DType own = array.DType;
        if (value.DType == own)
        {
            return [array, value];
        }

        bool isHeld = value is Constant { IsWeak: true }
            ? Literals(value).All(number => Holds(own, number))
            : !value.DType.IsFloat() && DTypes.Promote(own, value.DType) == own;
        return !isHeld || own.IsHalf() || (adds && own == DType.Bool) ? Convert(op, [array, value], takesIntegers: true)
            : [array, value is Constant constant ? new Constant(constant.Value.Cast(own)) : Symbolic.Cast(value, own)];
    }

    /// <summary>Returns the widest dtype of operands, without number literals; null if all are literals.</summary>
    /// <exception cref="EngineException">
    /// It would be float64 although one operand is float32: nothing widens to float64 unasked.
    /// </exception>
    public static DType? Widest(string op, IReadOnlyList<Variable> operands)
    {
        Variable[] typed = [.. operands.Where(operand => operand is not Constant { IsWeak: true })];
        if (typed.Any(operand => operand.DType.IsFloat() && operand.DType != DType.Float64)
            && typed.Any(operand => operand.DType == DType.Float64))
        {
            throw new EngineException(
                $"{op} of {Text(typed)} would widen to float64: cast one of them, with Symbolic.Cast.{Origin.Current}");
        }

        return typed.Length == 0 ? null : typed.Select(operand => operand.DType).Aggregate(DTypes.Promote);
    }

    /// <summary>
    /// Returns whether a dtype holds a number. An integer type must hold it exactly. A floating-point type must not
    /// round a number that is neither 0 nor infinite to 0 or infinity.
    /// </summary>
    public static bool Holds(DType dtype, double value) => ElementType.Of(dtype).Holds(value);

    /// <summary>Casts a result that was computed as a number back to bool, if all operands are bool.</summary>
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
    /// <exception cref="EngineException">Ops do not compute in it: uint8, bool, float16 or bfloat16.</exception>
    public static DType Computed(DType dtype) => dtype.Computes() == dtype
        ? dtype
        : throw new EngineException($"it takes no {dtype.Name()}: cast it");

    /// <summary>Returns a text that says what a dtype holds, for messages.</summary>
    public static string Range(DType dtype) => ElementType.Of(dtype).Range;

    /// <summary>Returns a number in the form that C# reads.</summary>
    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Text(IReadOnlyList<Variable> operands) => string.Join(" and ", operands.Select(operand =>
        operand is Constant { IsWeak: true, Number: { } number } ? Text(number) : $"'{operand}' ({operand.Type})"));

    /// <summary>Returns the numbers of a literal; none for an operand that has a dtype of its own.</summary>
    private static double[] Literals(Variable operand) =>
        operand is Constant { IsWeak: true } literal ? NdArray.From(literal.Value).Data : [];
}
