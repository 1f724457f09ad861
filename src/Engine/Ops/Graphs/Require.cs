using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Returns the first input itself; the run fails if an element of the others, which are bools, is false.
/// </summary>
internal sealed record Require(string Message) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        var holds = new Arg([Arg.Dimension(random)], DType.Bool, 1, 2);
        yield return new Sample(new Require("holds"), new Arg(shape), holds);
        yield return new Sample(new Require("holds"), Arg.Int(shape), holds, new Arg(Shape.Scalar, DType.Bool, 1, 2));
        yield return new Sample(new Require("holds"), new Arg([3]), new Arg([257], DType.Bool, 1, 2));
        yield return new Sample(new Require("holds"), new Arg([3]), new Arg([513], DType.Bool, 1, 2));
        yield return new Sample(new Require("x must be small"), new Arg([3]), new Arg([300], DType.Bool, 0, 1))
        {
            Error = "x must be small",
        };
        yield return new Sample(new Require("holds"), new Arg([3]), Arg.Int([1], 1, 2))
        {
            Error = "a condition must be bool",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        foreach (TensorType condition in inputs[1..])
        {
            if (condition.DType != DType.Bool)
            {
                throw new EngineException("a condition must be bool");
            }
        }

        return [inputs[0] with { KnownValue = null }];
    }

    internal override bool HasEffect => true;

    public override bool MayOverwrite(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [outputGrads[0], .. node.Inputs.Skip(1).Select(_ => (Variable?)null)];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        if (inputs.Skip(1).Any(condition => condition.Data.Contains(0)))
        {
            throw new EngineException(Message);
        }

        inputs[0].Data.CopyTo(outputs[0].Data, 0);
    }

    public Phase[] Cpu(CpuStep step) =>
        [.. Enumerable.Range(1, step.InputCount - 1).Select(input => Check(step, input)), .. Copies.Same(step)];

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        var kernel = new CudaKernel("check.cu", "check");
        (ulong fault, int code) = step.Fault((_, _) => $"{Message}.");
        return
        [
            .. Enumerable.Range(1, step.InputCount - 1).Select(input =>
            {
                int count = checked((int)step.Shape(input).Count);
                return kernel.Launch(CudaTypes.Blocks(count, Threads), Threads, step.In(input), count, fault, code);
            }),
            .. CudaCopies.Same(step),
        ];
    }

    private unsafe Phase Check(CpuStep step, int input)
    {
        byte* condition = step.In<byte>(input);
        int count = checked((int)step.Shape(input).Count);
        string message = $"{Message}.{step.Origin}";
        return new Phase(count, 1 << 14, (start, end, _) =>
        {
            if (new ReadOnlySpan<byte>(condition + start, end - start).Contains((byte)0))
            {
                throw new EngineException(message);
            }
        });
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns x itself. A call fails with the message if a condition is false for some element. Theano's
    /// <c>Assert</c>. If nothing uses the result, nothing is checked.
    /// </summary>
    /// <param name="x">The variable to return.</param>
    /// <param name="message">The message of the failure, a sentence. The line that built this op is added.</param>
    /// <param name="conditions">The conditions; an element is true if it is not 0.</param>
    public static Variable Require(Variable x, string message, params ReadOnlySpan<Variable> conditions)
    {
        ArgumentNullException.ThrowIfNull(message);
        Variable[] all = [.. conditions.ToArray().Select(condition => Cast(condition, DType.Bool))];
        return new Require(message.TrimEnd('.')).Call([x, .. all]);
    }
}
