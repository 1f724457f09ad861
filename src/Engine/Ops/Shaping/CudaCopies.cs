using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds launches that move elements: copy.cu.</summary>
internal static class CudaCopies
{
    private const int Threads = 256, MaxBlocks = 1 << 16;

    /// <summary>Returns the number of blocks whose threads share the elements.</summary>
    public static int Blocks(int elements) => Math.Min(CudaTypes.Blocks(elements, Threads), MaxBlocks);

    /// <summary>
    /// Returns a launch with one thread per element, up to a limit, of a kernel whose threads loop over the elements.
    /// </summary>
    public static KernelLaunch Spread(CudaKernel kernel, int elements, params ReadOnlySpan<CudaArgument> arguments) =>
        kernel.Launch(Blocks(elements), Threads, arguments);

    /// <summary>
    /// Copies rows of bytes that are some distance apart. All four numbers are multiples of an element's size.
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

    /// <summary>Copies the first input of a step to its first output, if they do not share memory.</summary>
    public static CudaLaunch[] Same(CudaStep step) => step.In(0) == step.Out()
        ? []
        : [new CopyLaunch(step.In(0), step.Out(), step.Shape(0).Count * step.DType(0).Size())];
}
