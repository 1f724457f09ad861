using System.Globalization;
using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Compares the gradient of a function, as <see cref="Grad(Variable, Variable)"/> gives it, with central
    /// differences. Use it to test an op's <see cref="Op.Grad"/>. The cost is the sum of the function's elements with
    /// random weights. Everything is computed in float64 by the ops' references, on no device.
    /// </summary>
    /// <param name="function">The function, of as many variables as there are points.</param>
    /// <param name="at">
    /// The point of the test: a value for each variable. Floating-point values become float64 and are the ones that are
    /// moved.
    /// </param>
    /// <param name="seed">
    /// The seed of the random weights and of the choice of elements, if there are too many to test all.
    /// </param>
    /// <param name="step">How far an element is moved in each direction.</param>
    /// <param name="absolute">The absolute difference that is allowed.</param>
    /// <param name="relative">The difference that is allowed for each unit of the gradient.</param>
    /// <exception cref="EngineException">The gradient differs; the message says where and by how much.</exception>
    public static void VerifyGrad(
        Func<IReadOnlyList<Variable>, Variable> function,
        IReadOnlyList<Tensor> at,
        int seed = 0,
        double step = 1e-6,
        double absolute = 1e-5,
        double relative = 1e-3)
    {
        const int MaxElements = 100;
        ArgumentNullException.ThrowIfNull(function);
        ArgumentNullException.ThrowIfNull(at);
        var random = new Random(seed);
        Input[] inputs = [.. at.Select((point, i) => new Input(
            new TensorType(point.DType.IsFloat() ? DType.Float64 : point.DType, point.Shape), $"input {i}"))];
        Variable output = function(inputs);
        if (!output.Shape.IsKnown || output.DType != DType.Float64)
        {
            throw new EngineException(
                $"'{output}' is {output.Type}: a gradient is verified of float64 results of a known shape."
                + Built(output));
        }

        var weights = new double[output.Shape.Count];
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = random.NextDouble() + 0.5;
        }

        Variable cost = Sum(output * Constant(Tensor.From(weights).Reshape(output.Shape.Dimensions)));
        Input[] moved = [.. inputs.Where(input => input.DType.IsFloat())];
        Dictionary<Input, NdArray> values =
            inputs.Zip(at).ToDictionary(pair => pair.First, pair => NdArray.From(pair.Second));
        NdArray[] grads = ReferenceEvaluator.Evaluate(
            Grad(cost, moved, disconnectedInputs: DisconnectedInputs.Ignore), values);
        foreach ((Input input, NdArray grad) in moved.Zip(grads))
        {
            int[] elements = [.. Enumerable.Range(0, grad.Data.Length)];
            random.Shuffle(elements);
            foreach (int element in elements.Take(MaxElements).Order())
            {
                double difference = (At(input, element, step) - At(input, element, -step)) / (2 * step);
                if (!(Math.Abs(grad.Data[element] - difference) <= absolute + (relative * Math.Abs(difference))))
                {
                    throw new EngineException(string.Create(
                        CultureInfo.InvariantCulture,
                        $"The gradient of '{output}' ({output.Type}) with respect to '{input}' ({input.Type}) is "
                        + $"{grad.Data[element]:R} at element {element}, "
                        + $"and differences give {difference:R}.") + Built(output));
                }
            }
        }

        double At(Input input, int element, double by)
        {
            NdArray point = values[input];
            double[] other = [.. point.Data];
            other[element] += by;
            values[input] = new NdArray(point.Shape, other);
            double result = ReferenceEvaluator.Evaluate([cost], values)[0].Data[0];
            values[input] = point;
            return result;
        }
    }
}
