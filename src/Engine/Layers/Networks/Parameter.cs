using Engine.Graph;

namespace Engine.Layers;

/// <summary>Represents a parameter of a network, with its tags.</summary>
public sealed record Parameter
{
    internal Parameter(SharedVariable variable, string owner, ParameterTags tags) =>
        (Variable, Owner, Tags) = (variable, owner, tags);

    /// <summary>Gets the variable that holds its value.</summary>
    public SharedVariable Variable { get; }

    /// <summary>Gets the name of the network's layer that it belongs to, directly or through an inner layer.</summary>
    public string Owner { get; }

    /// <summary>Gets its full name: <c>hidden.W</c>.</summary>
    public string Name => Variable.Name!;

    /// <summary>Gets whether the network froze it.</summary>
    public bool IsFrozen { get; internal init; }

    /// <summary>Gets whether the update rule changes it.</summary>
    public bool IsTrainable => Tags.IsLearned && !IsFrozen;

    /// <summary>Gets whether L1 and L2 apply to it; false for biases and for parameters that are not trained.</summary>
    public bool IsRegularizable => Tags.IsSized && IsTrainable;

    /// <summary>Gets the factor of its learning rate.</summary>
    public double RateFactor => Tags.Layer.RateFactor ?? 1;

    internal ParameterTags Tags { get; }

    /// <summary>Returns the name and the type.</summary>
    public override string ToString() => $"{Name} {Variable.Type}";
}

/// <summary>Represents the tags that a parameter gets at its creation.</summary>
/// <param name="IsLearned">Whether it is learned; false for running averages.</param>
/// <param name="IsSized">Whether its size is penalized; false for a bias.</param>
/// <param name="Layer">The tags of its layer.</param>
internal sealed record ParameterTags(bool IsLearned, bool IsSized, LayerTags Layer);
