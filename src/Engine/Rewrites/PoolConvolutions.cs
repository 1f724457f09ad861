using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Fuses a convolution, an optional rectifier and the max pooling of the result to one op, and their gradients to
/// another. The maximum of rectified numbers is the rectified maximum. A gradient that mixed precision rounds is
/// rounded before it is moved to the maxima instead. This applies only if nothing else uses the result before pooling.
/// </summary>
internal sealed class PoolConvolutions
{
    private readonly ILookup<Variable, Apply> _users;
    private readonly HashSet<Variable> _roots;
    private readonly Dictionary<Apply, Match> _poolings = [];
    private readonly Dictionary<Apply, Match> _gradients = [];
    private readonly Dictionary<Variable, Variable> _map = [];

    private readonly bool _splits;

    private PoolConvolutions(FunctionGraph graph, IReadOnlyList<Apply> nodes, bool splits)
    {
        _splits = splits;
        _roots = [.. graph.Roots];
        _users = nodes
            .SelectMany(node => node.Inputs.Distinct().Select(input => (Input: input, Node: node)))
            .ToLookup(use => use.Input, use => use.Node);
    }

    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        IReadOnlyList<Apply> nodes = Traversal.Order(graph.Roots);
        var rewrite = new PoolConvolutions(graph, nodes, device.RunsAtOnce);
        foreach (Apply node in nodes)
        {
            if (node.Op is MaxPool2D && rewrite.Find(node) is { } match)
            {
                rewrite._poolings.Add(node, match);
                match.Gradients.ForEach(gradient => rewrite._gradients.Add(gradient, match));
            }
        }

        if (rewrite._poolings.Count == 0)
        {
            return graph;
        }

        foreach (Apply node in nodes)
        {
            using (Origin.Use(node.Origin))
            {
                rewrite.Build(node);
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(rewrite.Mapped)]);
    }

    private static bool IsTwoByTwo(Window window, Shape images) =>
        (window with { IgnoreBorder = true }) == Conv2DMaxPool.Window
        && (window.IgnoreBorder || (images[2] % 2 == 0 && images[3] % 2 == 0));

    private Match? Find(Apply pooling)
    {
        Variable pooled = pooling.Inputs[0];
        Apply? rectify = (pooled as Result)?.Owner is { Op: Unary<Rectify> } unary ? unary : null;
        Variable sums = rectify?.Inputs[0] ?? pooled;
        if (sums is not Result { Owner: { Op: Conv2D op } convolution }
            || !IsTwoByTwo(((MaxPool2D)pooling.Op).Window, pooled.Shape)
            || !PooledConvolution.Takes(op.ConvShape(convolution.Inputs[0].Shape, convolution.Inputs[1].Shape))
            || _roots.Contains(pooled) || _roots.Contains(sums))
        {
            return null;
        }

        var match = new Match(convolution, op, rectify is not null);
        List<Variable> gradients = [];
        foreach (Apply user in _users[pooling.Outputs[1]])
        {
            if (user.Op is MaxPool2DGradient && user.Inputs[0] != pooling.Outputs[1])
            {
                match.PoolingGradient ??= user.Inputs[0];
                gradients.Add(user.Outputs[0]);
            }
        }

        // The pooling must have one gradient, which flows only to the convolution, through the rectifier's gradient if
        // there is one.
        if (gradients.Count > 1 || _users[pooling.Outputs[1]].Count() != gradients.Count
            || gradients.Any(_roots.Contains) || _roots.Contains(pooling.Outputs[1]))
        {
            return null;
        }

        Apply? rectifyGradient = null;
        if (rectify is not null && gradients.Count > 0)
        {
            if (_users[gradients[0]].Count() != 1
                || _users[gradients[0]].Single() is not { Op: Binary<RectifyGrad> } through
                || through.Inputs[0] != pooled || _roots.Contains(through.Outputs[0]))
            {
                return null;
            }

            rectifyGradient = through;
            gradients = [through.Outputs[0]];
        }

        if (gradients.Count > 0 && Rounded(gradients[0]) is { } rounding)
        {
            match.Stored = rounding.Inputs[0].DType;
            gradients = [rounding.Outputs[0]];
        }

        bool hasOnlyThese = _users[pooled].All(user =>
                user == pooling || user == rectifyGradient || user.Op is MaxPool2DGradient)
            && (rectify is null || _users[sums].All(user => user == rectify))
            && (gradients.Count == 0 || _users[gradients[0]].All(user => match.TryAdd(user, gradients[0])));
        return hasOnlyThese ? match : null;
    }

    /// <summary>
    /// Returns the conversion back from 16 bits, if a variable is used only by a conversion to them, which only it
    /// uses.
    /// </summary>
    private Apply? Rounded(Variable variable)
    {
        return OnlyCast(variable) is { Op: Cast { To: var to } } first && to.IsHalf()
            && OnlyCast(first.Outputs[0]) is { Op: Cast back } second && back.To == variable.DType
            ? second
            : null;

        Apply? OnlyCast(Variable of) =>
            !_roots.Contains(of) && _users[of].Take(2).ToArray() is [{ Op: Cast } only] ? only : null;
    }

    private void Build(Apply node)
    {
        using Origin.Scope origin = Origin.Use(node.Origin);
        if (_poolings.TryGetValue(node, out Match? pooling))
        {
            Apply fused = new Conv2DMaxPool(pooling.Op, WithArgmax: pooling.Gradients.Count > 0)
                .Apply([.. pooling.Convolution.Inputs.Select(Mapped)]);
            pooling.Fused = fused;
            pooling.Result = pooling.IsRectified ? new Unary<Rectify>().Call(fused.Outputs[0]) : fused.Outputs[0];
            _map[node.Outputs[0]] = pooling.Result;
        }
        else if (_gradients.TryGetValue(node, out Match? match))
        {
            // On a device that runs both at once, the filters' gradient, with the update, must not wait for the images'
            // gradient.
            Apply gradients = _splits
                ? Gradients(match, [node])
                : match.FusedGradients ??= Gradients(match, match.Gradients);
            if (node.Op is Conv2DInputGradient)
            {
                _map[node.Outputs[0]] = gradients.Outputs[^1];
                return;
            }

            foreach (Result output in node.Outputs)
            {
                _map[output] = gradients.Outputs[output.Index];
            }
        }
        else
        {
            Apply same = node.With([.. node.Inputs.Select(Mapped)]);
            foreach (Result output in node.Outputs)
            {
                _map[output] = same.Outputs[output.Index];
            }
        }
    }

    private Apply Gradients(Match match, IReadOnlyList<Apply> wanted)
    {
        match.Gradient ??= match.Rounded(match.IsRectified
            ? new Binary<RectifyGrad>().Call(match.Result!, Mapped(match.PoolingGradient!))
            : Mapped(match.PoolingGradient!));
        bool withFilters = wanted.Any(node => node.Op is Conv2DWeightsGradient);
        bool withBias = wanted.Any(node => node.Op is Conv2DWeightsGradient { WithBias: true });
        bool withImages = wanted.Any(node => node.Op is Conv2DInputGradient);
        return new Conv2DMaxPoolGradients(match.Op, withFilters, withBias, withImages).Apply(
            match.Fused!.Inputs[0], match.Fused.Inputs[1], match.Gradient, match.Fused.Outputs[1]);
    }

    private Variable Mapped(Variable variable) => _map.GetValueOrDefault(variable, variable);

    /// <summary>Represents the ops that become one op, and their replacements.</summary>
    private sealed class Match(Apply convolution, Conv2D op, bool isRectified)
    {
        public Apply Convolution { get; } = convolution;

        public Conv2D Op { get; } = op;

        public bool IsRectified { get; } = isRectified;

        /// <summary>Gets or sets the gradient with respect to the pooled images.</summary>
        public Variable? PoolingGradient { get; set; }

        /// <summary>Gets or sets this gradient before the rectifier, if there is one, and rounded.</summary>
        public Variable? Gradient { get; set; }

        /// <summary>Gets or sets the dtype that the gradient is rounded to; null if it is not.</summary>
        public DType? Stored { get; set; }

        public Variable Rounded(Variable gradient) => Stored is { } stored
            ? Symbolic.Cast(Symbolic.Cast(gradient, stored), gradient.DType)
            : gradient;

        /// <summary>
        /// Gets the convolution's gradients, at most one with respect to the filters and one to the images.
        /// </summary>
        public List<Apply> Gradients { get; } = [];

        public Apply? Fused { get; set; }

        public Variable? Result { get; set; }

        public Apply? FusedGradients { get; set; }

        /// <summary>
        /// Adds a node if it is one of the convolution's gradients, of a kind that is not yet there; returns whether it
        /// does.
        /// </summary>
        public bool TryAdd(Apply node, Variable gradient)
        {
            (Variable x, Variable w) = (Convolution.Inputs[0], Convolution.Inputs[1]);
            bool isGradient = node.Op switch
            {
                Conv2DWeightsGradient weights => weights.Of == Op && Takes(x, w.Shape),
                Conv2DInputGradient images => images.Of == Op && Takes(w, x.Shape),
                _ => false,
            };
            if (!isGradient || Gradients.Exists(other => other.Op.GetType() == node.Op.GetType()))
            {
                return false;
            }

            Gradients.Add(node);
            return true;

            bool Takes(Variable other, Shape result) =>
                node.Inputs[0] == other && node.Inputs[1] == gradient && node.Inputs[2].Shape == result;
        }
    }
}
