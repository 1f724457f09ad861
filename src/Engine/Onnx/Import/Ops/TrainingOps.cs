using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports ops for training: dropout, gradients, steps of update rules.</summary>
internal static class TrainingOps
{
    private const string Preview = "ai.onnx.preview.training";

    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("Dropout", 6, Takes.Numbers, Dropout),
        new("Gradient", 1, Takes.Numbers, Gradient) { Domain = Preview },
        new("Adagrad", 1, Takes.Numbers, Adagrad) { Domain = Preview },
        new("Adam", 1, Takes.Numbers, Adam) { Domain = Preview },
        new("Momentum", 1, Takes.Numbers, Momentum) { Domain = Preview },
    ];

    /// <summary>Imports Dropout. In prediction, it returns its input.</summary>
    private static OnnxValue?[] Dropout(OnnxNode node)
    {
        node.Ignore("is_test", "seed", "ratio");
        if (node.OpSet < 7 && !node.Flag("is_test"))
        {
            throw new EngineException("it is in training, where it draws random numbers");
        }

        double ratio = node.OpSet >= 12 && node.Has(1) ? node.Numbers(1)[0] : 0.5;
        if (node.OpSet >= 12 && node.Has(2) && node.Numbers(2)[0] != 0 && ratio != 0)
        {
            throw new EngineException("it is in training, where it draws random numbers");
        }

        OnnxType mask = node.OpSet < 10 ? node.Type : OnnxType.Bool;
        return [node.V(0), node.Wants(1) ? OnnxNode.Of(mask, OnesLike(node.X(0))) : null];
    }

    private static OnnxValue[] Gradient(OnnxNode node)
    {
        IReadOnlyList<string> xs = node.Texts("xs"), zs = node.Texts("zs");
        string y = node.Text("y", "");
        if (!node.File.Inputs.SequenceEqual(xs.Concat(zs)))
        {
            throw new EngineException("its inputs are others than those that it names");
        }

        OnnxValue of = node.Importer.Value(y) ?? throw new EngineException($"there is no '{y}' before it");
        Variable[] inputs = [.. node.All().Take(xs.Count)];
        return [.. Grad(Sum(of.Variable), inputs).Select((grad, i) => OnnxNode.Of(node.V(i).Type, grad))];
    }

    /// <summary>
    /// Returns the learning rate, the step count, and the inputs after them in groups: each tensor's values, gradients
    /// and state.
    /// </summary>
    private static (Variable Rate, Variable Steps, Variable[][] Groups) Inputs(OnnxNode node, int each)
    {
        int count = (node.Count - 2) / each;
        if (count < 1 || node.Count != 2 + (count * each))
        {
            throw new EngineException($"it has {node.Count} inputs");
        }

        Variable rate = Reshape(node.X(0), Shape.Scalar), steps = Cast(Reshape(node.X(1), Shape.Scalar), rate.DType);
        return (rate, steps,
            [.. Enumerable.Range(0, count)
                .Select(i => Enumerable.Range(0, each).Select(kind => node.X(2 + i + (kind * count))).ToArray())]);
    }

    private static OnnxValue[] Results(OnnxNode node, IEnumerable<Variable[]> groups)
    {
        Variable[][] all = [.. groups];
        return [.. Enumerable.Range(0, all[0].Length)
            .SelectMany(kind => all.Select(group => OnnxNode.Of(node.V(2).Type, group[kind])))];
    }

    private static OnnxValue[] Adagrad(OnnxNode node)
    {
        (Variable rate, Variable steps, Variable[][] groups) = Inputs(node, 3);
        double norm = node.Float("norm_coefficient", 0), epsilon = node.Float("epsilon", 0),
            decay = node.Float("decay_factor", 0);
        rate /= 1 + (steps * decay);
        return Results(node, groups.Select(group =>
        {
            (Variable x, Variable gradient, Variable squares) = (group[0], group[1], group[2]);
            gradient += x * norm;
            squares += gradient * gradient;
            return (Variable[])[x - (rate * gradient / (Sqrt(squares) + epsilon)), squares];
        }));
    }

    private static OnnxValue[] Adam(OnnxNode node)
    {
        (Variable rate, Variable steps, Variable[][] groups) = Inputs(node, 4);
        double alpha = node.Float("alpha", 0.9), beta = node.Float("beta", 0.999), epsilon = node.Float("epsilon", 0);
        double norm = node.Float("norm_coefficient", 0), after = node.Float("norm_coefficient_post", 0);
        Variable corrected = Where(
            Greater(steps, 0), rate * Sqrt(1 - Power(Constant(beta, rate.DType), steps))
                / (1 - Power(Constant(alpha, rate.DType), Maximum(steps, 1))), rate);
        return Results(node, groups.Select(group =>
        {
            (Variable x, Variable gradient, Variable mean, Variable square) = (group[0], group[1], group[2], group[3]);
            gradient += x * norm;
            mean = (mean * alpha) + (gradient * (1 - alpha));
            square = (square * beta) + (gradient * gradient * (1 - beta));
            Variable next = x - (corrected * mean / (Sqrt(square) + epsilon));
            return (Variable[])[next * (1 - after), mean, square];
        }));
    }

    private static OnnxValue[] Momentum(OnnxNode node)
    {
        (Variable rate, Variable steps, Variable[][] groups) = Inputs(node, 3);
        double alpha = node.Float("alpha", 0), beta = node.Float("beta", 0), norm = node.Float("norm_coefficient", 0);
        string mode = node.Text("mode", "standard");
        Variable share = mode is "standard" or "nesterov"
            ? Where(Greater(steps, 0), Constant(beta, rate.DType), 1)
            : throw new EngineException($"there is no mode '{mode}'");
        return Results(node, groups.Select(group =>
        {
            (Variable x, Variable gradient, Variable velocity) = (group[0], group[1], group[2]);
            gradient += x * norm;
            velocity = (velocity * alpha) + (gradient * share);
            Variable step = mode == "nesterov" ? gradient + (velocity * alpha) : velocity;
            return (Variable[])[x - (rate * step), velocity];
        }));
    }
}
