using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Tests.Ops;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Every text that the ops ask to be compiled, found by lowering their examples with no GPU at hand.</summary>
internal static class KernelVariants
{
    private const ulong SomeAddress = 4096;

    /// <summary>The kernels, one for each source text, with the op that first asked for it.</summary>
    public static IReadOnlyList<(string Op, CudaKernel Kernel)> All { get; } = [.. OpTable.Types
        .SelectMany(type => Enumerable.Range(0, 4).SelectMany(seed => OpTable.Samples(type, seed)))
        .Where(sample => sample.Error is null && sample.Op is ICudaOp)
        .SelectMany(sample => (DType[])[DType.Float32, DType.Float64], Launches)
        .SelectMany(launches => launches)
        .DistinctBy(pair => pair.Kernel.Source)];

    private static IEnumerable<(string Op, CudaKernel Kernel)> Launches(Sample sample, DType floatX)
    {
        TensorType[] inputs =
            [.. sample.Args.Select(arg => new TensorType(arg.DType ?? floatX, arg.Shape, arg.KnownValue))];
        if (sample.Op.IsView(inputs))
        {
            yield break;
        }

        Operand[] from = [.. inputs.Select(At)], to = [.. sample.Op.Infer(inputs).Select(At)];
        var op = (ICudaOp)sample.Op;
        var types = new CudaStepTypes([.. from.Select(x => x.Type)], [.. to.Select(x => x.Type)]);
        long workspace = op.CudaWorkspace(types);
        Operand? scratch = workspace == 0 ? null : At(new TensorType(DType.UInt8, [checked((int)workspace)]));
        var faults = new CudaFaults(SomeAddress, null);
        var step = new CudaStep(new StepOperands(from, to, scratch), _ => SomeAddress, faults);
        foreach (KernelLaunch launch in op.Cuda(step).OfType<KernelLaunch>())
        {
            yield return (sample.Op.Name, launch.Kernel);
        }
    }

    private static Operand At(TensorType type) => new(null!, 0, new OperandType(type.DType, type.Shape));
}
