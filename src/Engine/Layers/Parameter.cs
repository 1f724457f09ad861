using Engine.Graph;

namespace Engine.Layers;

/// <summary>Represents a parameter of a network, with its tags.</summary>
public sealed record Parameter
{
    internal Parameter(SharedVariable variable, string owner, ParameterTags tags) =>
        (Variable, Owner, Tags) = (variable, owner, tags);

    /// <summary>Gets where its value is kept.</summary>
    public SharedVariable Variable { get; }

    /// <summary>Gets the name of the network's layer that it belongs to, itself or by an inner layer.</summary>
    public string Owner { get; }

    /// <summary>Gets its full name: <c>hidden.W</c>.</summary>
    public string Name => Variable.Name!;

    /// <summary>Gets whether the network was told to leave it as it is.</summary>
    public bool IsFrozen { get; internal init; }

    /// <summary>Gets whether the update rule changes it.</summary>
    public bool IsTrainable => Tags.IsLearnt && !IsFrozen;

    /// <summary>Gets whether L1 and L2 hold for it: not so for biases, and for what is not trained.</summary>
    public bool IsRegularizable => Tags.IsSized && IsTrainable;

    /// <summary>Gets what the learning rate is multiplied with for it.</summary>
    public double RateFactor => Tags.Layer.RateFactor ?? 1;

    internal ParameterTags Tags { get; }

    /// <summary>Returns the name and the type.</summary>
    public override string ToString() => $"{Name} {Variable.Type}";
}

/// <summary>What is said of a parameter where it is made.</summary>
/// <param name="IsLearnt">Whether it is there to be learned, and not to be followed.</param>
/// <param name="IsSized">Whether its size counts: not so a bias.</param>
/// <param name="Layer">What its layer says.</param>
internal sealed record ParameterTags(bool IsLearnt, bool IsSized, LayerTags Layer);
