using System.Diagnostics.CodeAnalysis;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>Recognizes how variables are computed, and creates their replacements, for rules.</summary>
internal static class Match
{
    /// <summary>Returns whether a variable is a function of one other.</summary>
    public static bool Is<TRow>(Variable variable, [NotNullWhen(true)] out Variable? x) where TRow : struct, IUnary
    {
        x = variable is Result { Owner: { Op: Unary<TRow> } owner } ? owner.Inputs[0] : null;
        return x is not null;
    }

    /// <summary>Returns whether a variable is a function of two others.</summary>
    public static bool Is<TRow>(
        Variable variable, [NotNullWhen(true)] out Variable? a, [NotNullWhen(true)] out Variable? b)
        where TRow : struct, IBinary
    {
        (a, b) = variable is Result { Owner: { Op: Binary<TRow> } owner }
            ? (owner.Inputs[0], owner.Inputs[1])
            : default;
        return a is not null && b is not null;
    }

    /// <summary>Returns whether a variable is computed by an op of this type, and the op.</summary>
    public static bool Is<TOp>(
        Variable variable, [NotNullWhen(true)] out TOp? op, [NotNullWhen(true)] out Apply? node) where TOp : Op
    {
        (op, node) = variable is Result { Owner: { Op: TOp found } owner } ? (found, owner) : default;
        return op is not null && node is not null;
    }

    /// <summary>Returns whether a variable is a single number that is already known.</summary>
    public static bool IsNumber(Variable variable, out double value)
    {
        value = variable is Constant { Number: { } number } ? number : double.NaN;
        return !double.IsNaN(value);
    }

    /// <inheritdoc cref="IsNumber(Variable, out double)"/>
    public static bool IsNumber(Variable variable, double value) =>
        IsNumber(variable, out double found) && found == value;

    /// <summary>Returns the variable that a view shows, whatever its shape.</summary>
    public static Variable Seen(Variable variable)
    {
        while (variable is Result { Owner: var owner } && owner.IsView)
        {
            variable = owner.Inputs[0];
        }

        return variable;
    }

    /// <summary>Returns a gradient without the guard against NaN.</summary>
    public static Variable Unguarded(Variable variable) =>
        Is<GuardGrad>(variable, out _, out Variable? passed) ? passed : variable;

    /// <summary>
    /// Returns a number of the dtype of another variable. An integer wraps around if that dtype is an integer type.
    /// </summary>
    public static Constant Number(double value, Variable like) => like.DType.IsFloat() || !double.IsInteger(value)
        ? Symbolic.Constant(value, like.DType)
        : new Constant(Tensor.Scalar(DTypes.Wrap(value, like.DType)).Cast(like.DType));

    /// <summary>Returns a function of one variable.</summary>
    public static Variable Of<TRow>(Variable x) where TRow : struct, IUnary => new Unary<TRow>().Call(x);

    /// <summary>Returns a function of two variables of one dtype.</summary>
    public static Variable Of<TRow>(Variable a, Variable b) where TRow : struct, IBinary =>
        new Binary<TRow>().Call(a, b);

    /// <summary>Returns a variable with another shape that has as many elements.</summary>
    public static Variable Under(Shape shape, Variable variable) =>
        variable.Shape == shape ? variable : new Reshape(shape).Call(variable);

    /// <summary>Returns a variable broadcast to a shape.</summary>
    public static Variable Repeated(Variable variable, Shape shape) => variable.Shape == shape
        ? variable
        : new BroadcastLike().Call(variable, new ShapeOnly(new TensorType(variable.DType, shape)));

    /// <summary>Returns the shape with leading axes of length 1, so that it has this rank.</summary>
    public static Shape Padded(Shape shape, int rank) =>
        [.. Enumerable.Repeat(1, Math.Max(0, rank - shape.Rank)), .. shape.Dimensions];
}
