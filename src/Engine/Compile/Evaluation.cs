using Engine.Graph;

namespace Engine.Compile;

/// <summary>Values of expressions without a function that is kept.</summary>
public static class Evaluation
{
    /// <summary>
    /// Returns the value of a variable: Theano's <c>eval</c>. A function is compiled for it on the default device,
    /// called and disposed of; what is evaluated over and over is better compiled once.
    /// </summary>
    /// <param name="variable">What is computed.</param>
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
