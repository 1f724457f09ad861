using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Represents a parameter's initial values before they are drawn.</summary>
/// <param name="Initializer">The initializer that draws them.</param>
/// <param name="Shape">The shape.</param>
public sealed record InitialValue(Initializer Initializer, Shape Shape);

/// <summary>
/// Provides initial values for parameters of graphs written by hand. Use it with <c>using static
/// Engine.Layers.Initial;</c>: <c>var w = Shared(GlorotUniform(1024, 10), "w");</c>
/// </summary>
public static class Initial
{
    /// <summary>
    /// Returns a shared variable whose initial value depends on the seed and the variable's name. Parameters with
    /// different names get different values, and the order of their creation does not matter.
    /// </summary>
    /// <exception cref="EngineException">The initializer is not for this shape.</exception>
    public static SharedVariable Shared(
        InitialValue value, string name, ulong seed = 1, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(name);
        return SharedVariable.Of(value.Initializer.Draw(value.Shape, dtype, Seeded.Key(seed, name)), name);
    }

    /// <summary>Returns zeros.</summary>
    public static InitialValue Zeros(params ReadOnlySpan<int> shape) => Full(0, shape);

    /// <summary>Returns ones.</summary>
    public static InitialValue Ones(params ReadOnlySpan<int> shape) => Full(1, shape);

    /// <summary>Returns one value everywhere.</summary>
    public static InitialValue Full(double value, params ReadOnlySpan<int> shape) =>
        new(new Full(value), Shape.Create(shape));

    /// <summary>Returns values of <see cref="Layers.GlorotUniform"/>.</summary>
    public static InitialValue GlorotUniform(params ReadOnlySpan<int> shape) =>
        new(new GlorotUniform(), Shape.Create(shape));

    /// <summary>Returns values of <see cref="Layers.GlorotNormal"/>.</summary>
    public static InitialValue GlorotNormal(params ReadOnlySpan<int> shape) =>
        new(new GlorotNormal(), Shape.Create(shape));

    /// <summary>Returns values of <see cref="Layers.HeUniform"/>.</summary>
    public static InitialValue HeUniform(params ReadOnlySpan<int> shape) => new(new HeUniform(), Shape.Create(shape));

    /// <summary>Returns values of <see cref="Layers.HeNormal"/>.</summary>
    public static InitialValue HeNormal(params ReadOnlySpan<int> shape) => new(new HeNormal(), Shape.Create(shape));

    /// <summary>Returns values of <see cref="Layers.Orthogonal"/>.</summary>
    public static InitialValue Orthogonal(params ReadOnlySpan<int> shape) =>
        new(new Orthogonal(), Shape.Create(shape));
}
