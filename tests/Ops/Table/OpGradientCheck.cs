using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Compares an op's gradient with central differences of its reference, in float64, for a cost that weights the
/// elements of the outputs at random; with PyTorch's step and tolerances.
/// </summary>
internal sealed class OpGradientCheck
{
    private const double Step = 1e-6, Absolute = 1e-5, Relative = 1e-3;

    private readonly OpCase _case;
    private readonly Random _random;
    private readonly Tensor?[] _weights;

    /// <summary>
    /// How many elements are changed one by one, before all are changed at once, which alone finds nearly every error;
    /// fewer if it takes long.
    /// </summary>
    private readonly int _elements;

    public OpGradientCheck(OpCase example, Random random)
    {
        _case = example;
        _random = random;
        _elements = (int)Math.Clamp(
            10_000 / Math.Max(1, example.InputTypes.Concat(example.OutputTypes).Sum(type => type.Shape.Count)), 1, 4);
        _weights = [.. example.OutputTypes.Select(type => type.DType.IsFloat() ? Draw(type.Shape) : null)];
    }

    public void Run(Device device)
    {
        if (_weights.All(weights => weights is null))
        {
            return;
        }

        Tensor?[] grads = Symbolically(device);
        for (int i = 0; i < grads.Length; i++)
        {
            if (grads[i] is not { } grad)
            {
                continue;
            }

            Tensor input = _case.Inputs[i];
            Assert.That(grad.DType == input.DType && grad.Shape == input.Shape,
                $"the gradient of input {i} is a {grad.TypeText}, not a {input.TypeText}");
            int count = (int)input.Shape.Count;
            for (int n = 0; n < Math.Min(_elements, count); n++)
            {
                int element = _random.Next(count);
                var direction = new double[count];
                direction[element] = 1;
                RequireClose(grad, direction, i, $"element {element} of input {i} {input.Shape}");
            }

            RequireClose(grad, Draw(input.Shape).AsSpan<double>().ToArray(), i, $"all of input {i} {input.Shape}");
        }
    }

    /// <summary>
    /// Does the same for the gradient. A randomly weighted sum of its elements is a function of the inputs and of the
    /// gradients with respect to the outputs, and has a gradient with respect to both.
    /// </summary>
    public void RunTwice(Device device)
    {
        const int MaxElements = 2000;
        if (_weights.All(weights => weights is null)
            || _case.InputTypes.Concat(_case.OutputTypes).Sum(type => type.Shape.Count) > MaxElements)
        {
            return;
        }

        var values = new Dictionary<Input, Tensor>();
        Variable[] inputs = [.. _case.InputTypes.Select((type, i) => type.KnownValue is { } size
            ? (Variable)Constant(size, DType.Int32)
            : Given(_case.Inputs[i]))];
        Variable?[] weights = [.. _weights.Select(each => each is null ? null : Given(each))];
        IReadOnlyList<Variable?> grads = _case.Op.Grad(_case.Op.Apply(inputs), weights);
        Input[] moved = [.. inputs.Where((input, i) => grads[i] is not null && input.DType.IsFloat())
            .Concat(weights.OfType<Variable>()).Cast<Input>()];
        Variable? sum = null;
        foreach (Variable grad in grads.Where((grad, i) => grad is not null && inputs[i].DType.IsFloat())
            .Select(grad => grad!))
        {
            Variable part = Sum(grad * Constant(Draw(grad.Shape)));
            sum = sum is null ? part : sum + part;
        }

        if (sum is null)
        {
            return;
        }

        IReadOnlyList<Variable> seconds = Grad(sum, moved, disconnectedInputs: DisconnectedInputs.Ignore);
        HashSet<Variable> used = [.. FunctionGraph.Leaves(seconds)];
        Input[] given = [.. values.Keys.Where(used.Contains)];
        using var function = Function.Compile(given, seconds, device: device);
        Tensor[] results = function.Call([.. given.Select(input => values[input])]);
        Tensor[] directions = [.. moved.Select(input => Draw(input.Shape))];
        double symbolic = 0;
        for (int i = 0; i < moved.Length; i++)
        {
            Assert.That(results[i].Shape, Is.EqualTo(moved[i].Shape));
            ReadOnlySpan<double> result = results[i].AsSpan<double>(), direction = directions[i].AsSpan<double>();
            for (int j = 0; j < result.Length; j++)
            {
                symbolic += result[j] * direction[j];
            }
        }

        double numerical = (At(Step) - At(-Step)) / (2 * Step);
        Assert.That(Math.Abs(symbolic - numerical) <= Absolute + (Relative * Math.Abs(numerical)),
            $"gradient of the gradient: {symbolic:R}, but differences give {numerical:R}");

        Input Given(Tensor value)
        {
            var input = new Input(new TensorType(value.DType, value.Shape), $"input {values.Count}");
            values.Add(input, value);
            return input;
        }

        double At(double step)
        {
            var at = values.ToDictionary(pair => pair.Key, pair => NdArray.From(pair.Value));
            foreach ((Input input, Tensor direction) in moved.Zip(directions))
            {
                double[] data = at[input].Data;
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] += step * direction.AsSpan<double>()[i];
                }
            }

            return ReferenceEvaluator.Evaluate([sum!], at)[0].Data[0];
        }
    }

    /// <summary>
    /// Returns the gradients by the op's own rule; the shapes may be unknown when the graph is built.
    /// </summary>
    private Tensor?[] Symbolically(Device device)
    {
        Input[] inputs = [.. _case.InputTypes.Select((type, i) => new Input(
            new TensorType(type.DType, _random.Next(2) == 0 ? type.Shape : Shape.OfRank(type.Rank)),
            $"input {i}",
            type.KnownValue is not null))];
        Apply node = _case.Op.Apply(inputs);
        IReadOnlyList<Variable?> grads = _case.Op.Grad(
            node, [.. _weights.Select(weights => weights is null ? null : Constant(weights))]);
        Assert.That(grads, Has.Count.EqualTo(inputs.Length));
        int[] wanted = [.. Enumerable.Range(0, inputs.Length)
            .Where(i => grads[i] is not null && inputs[i].DType.IsFloat())];
        Variable[] outputs = [.. wanted.Select(i => grads[i]!)];
        HashSet<Variable> used = [.. FunctionGraph.Leaves(outputs)];
        int[] given = [.. Enumerable.Range(0, inputs.Length).Where(i => used.Contains(inputs[i]))];
        using var function = Function.Compile([.. given.Select(i => inputs[i])], outputs, device: device);
        Tensor[] values = function.Call([.. given.Select(i => _case.Inputs[i])]);
        var result = new Tensor?[inputs.Length];
        foreach ((int i, Tensor value) in wanted.Zip(values))
        {
            result[i] = value;
        }

        return result;
    }

    private void RequireClose(Tensor grad, double[] direction, int input, string where)
    {
        double symbolic = 0;
        for (int i = 0; i < direction.Length; i++)
        {
            symbolic += grad.AsSpan<double>()[i] * direction[i];
        }

        double numerical = Difference(input, direction);
        Assert.That(Math.Abs(symbolic - numerical) <= Absolute + (Relative * Math.Abs(numerical)),
            $"gradient along {where}: {symbolic:R}, but differences give {numerical:R}");
    }

    private double Difference(int input, double[] direction)
    {
        NdArray[] above = At(Step), below = At(-Step);
        double difference = 0;
        for (int output = 0; output < above.Length; output++)
        {
            if (_weights[output] is { } weights)
            {
                for (int i = 0; i < above[output].Data.Length; i++)
                {
                    difference += weights.AsSpan<double>()[i] * (above[output].Data[i] - below[output].Data[i]);
                }
            }
        }

        return difference / (2 * Step);

        NdArray[] At(double step)
        {
            NdArray[] inputs = [.. _case.Inputs.Select(NdArray.From)];
            inputs[input] = new NdArray(
                inputs[input].Shape, [.. inputs[input].Data.Select((value, i) => value + (step * direction[i]))]);
            return _case.Reference(inputs);
        }
    }

    private Tensor Draw(Shape shape)
    {
        var values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = _random.NextDouble() - 0.5;
        }

        return Tensor.From(values).Reshape(shape.Dimensions);
    }
}
