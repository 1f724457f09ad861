using System.Collections;
using System.Runtime.CompilerServices;

namespace Engine.Training;

/// <summary>
/// Represents a setting of a <see cref="DeepBeliefNetwork"/>: one value for all layers of weights, <c>0.1</c>, or one
/// for each, from the inputs to the classes, <c>[0.1, 0.1, 0.05]</c>.
/// </summary>
/// <typeparam name="T">The type of a value.</typeparam>
[CollectionBuilder(typeof(PerLayer), nameof(PerLayer.Of))]
public sealed class PerLayer<T> : IEnumerable<T>
{
    private readonly T[] _values;
    private readonly bool _isForAll;

    internal PerLayer(T[] values, bool isForAll) => (_values, _isForAll) = (values, isForAll);

    /// <summary>Returns a setting with one value for all layers.</summary>
    public static implicit operator PerLayer<T>(T value) => PerLayer.ForAll(value);

    /// <summary>Returns the values: one for each layer, or one for all.</summary>
    public IEnumerator<T> GetEnumerator() => _values.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Returns the values as text.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{string.Join(", ", _values.Select(value => FormattableString.Invariant($"{value}")))}");

    /// <summary>Returns the value of each layer.</summary>
    /// <exception cref="EngineException">There are values for another number of layers.</exception>
    internal T[] For(string name, int layers) => _isForAll ? [.. Enumerable.Repeat(_values[0], layers)]
        : _values.Length == layers ? _values
        : throw new EngineException(
            $"{name} has {_values.Length} values, and the network has {layers} layers of weights: "
            + "give one value for all, or one for each.");
}

/// <summary>Creates settings of a <see cref="DeepBeliefNetwork"/>.</summary>
public static class PerLayer
{
    /// <summary>Returns a setting with one value for all layers.</summary>
    /// <typeparam name="T">The type of the value.</typeparam>
    public static PerLayer<T> ForAll<T>(T value) => new([value], isForAll: true);

    /// <summary>Returns a setting with a value for each layer of weights.</summary>
    /// <typeparam name="T">The type of a value.</typeparam>
    public static PerLayer<T> Of<T>(params ReadOnlySpan<T> values) => new(values.ToArray(), isForAll: false);
}
