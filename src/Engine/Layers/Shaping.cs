using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Flattens a sample to one axis, in C order.</summary>
public sealed class Flatten : Layer
{
    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.Rank == 2 ? input : Symbolic.Flatten(input);
    }
}

/// <summary>Gives a sample another shape, in C order.</summary>
public sealed class Reshape : Layer
{
    /// <summary>
    /// Creates a reshape to these dimensions, without the batch. One may be −1, which means the rest.
    /// </summary>
    /// <exception cref="EngineException">A dimension is neither positive nor −1, or more than one is −1.</exception>
    public Reshape(params ReadOnlySpan<int> dimensions)
    {
        Dimensions = Shape.Create(dimensions);
        Require(Dimensions.Rank > 0 && Dimensions.All(dimension => dimension is > 0 or -1)
            && Dimensions.Count(dimension => dimension == -1) <= 1,
            $"Reshape needs the dimensions of a sample, each at least 1 but one that may be -1, not {Dimensions}.");
    }

    /// <summary>Gets the dimensions of a sample, one of which may be −1.</summary>
    public Shape Dimensions { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        int count = input.Shape.Product(1, input.Rank);
        int known = 1;
        int[] dimensions = [-1, .. Dimensions];
        foreach (int dimension in Dimensions.Where(dimension => dimension > 0))
        {
            known *= dimension;
        }

        int open = Array.IndexOf(dimensions, -1, 1);
        if (open > 0 && count % known == 0)
        {
            dimensions[open] = count / known;
            known = count;
        }

        return known == count
            ? Symbolic.Reshape(input, Shape.Create(dimensions))
            : throw scope.Error(
                $"The {count} values of a sample of {input.Shape} cannot take the dimensions {Dimensions}.");
    }
}

/// <summary>Applies a nonlinearity as a separate layer.</summary>
public sealed class Activation : Layer
{
    /// <summary>Creates a layer that applies this function.</summary>
    public Activation(Func<Variable, Variable> nonlinearity)
    {
        ArgumentNullException.ThrowIfNull(nonlinearity);
        Nonlinearity = nonlinearity;
    }

    /// <summary>Gets the function.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope) => Nonlinearity(input);
}
