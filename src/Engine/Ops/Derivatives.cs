using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns a vector times the Jacobian: the gradient of Σ f · v, where v is constant. Theano's <c>Lop</c>.
    /// </summary>
    /// <param name="f">The function.</param>
    /// <param name="wrt">The variable of the derivative.</param>
    /// <param name="v">The vector, of the type of f.</param>
    /// <exception cref="EngineException">v is of another type, or f does not depend on the variable.</exception>
    public static Variable Lop(Variable f, Variable wrt, Variable v) => Lop([f], [wrt], [v])[0];

    /// <summary>Returns the sum of these products over several functions, for each of several variables.</summary>
    /// <inheritdoc cref="Lop(Variable, Variable, Variable)"/>
    public static IReadOnlyList<Variable> Lop(
        IReadOnlyList<Variable> f,
        IReadOnlyList<Variable> wrt,
        IReadOnlyList<Variable> v,
        DisconnectedInputs disconnectedInputs = DisconnectedInputs.Raise)
    {
        ArgumentNullException.ThrowIfNull(wrt);
        RequireSame(f, v, "is multiplied by");
        return [.. Backward(f, v, wrt).Zip(wrt, (grad, variable) =>
            grad ?? Disconnected(null, variable, disconnectedInputs))];
    }

    /// <summary>
    /// Returns the Jacobian times a vector: how f changes when a variable moves along v. Theano's <c>Rop</c>. It is
    /// computed as the gradient of a gradient, which is linear in a vector whose value does not matter.
    /// </summary>
    /// <param name="f">The function.</param>
    /// <param name="wrt">The variable that moves.</param>
    /// <param name="v">The direction, of the type of the variable.</param>
    /// <returns>A variable of the type of f; zeros if f does not depend on the variable.</returns>
    /// <exception cref="EngineException">v is of another type.</exception>
    public static Variable Rop(Variable f, Variable wrt, Variable v) => Rop([f], [wrt], [v])[0];

    /// <summary>Returns these products for several functions, when several variables move at once.</summary>
    /// <inheritdoc cref="Rop(Variable, Variable, Variable)"/>
    public static IReadOnlyList<Variable> Rop(
        IReadOnlyList<Variable> f, IReadOnlyList<Variable> wrt, IReadOnlyList<Variable> v)
    {
        ArgumentNullException.ThrowIfNull(f);
        RequireSame(wrt, v, "moves along");
        Variable[] any = [.. f.Select(ZerosLike)];
        Variable?[] grads = Backward(f, any, wrt);
        Variable?[] moved = Backward(
            [.. grads.OfType<Variable>()], [.. v.Where((_, i) => grads[i] is not null)], any);
        return [.. moved.Zip(f, (change, of) => change ?? Zero(of))];
    }

    /// <summary>
    /// Returns the gradient of each element of f. The result has the shape of f followed by the shape of the variable.
    /// Theano's <c>jacobian</c>. It is a loop over the elements.
    /// </summary>
    /// <exception cref="EngineException">f does not depend on the variable.</exception>
    public static Variable Jacobian(Variable f, Variable wrt) => Jacobian(f, [wrt])[0];

    /// <summary>Returns the Jacobians with respect to several variables.</summary>
    /// <inheritdoc cref="Jacobian(Variable, Variable)"/>
    public static IReadOnlyList<Variable> Jacobian(
        Variable f,
        IReadOnlyList<Variable> wrt,
        DisconnectedInputs disconnectedInputs = DisconnectedInputs.Raise)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(wrt);
        if (f.Rank == 0)
        {
            return Grad(f, wrt, disconnectedInputs: disconnectedInputs);
        }

        // Row i of the identity picks element i.
        Variable elements = Flatten(f, 1);
        ScanOutputs rows = Scan(
            step => (Variable[])[.. Lop([elements], wrt, [step[0]], disconnectedInputs)],
            [Cast(Eye(DimensionOf(elements, 0)), f.DType)]);
        return [.. rows.Zip(wrt, (row, variable) => Reshape(row, [.. DimensionsOf(f), .. DimensionsOf(variable)]))];
    }

    /// <summary>
    /// Returns the second derivatives of a scalar. The result has the shape of the variable twice. Theano's
    /// <c>hessian</c>.
    /// </summary>
    /// <exception cref="EngineException">
    /// The cost is not a floating-point scalar, or does not depend on the variable.
    /// </exception>
    public static Variable Hessian(Variable cost, Variable wrt) =>
        Jacobian(Grad(cost, wrt), [wrt], DisconnectedInputs.Ignore)[0];

    /// <summary>
    /// Returns what flows back to the variables <c>wrt</c> from variables whose own gradients are given; null where
    /// nothing flows. If one of the variables depends on another, each still receives its own given gradient.
    /// </summary>
    internal static Variable?[] Backward(
        IReadOnlyList<Variable> from, IReadOnlyList<Variable?> grads, IReadOnlyList<Variable> wrt)
    {
        var known = new Dictionary<Variable, Variable>();
        foreach ((Variable variable, Variable? grad) in from.Zip(grads))
        {
            if (grad is not null)
            {
                known.Add(new ReshapeLike().Call(variable, variable), grad);
            }
        }

        return known.Count == 0 ? new Variable?[wrt.Count] : Connected(null, wrt, null, known);
    }

    private static void RequireSame(IReadOnlyList<Variable> variables, IReadOnlyList<Variable> vectors, string what)
    {
        ArgumentNullException.ThrowIfNull(variables);
        ArgumentNullException.ThrowIfNull(vectors);
        if (variables.Count != vectors.Count)
        {
            throw new EngineException(
                $"There are {variables.Count} variables and {vectors.Count} vectors: one for each.{Origin.Current}");
        }

        foreach ((Variable variable, Variable vector) in variables.Zip(vectors))
        {
            if (variable.DType != vector.DType || !variable.Shape.Admits(vector.Shape))
            {
                throw new EngineException(
                    $"'{variable}' ({variable.Type}) {what} a vector of its own type, not '{vector}' ({vector.Type})."
                    + Origin.Current);
            }
        }
    }
}
