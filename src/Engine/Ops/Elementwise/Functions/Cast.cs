using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Converts each element to another dtype. A fraction becomes an integer by rounding toward zero, a number out of range
/// becomes the nearest end of the range, and NaN becomes 0. An integer becomes a smaller one by its low bits. A bool is
/// true if the element is not 0.
/// </summary>
internal sealed record Cast(DType To) : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 16384;

    public override string Name => $"cast{{{To.Name()}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(new Cast(DType.Float64), new Arg(shape));
        yield return new Sample(new Cast(DType.Float32), new Arg(shape));
        yield return new Sample(new Cast(DType.Float32), Arg.Int(shape, -1000, 1000));
        yield return new Sample(new Cast(DType.Float64), Arg.Mask(shape));
        yield return new Sample(new Cast(DType.Int32), new Arg(shape, Low: -100, High: 100)) { HasGradient = false };
        yield return new Sample(new Cast(DType.UInt8), Arg.Int(shape)) { HasGradient = false };
        yield return new Sample(new Cast(DType.UInt8), new Arg(shape, Low: -100, High: 400)) { HasGradient = false };
        yield return new Sample(new Cast(DType.Int32), Arg.Mask(shape)) { HasGradient = false };
        yield return new Sample(new Cast(DType.Int64), new Arg(shape, Low: -5e18, High: 5e18)) { HasGradient = false };
        yield return new Sample(new Cast(DType.Bool), new Arg(shape, Whole: true)) { HasGradient = false };
        foreach (DType half in (DType[])[DType.Float16, DType.BFloat16])
        {
            // Beyond the range of 16 bits, in it, among the subnormal numbers, and below the smallest of them.
            foreach (double size in (double[])[1e6, 1, 1e-6, 1e-42])
            {
                yield return new Sample(new Cast(half), new Arg(shape, Low: -size, High: size)) { HasGradient = false };
                yield return new Sample(new Cast(half), new Arg(shape, DType.Float64, -size, size))
                {
                    HasGradient = false,
                };
            }

            // In the middle between two numbers of 16 bits.
            yield return new Sample(new Cast(half), new Arg([6], Values: [257, 259, -257, 2049, 2051, -2049]))
            {
                HasGradient = false,
            };

            foreach (ElementType to in ElementType.All)
            {
                yield return new Sample(new Cast(to.DType), new Arg(shape, half, -500, 500)) { HasGradient = false };
            }
        }

        foreach (ElementType from in ElementType.All.Where(type => !type.IsFloat))
        {
            foreach (ElementType to in ElementType.All)
            {
                yield return new Sample(new Cast(to.DType), Arg.Int(shape, from.DType)) { HasGradient = false };
            }
        }
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [new TensorType(To, inputs[0].Shape)];

    internal override bool TakesHalves => true;

    internal override bool IsPlain => true;

    public override bool IsView(IReadOnlyList<TensorType> inputs) => inputs[0].DType == To;

    public override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) => InputWindow.Pixel;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.Cast(outputGrads[0]!, node.Inputs[0].DType)];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int i = 0; i < inputs[0].Data.Length; i++)
        {
            outputs[0].Data[i] = To.IsFloat()
                ? inputs[0].Data[i]
                : DTypes.Convert(inputs[0].Data[i], inputs[0].DType, To);
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        ElementConversion convert = HalfMath.Conversion(step.DType(0), To) ?? Conversion.Of(step.DType(0), To);
        byte* x = step.In<byte>(0), y = step.Out<byte>();
        long from = step.DType(0).Size(), to = To.Size();
        return
        [
            new Phase((int)step.OutShape().Count, Grain, (start, end, _) =>
                convert(x + (start * from), y + (start * to), end - start)),
        ];
    }

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) => CudaMap.Launches(step, "x", $"convert(x, {To.Cuda()}())");
}

public static partial class Symbolic
{
    /// <summary>
    /// Converts x to a dtype; returns x itself if it has that dtype. A fraction becomes an integer by truncation, a
    /// number beyond the integer's range becomes the nearest end of the range, and NaN becomes 0. An integer becomes a
    /// smaller one by its low bits (300 becomes 44 as uint8). True becomes 1 and false 0; every number except 0 becomes
    /// true.
    /// </summary>
    public static Variable Cast(Variable x, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.DType == dtype ? x
            : dtype == DType.Bool && x.DType.Computes() == x.DType ? NotEqual(x, 0)
            : new Cast(dtype).Call(x);
    }
}
