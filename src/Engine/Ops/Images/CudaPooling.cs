using System.Runtime.InteropServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>The launches of pooling and its gradients on CUDA: pool.cu.</summary>
internal static class CudaPooling
{
    private const int Threads = 256;

    /// <summary>Returns a kernel that gives each element of the first output a thread.</summary>
    /// <param name="step">The step, whose inputs that are read and whose outputs are the first arguments.</param>
    /// <param name="entry">The kernel.</param>
    /// <param name="inputs">How many of the inputs are read.</param>
    /// <param name="shape">The windows.</param>
    /// <param name="countPadding">Whether means count the padding, where the kernel wants to know.</param>
    public static CudaLaunch[] Launches(
        CudaStep step, string entry, int inputs, PoolShape shape, bool? countPadding = null)
    {
        int count = checked((int)step.OutShape().Count);
        List<CudaArgument> arguments =
        [
            .. Enumerable.Range(0, inputs).Select(input => (CudaArgument)step.In(input)),
            .. Enumerable.Range(0, step.Types.Outputs.Count).Select(output => (CudaArgument)step.Out(output)),
            CudaArgument.Of(new Layout(
                shape.Planes, shape.H, shape.W, shape.KH, shape.KW,
                shape.StrideH, shape.StrideW, shape.PadH, shape.PadW, shape.OH, shape.OW)),
        ];
        if (countPadding is { } counts)
        {
            arguments.Add(counts ? 1 : 0);
        }

        arguments.Add(count);
        var kernel = new CudaKernel("pool.cu", entry, $"T {step.DType(0).Cuda()}");
        return [kernel.Launch(CudaTypes.Blocks(count, Threads), Threads, [.. arguments])];
    }

    /// <summary><c>struct Windows</c> of pool.cu.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Layout(
        int Planes, int Height, int Width, int SizeH, int SizeW,
        int StrideH, int StrideW, int PadH, int PadW, int ResultHeight, int ResultWidth);
}
