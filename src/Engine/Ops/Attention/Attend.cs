using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes softmax(q·kᵀ + mask)·v and, for each row, the logarithm of the sum that the softmax divides by. It goes
/// tile by tile, so that the matrix of all products is never stored (Dao et al., FlashAttention, arXiv:2205.14135). The
/// inputs are stacks q (b, t, d), k (b, s, d), v (b, s, e) and an optional mask (b or 1, t or 1, s or 1).
/// </summary>
/// <param name="IsCausal">Whether query i looks only at the keys 0 to i.</param>
internal sealed record Attend(bool IsCausal) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => IsCausal ? "attend{causal}" : "attend";

    public static IEnumerable<Sample> Samples(Random random) =>
        Cases(random).Select(each => new Sample(new Attend(each.IsCausal), each.Args))
            .Append(Misuse("the stacks have 2, 3 and 2 matrices", new([2, 3, 4]), new([3, 5, 4]), new([2, 5, 6])))
            .Append(Misuse("the queries have 4 numbers and the keys 3", new([2, 3, 4]), new([2, 5, 3]), new([2, 5, 6])))
            .Append(Misuse("there are 5 keys and 6 values", new([2, 3, 4]), new([2, 5, 4]), new([2, 6, 6])))
            .Append(Misuse("the mask", new([2, 3, 4]), new([2, 5, 4]), new([2, 5, 6]), new([2, 3, 4])))
            .Append(Misuse("all must be stacks of matrices", new([3, 4]), new([2, 5, 4]), new([2, 5, 6])));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        AttentionShape shape = AttentionShape.Of(inputs);
        return
        [
            new TensorType(inputs[0].DType, [shape.Batch, shape.Queries, shape.ValueSize]),
            new TensorType(inputs[0].DType, [shape.Batch, shape.Queries]),
        ];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable q, Variable k, Variable v) = (node.Inputs[0], node.Inputs[1], node.Inputs[2]);
        Variable? mask = node.Inputs.Count > 3 ? node.Inputs[3] : null;
        Variable g = outputGrads[0] ?? Symbolic.ZerosLike(node.Outputs[0]), log = node.Outputs[1];

        // The term that the gradients of all products of a row have in common.
        Variable common = Symbolic.Sum(g * node.Outputs[0], [2]);
        common = outputGrads[1] is { } ofLog ? common - ofLog : common;
        Variable[] inputs = [q, k, v, log, common, g];
        IReadOnlyList<Variable> grads =
            new AttendGrad(IsCausal).Apply(mask is null ? inputs : [.. inputs, mask]).Outputs;
        return mask is null
            ? [.. grads]
            : [.. grads, Symbolic.SumTo(new AttendGrad(IsCausal).Products([.. inputs, mask]).Scores, mask)];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs)
    {
        AttentionShape shape = AttentionShape.Of([.. inputs]);
        return (long)shape.Batch * shape.Queries * shape.Keys
            * ((2L * shape.Size) + (2L * shape.ValueSize) + RowLoop.SoftmaxFlops);
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray v = inputs[2];
        var rows = new AttentionRows(inputs, inputs.Count > 3 ? inputs[3] : null, IsCausal);
        rows.ForEach((b, t, scores) =>
        {
            // Both parts of the largest score: what its rounding leaves of a large one is large, too.
            DoubleDouble max = scores.Append(double.NegativeInfinity).MaxBy(score => (score.High, score.Low));
            DoubleDouble shift = double.IsNegativeInfinity(max.High) ? 0 : max;
            DoubleDouble[] powers =
                [.. scores.Select(
                    score => double.IsNegativeInfinity(score.High) ? 0 : DoubleDouble.Exp(score - shift))];
            DoubleDouble sum = powers.Aggregate((DoubleDouble)0, (total, power) => total + power);
            outputs[1][b, t] = sum.High == 0 ? double.NegativeInfinity : (shift + DoubleDouble.Log(sum)).High;
            for (int e = 0; e < outputs[0].Shape[2]; e++)
            {
                DoubleDouble total = 0;
                for (int s = 0; s < powers.Length; s++)
                {
                    total += powers[s] * v[b, s, e];
                }

                outputs[0][b, t, e] = (total / sum).High;
            }
        });
    }

    public override double Ulps => 8;

    /// <summary>
    /// Returns the magnitudes. The error of a product is that of all its terms, and the relative error of its power is
    /// as large. The values are as uncertain as the largest error of a row.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] magnitudes = [new(outputs[0].Shape), new(outputs[1].Shape)];
        NdArray v = inputs[2], max = new([v.Shape[0], 1, v.Shape[2]]);
        foreach (int[] index in NdArray.Indices(v.Shape))
        {
            max[index] = double.MaxNumber(max[index], Math.Abs(v[index]));
        }

        var rows = new AttentionRows(inputs, inputs.Count > 3 ? inputs[3] : null, IsCausal);
        rows.ForEachError(inputs[0].DType, (b, t, _, error) =>
        {
            magnitudes[1][b, t] = 1 + error + Math.Abs(outputs[1][b, t]);
            for (int e = 0; e < outputs[0].Shape[2]; e++)
            {
                magnitudes[0][b, t, e] = (1 + error) * max[b, t, e];
            }
        });
        return magnitudes;
    }

    public Phase[] Cpu(CpuStep step) => AttentionLoop.Forward(step, AttentionShape.Of(step), IsCausal);

    public long CpuWorkspace(CpuStepTypes step) => AttentionLoop.ForwardBytes(AttentionShape.Of(step.Inputs), step);

    public CudaLaunch[] Cuda(CudaStep step) => CudaAttention.Forward(step, IsCausal);

    /// <summary>Returns shapes around the sides of tiles, with masks of all kinds.</summary>
    internal static IEnumerable<(bool IsCausal, Arg[] Args)> Cases(Random random)
    {
        int b = random.Next(1, 4), t = Arg.Dimension(random, false), s = Arg.Dimension(random, false),
            d = Arg.Dimension(random, false);
        int e = Arg.Dimension(random, false);
        foreach (bool isCausal in (bool[])[false, true])
        {
            yield return (isCausal, Of(b, t, s, d, e));
            yield return (isCausal, [.. Of(b, t, s, d, e), new([b, t, s])]);
            yield return (isCausal, [.. Of(b, t, s, d, e), new([1, 1, s])]);
            yield return (isCausal, [.. Of(b, t, s, d, e), new([1, t, 1])]);
            yield return (isCausal, Of(1, 70, 67, 3, 66));
        }

        yield return (true, Of(1, 66, 100, 35, 5));
        yield return (false, Of(2, 2, 530, 3, 2));

        // The first block of keys is hidden.
        double[] mask = [.. Enumerable.Range(0, 530).Select(key => key < 520 ? double.NegativeInfinity : 0)];
        yield return (false, [.. Of(1, 2, 530, 3, 2), new([1, 1, 530], Values: mask)]);

        static Arg[] Of(int b, int t, int s, int d, int e) => [new([b, t, d]), new([b, s, d]), new([b, s, e])];
    }

    private static Sample Misuse(string error, params Arg[] args) => new(new Attend(false), args) { Error = error };
}

/// <summary>Describes the shapes of an attention's operands.</summary>
/// <param name="Batch">The number of matrices of each stack.</param>
/// <param name="Queries">The number of queries.</param>
/// <param name="Keys">The number of keys and values.</param>
/// <param name="Size">The length of a query and of a key.</param>
/// <param name="ValueSize">The length of a value.</param>
internal readonly record struct AttentionShape(int Batch, int Queries, int Keys, int Size, int ValueSize)
{
    public static AttentionShape Of(CpuStep step) => Of(step.Types.Inputs);

    public static AttentionShape Of(IReadOnlyList<OperandType> inputs) =>
        new(inputs[0].Shape[0], inputs[0].Shape[1], inputs[1].Shape[1], inputs[0].Shape[2], inputs[2].Shape[2]);

    /// <exception cref="EngineException">The operands do not fit together.</exception>
    public static AttentionShape Of(ReadOnlySpan<TensorType> inputs)
    {
        (TensorType q, TensorType k, TensorType v) = (inputs[0], inputs[1], inputs[2]);
        if (q.Rank != 3 || k.Rank != 3 || v.Rank != 3)
        {
            throw new EngineException("all must be stacks of matrices, of three axes");
        }

        foreach (TensorType input in inputs)
        {
            if (input.DType != q.DType || !q.DType.IsFloat())
            {
                throw new EngineException("all must be of one floating-point type: cast them");
            }
        }

        int batch = Dimension(q.Shape[0], Dimension(k.Shape[0], v.Shape[0]));
        int keys = Dimension(k.Shape[1], v.Shape[1]);
        if (!Fits(q.Shape[0], batch) || !Fits(k.Shape[0], batch) || !Fits(v.Shape[0], batch))
        {
            throw new EngineException($"the stacks have {q.Shape[0]}, {k.Shape[0]} and {v.Shape[0]} matrices");
        }

        if (!Fits(q.Shape[2], k.Shape[2]))
        {
            throw new EngineException($"the queries have {q.Shape[2]} numbers and the keys {k.Shape[2]}");
        }

        if (!Fits(v.Shape[1], k.Shape[1]))
        {
            throw new EngineException($"there are {k.Shape[1]} keys and {v.Shape[1]} values");
        }

        return new AttentionShape(batch, q.Shape[1], keys, Dimension(q.Shape[2], k.Shape[2]), v.Shape[2]).WithMask(
            inputs);

        static int Dimension(int a, int b) => a == Shape.Unknown ? b : a;

        static bool Fits(int a, int b) => a == b || a == Shape.Unknown || b == Shape.Unknown;
    }

    private AttentionShape WithMask(ReadOnlySpan<TensorType> inputs)
    {
        // The mask is the seventh input of the gradient.
        int at = inputs.Length > 4 ? 6 : 3;
        if (inputs.Length > at)
        {
            Shape mask = inputs[at].Shape, all = [Batch, Queries, Keys];
            bool fits = mask.Rank == 3 && Enumerable.Range(0, 3).All(axis =>
                mask[axis] == 1 || mask[axis] == all[axis] || mask[axis] == Shape.Unknown
                    || all[axis] == Shape.Unknown);
            return fits ? this : throw new EngineException($"the mask {mask} does not broadcast to {all}");
        }

        return this;
    }
}

/// <summary>Computes the products of queries and keys row by row, for the references.</summary>
internal sealed class AttentionRows(IReadOnlyList<NdArray> inputs, NdArray? mask, bool isCausal)
{
    /// <summary>
    /// Calls an action with the products of each row, with the mask added; −∞ if the query does not look at the key.
    /// </summary>
    public void ForEach(Action<int, int, DoubleDouble[]> row)
    {
        (NdArray q, NdArray k) = (inputs[0], inputs[1]);
        for (int b = 0; b < q.Shape[0]; b++)
        {
            for (int t = 0; t < q.Shape[1]; t++)
            {
                var scores = new DoubleDouble[k.Shape[1]];
                for (int s = 0; s < scores.Length; s++)
                {
                    DoubleDouble sum = 0;
                    for (int d = 0; d < q.Shape[2]; d++)
                    {
                        sum += DoubleDouble.Product(q[b, t, d], k[b, s, d]);
                    }

                    scores[s] = isCausal && s > t ? double.NegativeInfinity : mask is null ? sum : sum + mask[b, t, s];
                }

                row(b, t, scores);
            }
        }
    }

    /// <summary>
    /// Calls an action with the magnitudes of each row's products and with the largest of those that count. The latter
    /// is infinite if the errors are too large for the dtype.
    /// </summary>
    public void ForEachError(DType dtype, Action<int, int, double[], double> row)
    {
        NdArray[] sizes =
            [.. inputs.Take(2).Select(input => new NdArray(input.Shape, [.. input.Data.Select(Math.Abs)]))];
        NdArray? all = mask is null
            ? null
            : new NdArray(
                mask.Shape, [.. mask.Data.Select(value => double.IsNegativeInfinity(value) ? 0 : Math.Abs(value))]);
        new AttentionRows(sizes, all, isCausal).ForEach((b, t, scores) =>
        {
            double[] errors = [.. scores.Select(
                score => double.IsNegativeInfinity(score.High) ? 0 : Rounding.Reached(dtype, score.High))];

            // With errors this large, any power is possible, and so is any result.
            double max = errors.Append(0).Max();
            row(b, t, errors, max * Rounding.Epsilon(dtype) < 0.1 ? max : double.PositiveInfinity);
        });
    }
}
