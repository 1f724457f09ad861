using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Represents a parameter's first values, not yet drawn: how, and of which shape.</summary>
/// <param name="Initializer">How they are drawn.</param>
/// <param name="Shape">The sides.</param>
public sealed record InitialValue(Initializer Initializer, Shape Shape);

/// <summary>
/// First values for the parameters of graphs written by hand, for <c>using static Engine.Layers.Initial;</c>:
/// <c>var w = Shared(GlorotUniform(1024, 10), "w");</c>
/// </summary>
public static class Initial
{
    /// <summary>
    /// Returns a shared variable whose first value is drawn from the seed and the variable's name: parameters of
    /// different names differ, and the order in which they are made does not matter.
    /// </summary>
    /// <exception cref="EngineException">The initializer is not for this shape.</exception>
    public static SharedVariable Shared(
        InitialValue value, string name, ulong seed = 1, DType dtype = DType.Float32)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(name);
        return SharedVariable.Of(value.Initializer.Draw(value.Shape, dtype, Seeded.Key(seed, name)), name);
    }

    /// <summary>Zeros.</summary>
    public static InitialValue Zeros(params ReadOnlySpan<int> shape) => Filled(0, shape);

    /// <summary>Ones.</summary>
    public static InitialValue Ones(params ReadOnlySpan<int> shape) => Filled(1, shape);

    /// <summary>Returns one value everywhere.</summary>
    public static InitialValue Filled(double value, params ReadOnlySpan<int> shape) =>
        new(new Filled(value), Shape.Create(shape));

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
