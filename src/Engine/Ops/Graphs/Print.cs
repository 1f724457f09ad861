using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Returns the input itself, and shows its value whenever it is computed.</summary>
/// <param name="Show">Receives the value; the tensor is overwritten the next time.</param>
internal sealed record Print(Action<Tensor> Show) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(new Print(_ => { }), new Arg(shape));
        yield return new Sample(new Print(_ => { }), Arg.Int(shape));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [inputs[0] with { KnownValue = null }];

    internal override bool HasEffect => true;

    public override bool MayOverwrite(int input) => true;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [outputGrads[0]];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        inputs[0].Data.CopyTo(outputs[0].Data, 0);

    public unsafe Phase[] Cpu(CpuStep step)
    {
        byte* x = step.In<byte>(0);
        var value = new Tensor(step.DType(0), step.Shape(0));
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                new ReadOnlySpan<byte>(x, checked((int)value.ByteCount)).CopyTo(value.Bytes);
                Show(value);
            }),
            .. Copies.Same(step),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [new ReadLaunch(step.In(0), new Tensor(step.DType(0), step.Shape(0)), Show), .. CudaCopies.Same(step)];
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns x itself, and writes its value to the console whenever a call computes it. Theano's
    /// <c>printing.Print</c>. On a GPU the function then waits for the host at this point.
    /// </summary>
    /// <param name="x">The variable to return. If nothing uses the result, nothing is written.</param>
    /// <param name="message">The text before the value.</param>
    public static Variable Print(Variable x, string message) =>
        Print(x, value => Console.WriteLine("{0}: {1}", message, value));

    /// <summary>Returns x itself, and passes its value to a function whenever a call computes it.</summary>
    /// <param name="x">The variable to return. If nothing uses the result, nothing is shown.</param>
    /// <param name="show">Receives the value. It must not keep the tensor, which the next value overwrites.</param>
    public static Variable Print(Variable x, Action<Tensor> show)
    {
        ArgumentNullException.ThrowIfNull(show);
        return new Print(show).Call(x);
    }
}
