using System.Runtime.InteropServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds the launches of pooling and its gradients on CUDA: pool.cu.</summary>
internal static class CudaPooling
{
    private const int Threads = 256;

    /// <summary>Returns the launch of a kernel with a thread for each element of the first output.</summary>
    /// <param name="step">The step. The inputs that are read and the outputs are the kernel's first arguments.</param>
    /// <param name="entry">The kernel.</param>
    /// <param name="inputs">The number of inputs that are read.</param>
    /// <param name="shape">The windows.</param>
    /// <param name="countPadding">Whether means count the padding; null if the kernel has no such parameter.</param>
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
