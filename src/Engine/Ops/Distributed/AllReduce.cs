using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes the sums of tensors over the ranks of a communicator. One exchange sums several tensors (a bucket).
/// </summary>
/// <param name="Communicator">The ranks, which all compute this op.</param>
/// <param name="Count">The number of tensors; each has an output.</param>
/// <param name="Shards">
/// The number of terms of each sum, or 0 for one term per rank, added in the library's fastest order. The inputs are
/// this rank's nodes of the tree over the terms (<see cref="ShardTree"/>): all tensors of one node, then those of the
/// next. All inputs after those of the last node but one are added up to one node.
/// </param>
internal sealed record AllReduce(Communicator Communicator, int Count, int Shards) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"allReduce{{{Communicator.Size}{(Shards > 0 ? $", {Shards}" : "")}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        Communicator alone = ThreadCommunicator.Create(1)[0];
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        foreach (int shards in (int[])[0, 1, 8])
        {
            yield return new Sample(new AllReduce(alone, 1, shards), new Arg(shape));
            yield return new Sample(new AllReduce(alone, 2, shards), new Arg(shape), new Arg([257]));
            yield return new Sample(new AllReduce(alone, 2, shards), new Arg([513]), new Arg(shape))
            {
                HasGradient = shards > 0,
            };
        }

        yield return new Sample(new AllReduce(alone, 1, 0), Arg.Int(shape, 0, 9))
        {
            Error = "int32 is not floating point",
        };
        yield return new Sample(new AllReduce(alone, 2, 0), new Arg(shape)) { Error = "takes 2 tensors" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        int nodes = Nodes;
        if (inputs.Length < nodes * Count || inputs.Length % Count != 0)
        {
            throw new EngineException($"the sum takes {nodes * Count} tensors, not {inputs.Length}");
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            if (!inputs[i].DType.IsFloat() || inputs[i].DType != inputs[0].DType)
            {
                throw new EngineException(
                    inputs[i].DType.IsFloat()
                        ? $"what is summed together is of one dtype, not {inputs[0].DType.Name()} "
                            + $"and {inputs[i].DType.Name()}"
                        : $"{inputs[i].DType.Name()} is not floating point: cast it");
            }

            if (!inputs[i % Count].Shape.Admits(inputs[i].Shape) && !inputs[i].Shape.Admits(inputs[i % Count].Shape))
            {
                throw new EngineException($"the terms of a sum are {inputs[i % Count].Shape} and {inputs[i].Shape}");
            }
        }

        return [.. inputs[..Count].ToArray().Select(input => input with { KnownValue = null })];
    }

    /// <summary>Returns the gradients summed over the ranks: each rank's loss depends on this rank's term.</summary>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        // A tensor that this rank's loss does not depend on may matter to another rank's loss, so all ranks sum all
        // tensors.
        Variable[] grads = [.. outputGrads.Select((grad, i) => grad ?? Symbolic.ZerosLike(node.Outputs[i]))];
        IReadOnlyList<Result> sums =
            new AllReduce(Communicator, Count, Shards > 0 ? Communicator.Size : 0).Apply(grads).Outputs;
        return [.. node.Inputs.Select((_, i) => (Variable)sums[i % Count])];
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int i = 0; i < Count; i++)
        {
            double[] sum = new double[inputs[i].Data.Length];
            for (int j = i; j < inputs.Count; j += Count)
            {
                for (int k = 0; k < sum.Length; k++)
                {
                    sum[k] += inputs[j].Data[k];
                }
            }

            Communicator.AllReduce(Tensor.From(sum));
            sum.CopyTo(outputs[i].Data, 0);
        }
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        (Math.Max(Shards, Communicator.Size) - 1) * outputs.Sum(output => output.Shape.Count);

    public long CpuWorkspace(CpuStepTypes step) => Workspace(step.Outputs);

    public long CudaWorkspace(CudaStepTypes step) => Workspace(step.Outputs);

    public string? CpuPath(CpuStepTypes step)
    {
        long sent = Layout(step.Outputs).BytesSent;
        return Shards > 0
            ? FormattableString.Invariant($"tree over {Shards} shards: {sent:N0} bytes sent by a rank")
            : FormattableString.Invariant($"the library's sum: {sent:N0} bytes sent by a rank");
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        BucketLayout layout = Layout(step.Types.Outputs);
        nint address = (nint)step.Workspace;
        var bucket = new AllReduceBucket(
            Communicator, layout, step.OutDType(),
            [.. Enumerable.Range(0, step.InputCount / Count).Select(node => (IReadOnlyList<nint>)
                [.. Enumerable.Range(node * Count, Count).Select(input => (nint)step.In<byte>(input))])],
            address);
        nint[] outputs = [.. Enumerable.Range(0, Count).Select(output => (nint)step.Out<byte>(output))];
        return [new Phase(1, 1, (_, _, _) =>
        {
            Communicator.WaitInStep(bucket.Start());
            AllReduceBucket.Unpack(layout, address, outputs);
        })];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [AllReduceLaunch.Of(Name, Communicator, Layout(step.Types.Outputs), Count, step)];

    private int Nodes => Shards > 0 ? ShardTree.Nodes(Communicator.Rank, Communicator.Size, Shards).Count : 1;

    private long Workspace(IReadOnlyList<OperandType> outputs) => Layout(outputs).Bytes;

    private BucketLayout Layout(IReadOnlyList<OperandType> outputs) => new(
        Communicator, Shards, outputs[0].DType, outputs.Select(output => output.Shape.Count));
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the sum of x over all ranks of a communicator, which all compute it. The terms are added pairwise, in
    /// the order of the ranks, so that the result has the same bits on every run and with every library. Its gradient
    /// is the sum of the gradients over the ranks.
    /// </summary>
    /// <param name="x">This rank's term, float32 or float64, of the same shape on all ranks.</param>
    /// <param name="communicator">The ranks.</param>
    /// <exception cref="EngineException">x is not floating point.</exception>
    public static Variable AllReduce(Variable x, Communicator communicator) => AllReduce([x], communicator)[0];

    /// <summary>Returns the sums of several tensors over all ranks, in one exchange.</summary>
    /// <inheritdoc cref="AllReduce(Variable, Communicator)"/>
    public static IReadOnlyList<Variable> AllReduce(IReadOnlyList<Variable> x, Communicator communicator)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(communicator);
        return x.Count == 0 ? [] : [.. new AllReduce(communicator, x.Count, communicator.Size).Apply([.. x]).Outputs];
    }
}
