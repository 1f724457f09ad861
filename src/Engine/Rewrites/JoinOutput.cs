using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On GPUs, fuses an output layer with few classes, the losses of its softmax and their gradients to one op, if nothing
/// else uses the layer's result.
/// </summary>
internal sealed class JoinOutput
{
    private readonly ILookup<Variable, Apply> _users;
    private readonly HashSet<Variable> _roots;
    private readonly Dictionary<Variable, Variable> _map = [];

    private JoinOutput(FunctionGraph graph, IReadOnlyList<Apply> order)
    {
        _roots = [.. graph.Roots];
        _users = order
            .SelectMany(node => node.Inputs.Distinct().Select(input => (Input: input, Node: node)))
            .ToLookup(use => use.Input, use => use.Node);
    }

    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots);
        if (!device.IsGpu || !order.Any(node => node.Op is SoftmaxCrossEntropyWithGrad))
        {
            return graph;
        }

        var rewrite = new JoinOutput(graph, order);
        foreach (Apply node in order)
        {
            rewrite.Build(node);
        }

        return graph.WithRoots([.. graph.Roots.Select(rewrite.Mapped)]);
    }

    private void Build(Apply node)
    {
        if (_map.ContainsKey(node.Outputs[0]))
        {
            return;
        }

        Apply built = node.Op is SoftmaxCrossEntropyWithGrad && Layer(node.Inputs[0]) is { } layer
            ? Joined(node, layer.Product, layer.Bias)
            : node.With([.. node.Inputs.Select(Mapped)]);
        foreach (Result output in node.Outputs)
        {
            _map[output] = Named(built.Outputs[output.Index], output);
        }
    }

    private Apply Joined(Apply loss, Apply product, Variable? bias)
    {
        Variable weights = product.Inputs[1];
        Result? ofInputs = _users[loss.Outputs[0]]
            .FirstOrDefault(user => user.Op is Dot { TransposeA: false, TransposeB: true }
                && user.Inputs[0] == loss.Outputs[0] && user.Inputs[1] == weights)?.Outputs[0];
        Variable[] biases = bias is null ? [] : [bias];
        IEnumerable<Variable> inputs = [.. product.Inputs, .. biases, .. loss.Inputs.Skip(1)];
        var joined = new Apply(
            new DenseCrossEntropy(bias is not null, ofInputs is not null), [.. inputs.Select(Mapped)], loss.Origin);
        if (ofInputs is not null)
        {
            _map[ofInputs] = Named(joined.Outputs[2], ofInputs);
        }

        return joined;
    }

    /// <summary>Returns the product, and the optional bias, whose sum is a layer's result.</summary>
    private (Apply Product, Variable? Bias)? Layer(Variable result)
    {
        if (Product(result) is { } alone)
        {
            return (alone, null);
        }

        if (!HasOneUser(result) || !Match.Is<Add>(result, out Variable? a, out Variable? b))
        {
            return null;
        }

        (Variable sum, Variable bias) = Product(a) is null ? (b, a) : (a, b);
        return Product(sum) is { } product && sum.Shape == result.Shape
            && bias.Rank == 1 && bias.Shape[0] == result.Shape[1]
            ? (product, bias)
            : null;
    }

    private Apply? Product(Variable variable) =>
        Match.Is<Dot>(variable, out Dot? dot, out Apply? node) && dot is { TransposeA: false, TransposeB: false }
            && HasOneUser(variable) && DenseCrossEntropy.Takes(node.Inputs[1].Type)
            ? node
            : null;

    private bool HasOneUser(Variable variable) => !_roots.Contains(variable) && _users[variable].Count() == 1;

    private Variable Mapped(Variable variable) => _map.GetValueOrDefault(variable, variable);

    private static Result Named(Result result, Result like)
    {
        result.Name = like.Name;
        return result;
    }
}
