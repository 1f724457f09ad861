using Engine.Graph;

namespace Engine.Compile;

/// <summary>Provides the evaluation of expressions without a function that is kept.</summary>
public static class Evaluation
{
    /// <summary>
    /// Returns the value of a variable: Theano's <c>eval</c>. It compiles a function on the default device, calls it
    /// and disposes of it. For repeated evaluation, compile a function once.
    /// </summary>
    /// <param name="variable">The variable to compute.</param>
    /// <param name="inputs">The inputs that it depends on, each with its value.</param>
    /// <exception cref="EngineException">An input is missing, is not needed, or cannot take its value.</exception>
    public static Tensor Eval(this Variable variable, params IReadOnlyList<(Input Input, Tensor Value)> inputs)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(inputs);
        using var function = Function.Compile([.. inputs.Select(given => given.Input)], [variable]);
        return function.Call([.. inputs.Select(given => given.Value)])[0];
    }
}
