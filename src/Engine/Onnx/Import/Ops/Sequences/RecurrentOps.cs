using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports recurrent networks: https://onnx.ai/onnx/operators/onnx__LSTM.html, GRU and RNN.</summary>
internal static class RecurrentOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("RNN", 7, Takes.Numbers, node => Layer(node, 1, ["Tanh"], (scope, x, state) =>
        {
            Variable h = scope.F(0, x + Dot(state[0], scope.R(0), false, true) + scope.RB(0));
            return [h];
        })),
        new("GRU", 7, Takes.Numbers, node =>
        {
            bool isAfter = node.Flag("linear_before_reset");
            return Layer(node, 3, ["Sigmoid", "Tanh"], (scope, x, state) =>
            {
                Variable before = state[0];
                Variable z = scope.F(0, scope.Gate(x, 0) + Dot(before, scope.R(0), false, true) + scope.RB(0));
                Variable r = scope.F(0, scope.Gate(x, 1) + Dot(before, scope.R(1), false, true) + scope.RB(1));
                Variable recurrent = isAfter
                    ? r * (Dot(before, scope.R(2), false, true) + scope.RB(2))
                    : Dot(r * before, scope.R(2), false, true) + scope.RB(2);
                Variable h = scope.F(1, scope.Gate(x, 2) + recurrent);
                return [((1 - z) * h) + (z * before)];
            });
        }),
        new("LSTM", 7, Takes.Numbers, node =>
        {
            bool isCoupled = node.Flag("input_forget");
            if (node.HasSetting("clip"))
            {
                // ONNX's text clips the inputs of all functions; ONNX Runtime does not clip that of the last.
                throw new EngineException("its clip is not there");
            }

            return Layer(node, 4, ["Sigmoid", "Tanh", "Tanh"], (scope, x, state) =>
            {
                (Variable before, Variable cell) = (state[0], state[1]);
                Variable Sum(int gate) =>
                    scope.Gate(x, gate) + Dot(before, scope.R(gate), false, true) + scope.RB(gate);
                Variable Peep(Variable sum, int gate, Variable of) =>
                    scope.P(gate) is { } peep ? sum + (peep * of) : sum;
                Variable i = scope.F(0, Peep(Sum(0), 0, cell));
                Variable f = isCoupled ? 1 - i : scope.F(0, Peep(Sum(2), 2, cell));
                Variable c = (f * cell) + (i * scope.F(1, Sum(3)));
                Variable o = scope.F(0, Peep(Sum(1), 1, c));
                return [o * scope.F(2, c), c];
            });
        }),
    ];

    /// <summary>Represents one direction's parameters for a step.</summary>
    private sealed class Direction(Variable recurrent, Variable? bias, Variable? peepholes,
        Func<Variable, Variable>[] functions, int hidden, double? clip)
    {
        public Variable R(int gate) => Along(recurrent, 0, (gate * hidden)..((gate + 1) * hidden));

        public Variable RB(int gate) => bias is null
            ? Constant(0)
            : Along(bias, 0, (gate * hidden)..((gate + 1) * hidden));

        public Variable? P(int gate) =>
            peepholes is null ? null : Along(peepholes, 0, (gate * hidden)..((gate + 1) * hidden));

        public Variable Gate(Variable x, int gate) => Along(x, 1, (gate * hidden)..((gate + 1) * hidden));

        public Variable F(int function, Variable x) => functions[function](clip is { } max ? Clip(x, -max, max) : x);
    }

    private static OnnxValue?[] Layer(
        OnnxNode node, int gates, string[] defaults,
        Func<Direction, Variable, IReadOnlyList<Variable>, Variable[]> step)
    {
        Variable x = node.X(0), w = node.X(1), r = node.X(2);
        bool isBatchFirst = node.OpSet >= 14 && node.Flag("layout");
        x = isBatchFirst ? DimShuffle(x, 1, 0, 2) : x;
        int hidden = r.Shape[2];
        if (hidden < 1 || node.Number("hidden_size", hidden) != hidden)
        {
            throw new EngineException($"its hidden_size is not that of {r.Type}");
        }

        string direction = node.Text("direction", "forward");
        int directions = direction == "bidirectional" ? 2 : direction is "forward" or "reverse" ? 1
            : throw new EngineException($"there is no direction '{direction}'");
        Func<Variable, Variable>[] functions = Functions(node, defaults, directions);
        double? clip = node.HasSetting("clip") ? node.Float("clip", 0) : null;
        Variable? bias = node.Has(3) ? node.X(3) : null, lengths = Lengths(node, x);
        int states = gates == 4 ? 2 : 1;
        Variable?[] initial = [node.Has(5) ? node.X(5) : null, states == 2 && node.Has(6) ? node.X(6) : null];
        Variable? peepholes = states == 2 && node.Has(7) ? node.X(7) : null;
        List<Variable> sequences = [];
        List<Variable>[] last = [[], []];
        for (int d = 0; d < directions; d++)
        {
            bool isReverse = direction == "reverse" || d == 1;
            var scope = new Direction(
                r[d], bias is null ? null : Along(bias[d], 0, (gates * hidden)..), peepholes?[d],
                functions[(d * defaults.Length)..((d + 1) * defaults.Length)], hidden, clip);

            // One product computes the inputs' part for all steps.
            Variable rows = Reshape(x, -1, x.Shape[2] != Shape.Unknown ? x.Shape[2] : w.Shape[2]);
            Variable products = Dot(rows, w[d], false, true);
            products = bias is null ? products : products + Along(bias[d], 0, ..(gates * hidden));
            products = Reshape(products, DimensionOf(x, 0), DimensionOf(x, 1), gates * hidden);
            Variable zeros = BroadcastTo(Constant(0, x.DType), DimensionOf(x, 1), hidden);
            OutputInfo?[] begin = [.. Enumerable.Range(0, states)
                .Select(state => (OutputInfo?)(OutputInfo)First(initial[state], d, isBatchFirst, zeros))];
            ScanOutputs all = Scan(
                given =>
                {
                    IReadOnlyList<Variable> before = [.. given.Skip(lengths is null ? 1 : 2).Take(states)];
                    Variable[] made = step(scope, given[0], before);
                    if (lengths is not null)
                    {
                        Variable isOver = DimShuffle(GreaterOrEqual(given[1], lengths), 0, NewAxis);
                        made = [.. made.Select((value, i) => Where(isOver, before[i], value))];
                    }

                    return made;
                },
                lengths is null ? [products] : [products, ARange(DimensionOf(x, 0))], begin, goBackwards: isReverse);
            Variable outputs = isReverse ? Flip(all[0], [0]) : all[0];
            if (lengths is not null)
            {
                Variable isOver = DimShuffle(
                    GreaterOrEqual(ExpandDims(ARange(DimensionOf(x, 0)), 1), ExpandDims(lengths, 0)), 0, 1, NewAxis);
                outputs = Where(isOver, ZerosLike(outputs), outputs);
            }

            sequences.Add(outputs);
            for (int state = 0; state < states; state++)
            {
                last[state].Add(all[state][^1]);
            }
        }

        Variable y = Stack(1, [.. sequences]);
        Variable[] ends = [.. last.Take(states).Select(list => Stack(isBatchFirst ? 1 : 0, [.. list]))];
        y = isBatchFirst ? DimShuffle(y, 2, 0, 1, 3) : y;
        return [OnnxNode.Of(node.Type, y), .. ends.Select(end => OnnxNode.Of(node.Type, end))];
    }

    private static Variable First(Variable? initial, int direction, bool isBatchFirst, Variable zeros) =>
        initial is null ? zeros : isBatchFirst ? initial[.., direction] : initial[direction];

    /// <summary>Returns the lengths of sequences; null if all are as long as the array.</summary>
    private static Variable? Lengths(OnnxNode node, Variable x)
    {
        if (!node.Has(4))
        {
            return null;
        }

        return node.V(4).Numbers is { } known && x.Shape[0] != Shape.Unknown
            && known.All(length => length == x.Shape[0])
            ? null
            : IndexingOps.Indices(node, 4);
    }

    private static Func<Variable, Variable>[] Functions(OnnxNode node, string[] defaults, int directions)
    {
        IReadOnlyList<string> names = node.Texts("activations") is { Count: > 0 } given
            ? given
            : [.. Enumerable.Repeat(defaults, directions).SelectMany(each => each)];
        if (names.Count != directions * defaults.Length)
        {
            throw new EngineException($"it has {names.Count} activations for {directions} directions");
        }

        var alphas = new Queue<float>(node.Floats("activation_alpha"));
        var betas = new Queue<float>(node.Floats("activation_beta"));
        double Alpha(double otherwise) => alphas.TryDequeue(out float value) ? value : otherwise;
        double Beta(double otherwise) => betas.TryDequeue(out float value) ? value : otherwise;
        return [.. names.Select(name => name.ToLowerInvariant() switch
        {
            "tanh" => (Func<Variable, Variable>)Tanh,
            "sigmoid" => Sigmoid,
            "relu" => Rectify,
            "softsign" => Softsign,
            "softplus" => Softplus,
            "leakyrelu" when Alpha(0.01) is var alpha => x => Where(Less(x, 0), x * alpha, x),
            "thresholdedrelu" when Alpha(1) is var alpha => x => Where(Greater(x, alpha), x, ZerosLike(x)),
            "elu" when Alpha(1) is var alpha => x => Where(Greater(x, 0), x, Expm1(Minimum(x, 0)) * alpha),
            "hardsigmoid" when (Alpha(0.2), Beta(0.5)) is var (alpha, beta) => x => Clip((x * alpha) + beta, 0, 1),
            "scaledtanh" when (Alpha(1), Beta(1)) is var (alpha, beta) => x => Tanh(x * beta) * alpha,
            "affine" when (Alpha(1), Beta(0)) is var (alpha, beta) => x => (x * alpha) + beta,
            _ => throw new EngineException($"there is no activation '{name}'"),
        })];
    }
}
