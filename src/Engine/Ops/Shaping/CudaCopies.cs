using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Launches that move elements: copy.cu.</summary>
internal static class CudaCopies
{
    private const int Threads = 256, MaxBlocks = 1 << 16;

    /// <summary>Returns how many blocks share so many elements out among their threads.</summary>
    public static int Blocks(int elements) => Math.Min(CudaTypes.Blocks(elements, Threads), MaxBlocks);

    /// <summary>
    /// Returns a launch of as many threads as there are elements, within reason, of a kernel that takes that in its
    /// stride.
    /// </summary>
    public static KernelLaunch Spread(CudaKernel kernel, int elements, params ReadOnlySpan<CudaArgument> arguments) =>
        kernel.Launch(Blocks(elements), Threads, arguments);

    /// <summary>
    /// Copies rows of bytes that lie some distance apart; all four are multiples of an element's size.
    /// </summary>
    public static CudaLaunch Rows(
        DType dtype, ulong from, long fromStep, ulong to, long toStep, int rows, long rowBytes)
    {
        if (rows <= 1 || (fromStep == rowBytes && toStep == rowBytes))
        {
            return new CopyLaunch(from, to, rows * rowBytes);
        }

        int size = dtype.Size(), length = checked((int)(rowBytes / size));
        var kernel = new CudaKernel("copy.cu", "copy_rows", $"T {dtype.CudaBits()}");
        int count = checked(rows * length);
        return Spread(kernel, count, from, fromStep / size, to, toStep / size, length, count);
    }

    /// <summary>Copies the first input of a step to its first output, where it does not lie there.</summary>
    public static CudaLaunch[] Same(CudaStep step) => step.In(0) == step.Out()
        ? []
        : [new CopyLaunch(step.In(0), step.Out(), step.Shape(0).Count * step.DType(0).Size())];
}
