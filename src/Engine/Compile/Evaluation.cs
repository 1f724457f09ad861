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
    /// <param name="inputs">
    /// The inputs that it depends on, each with its value. One that is not given has its <see cref="Input.Default"/>.
    /// </param>
    /// <exception cref="EngineException">An input is missing, is not needed, or cannot take its value.</exception>
    public static Tensor Eval(this Variable variable, params IReadOnlyList<(Input Input, Tensor Value)> inputs)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(inputs);
        (Input Input, Tensor Value)[] all =
        [
            .. inputs,
            .. FunctionGraph.Leaves([variable]).OfType<Input>().Except(inputs.Select(given => given.Input))
                .Where(input => input.Default is not null).Select(input => (input, input.Default!)),
        ];
        using var function = Function.Compile([.. all.Select(given => given.Input)], [variable]);
        return function.Call([.. all.Select(given => given.Value)])[0];
    }
}
