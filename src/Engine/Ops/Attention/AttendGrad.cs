using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes the gradients of <see cref="Attend"/> with respect to q, k and v, tile by tile. With
/// p = exp(q·kᵀ + mask − log) and c = p∘(g·vᵀ − common) they are c·k, cᵀ·q and pᵀ·g. Inputs: q, k, v, log, common, g
/// and an optional mask.
/// </summary>
internal sealed record AttendGrad(bool IsCausal) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => IsCausal ? "attendGrad{causal}" : "attendGrad";

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach ((bool isCausal, Arg[] args) in Attend.Cases(random))
        {
            Shape q = args[0].Shape, v = args[2].Shape, row = [q[0], q[1]];
            // The logarithm of a row's sum is at least its largest score, so the samples draw small scores.
            Arg[] looked = [.. args[..2].Select(arg => arg with { Low = -0.5, High = 0.5 }), args[2]];
            Arg[] all = [.. looked, new(row, Low: 1, High: 4), new(row), new([q[0], q[1], v[2]]), .. args[3..]];
            yield return new Sample(new AttendGrad(isCausal), all);
        }

        yield return new Sample(
            new AttendGrad(false), new([2, 3, 4]), new([2, 5, 4]), new([2, 5, 6]), new([2, 3]), new([2, 4]),
            new([2, 3, 6]))
        {
            Error = "there must be a number for each of (2, 3) queries",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        AttentionShape shape = AttentionShape.Of(inputs);
        Shape row = [shape.Batch, shape.Queries], result = [shape.Batch, shape.Queries, shape.ValueSize];
        return !row.Admits(inputs[3].Shape) || !row.Admits(inputs[4].Shape)
                ? throw new EngineException($"there must be a number for each of {row} queries")
            : !result.Admits(inputs[5].Shape) ? throw new EngineException($"the gradient's shape must be {result}")
            : [inputs[0] with { }, inputs[1] with { }, inputs[2] with { }];
    }

    /// <summary>Returns the gradient of the formulas, which store the matrix of all products.</summary>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        // Stand-ins keep gradients from flowing on to what the inputs are computed from.
        Input[] standIns = [.. node.Inputs.Select((input, i) => new Input(input.Type, $"input {i}"))];
        Variable[] formulas = Formulas(standIns);
        KeyValuePair<Variable, Variable>[] known = [.. Enumerable.Range(0, 3).Where(i => outputGrads[i] is not null)
            .Select(i => KeyValuePair.Create(formulas[i], outputGrads[i]!))];
        Variable[] grads = [.. Symbolic.Grad(
            null, standIns, knownGrads: known.ToDictionary(), disconnectedInputs: DisconnectedInputs.Ignore)];
        return Traversal.Replace(
            grads, standIns.Zip(node.Inputs).ToDictionary(pair => (Variable)pair.First, pair => pair.Second));
    }

    /// <summary>Returns p and c as a graph, with the whole matrices.</summary>
    internal (Variable Powers, Variable Scores) Products(IReadOnlyList<Variable> inputs)
    {
        (Variable q, Variable k, Variable v) = (inputs[0], inputs[1], inputs[2]);
        Variable scores = new BatchedDot(false, true).Call(q, k);
        scores = inputs.Count > 6 ? scores + inputs[6] : scores;
        scores = IsCausal ? Symbolic.Where(Symbolic.IsBelow(scores, 0), scores, double.NegativeInfinity) : scores;
        Variable powers = Symbolic.Exp(scores - Symbolic.ExpandDims(inputs[3], 2));
        return (powers, powers * (new BatchedDot(false, true).Call(inputs[5], v) - Symbolic.ExpandDims(inputs[4], 2)));
    }

    private Variable[] Formulas(Input[] inputs)
    {
        (Variable powers, Variable scores) = Products(inputs);
        return
        [
            new BatchedDot(false, false).Call(scores, inputs[1]),
            new BatchedDot(true, false).Call(scores, inputs[0]),
            new BatchedDot(true, false).Call(powers, inputs[5]),
        ];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs)
    {
        AttentionShape shape = AttentionShape.Of([.. inputs]);
        return (long)shape.Batch * shape.Queries * shape.Keys
            * ((6L * shape.Size) + (4L * shape.ValueSize) + RowLoop.SoftmaxFlops);
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        DoubleDoubles[] sums = [.. outputs.Select(output => new DoubleDoubles(output))];
        Accumulate(inputs, (b, t, s, score) =>
        {
            double log = inputs[3][b, t];
            return double.IsNegativeInfinity(score.High) && !double.IsNegativeInfinity(log)
                ? 0
                : DoubleDouble.Exp(score - log);
        }, (output, index, term) => sums[output][index] += term);
        foreach (DoubleDoubles sum in sums)
        {
            sum.Round();
        }
    }

    public override double Ulps => 8;

    /// <summary>Returns the sum of the terms' magnitudes, each multiplied by the error of its product.</summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] magnitudes = [.. outputs.Select(output => new NdArray(output.Shape))];
        NdArray[] sizes = [.. inputs.Select(
            (input, i) => i is 3 or 6 ? input : new NdArray(input.Shape, [.. input.Data.Select(Math.Abs)]))];
        DType dtype = inputs[0].DType;
        var errors = new NdArray([inputs[0].Shape[0], inputs[0].Shape[1], inputs[1].Shape[1]]);
        new AttentionRows(
            inputs, inputs.Count > 6 ? inputs[6] : null, IsCausal).ForEachError(dtype, (b, t, products, max) =>
        {
            for (int s = 0; s < products.Length; s++)
            {
                errors[b, t, s] = double.IsFinite(max)
                    ? 1 + products[s] + Math.Abs(inputs[3][b, t])
                    : double.PositiveInfinity;
            }
        });

        // The powers keep their values; all other factors are absolute, so that nothing cancels.
        sizes[4] = new NdArray(sizes[4].Shape, [.. sizes[4].Data.Select(value => -value)]);
        var exact = new Dictionary<(int, int), DoubleDouble[]>();
        new AttentionRows(inputs, inputs.Count > 6 ? inputs[6] : null, IsCausal).ForEach(
            (b, t, scores) => exact.Add((b, t), scores));
        Accumulate(sizes, (b, t, s, _) =>
        {
            double score = exact[(b, t)][s].High, log = inputs[3][b, t];
            return double.IsNegativeInfinity(score) && !double.IsNegativeInfinity(log)
                ? 0
                : Math.Exp(score - log) * errors[b, t, s];
        }, (output, index, term) => magnitudes[output][index] += term.High);
        foreach (NdArray magnitude in magnitudes)
        {
            for (int i = 0; i < magnitude.Data.Length; i++)
            {
                magnitude.Data[i] = Rounding.Reached(dtype, magnitude.Data[i]);
            }
        }

        Spoil(magnitudes, sizes, errors, dtype);
        return magnitudes;
    }

    /// <summary>
    /// Marks results as arbitrary (NaN) where numbers may overflow on the way or are not finite. Each device decides
    /// for itself which terms of such a row it leaves out because their power is 0.
    /// </summary>
    private static void Spoil(NdArray[] magnitudes, NdArray[] sizes, NdArray errors, DType dtype)
    {
        (NdArray v, NdArray g) = (sizes[2], sizes[5]);
        for (int b = 0; b < g.Shape[0]; b++)
        {
            bool isBatch = false;
            for (int t = 0; t < g.Shape[1]; t++)
            {
                double max = Math.Abs(sizes[4][b, t]) + Math.Abs(sizes[3][b, t]), error = 0;
                for (int s = 0; s < v.Shape[1]; s++)
                {
                    error = Math.Max(error, errors[b, t, s]);
                    max = Math.Max(max,
                        Math.Abs(sizes[4][b, t]) + Enumerable.Range(0, v.Shape[2]).Sum(e => g[b, t, e] * v[b, s, e]));
                }

                if (!double.IsFinite(error) || !(max <= Rounding.MaxFinite(dtype)))
                {
                    isBatch = true;
                    FillRow(magnitudes[0], b, t);
                }
            }

            for (int s = 0; s < v.Shape[1] && isBatch; s++)
            {
                FillRow(magnitudes[1], b, s);
                FillRow(magnitudes[2], b, s);
            }
        }

        static void FillRow(NdArray array, int b, int row) =>
            array.Data.AsSpan(((b * array.Shape[1]) + row) * array.Shape[2], array.Shape[2]).Fill(double.NaN);
    }

    public Phase[] Cpu(CpuStep step) => AttentionGradLoop.Phases(step, AttentionShape.Of(step), IsCausal);

    public long CpuWorkspace(CpuStepTypes step) => AttentionGradLoop.Workspace(AttentionShape.Of(step.Inputs), step);

    public CudaLaunch[] Cuda(CudaStep step) => CudaAttention.Backward(step, IsCausal);

    /// <summary>Adds a term to an output at an index.</summary>
    private delegate void Adding(int output, ReadOnlySpan<int> index, DoubleDouble term);

    /// <summary>Calls an action with all terms of the three sums, computed from the powers.</summary>
    private void Accumulate(
        IReadOnlyList<NdArray> inputs, Func<int, int, int, DoubleDouble, DoubleDouble> power, Adding add)
    {
        (NdArray q, NdArray k, NdArray v, NdArray g) = (inputs[0], inputs[1], inputs[2], inputs[5]);
        new AttentionRows(inputs, inputs.Count > 6 ? inputs[6] : null, IsCausal).ForEach((b, t, scores) =>
        {
            for (int s = 0; s < scores.Length; s++)
            {
                DoubleDouble p = power(b, t, s, scores[s]), c = -(DoubleDouble)inputs[4][b, t];
                for (int e = 0; e < v.Shape[2]; e++)
                {
                    c += DoubleDouble.Product(g[b, t, e], v[b, s, e]);
                    add(2, [b, s, e], p * g[b, t, e]);
                }

                c = p.High == 0 ? 0 : p * c;
                for (int d = 0; d < q.Shape[2]; d++)
                {
                    add(0, [b, t, d], c * k[b, s, d]);
                    add(1, [b, s, d], c * q[b, t, d]);
                }
            }
        });
    }
}
