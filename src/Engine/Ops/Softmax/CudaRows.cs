using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds the launches of ops that work on matrices row by row: softmax.cu.</summary>
internal static class CudaRows
{
    private const int Threads = 256, RowsPerBlock = Threads / 32;

    /// <summary>
    /// Returns the launch of a kernel with a warp for each row. Its arguments are the inputs, the outputs, the rows and
    /// the columns. With labels and factors, a flag says whether each row has its own factor.
    /// </summary>
    public static CudaLaunch[] Launches(CudaStep step, string entry, bool hasLabels = false)
    {
        Shape shape = step.Shape(0);
        (int rows, int columns) = (shape.Product(0, shape.Rank - 1), shape[-1]);
        if (columns == 0)
        {
            return [];
        }

        bool hasFactors = hasLabels && step.InputCount > 2;
        return
        [
            Launch(
                step, entry, CudaTypes.Blocks(rows, RowsPerBlock), hasLabels ? columns : null,
                hasFactors ? [rows, columns, step.Shape(2).Count == 1 ? 0 : 1] : [rows, columns]),
        ];
    }

    /// <summary>
    /// Returns the launch of a kernel with labels that has a thread for each element, or each row, that it writes.
    /// </summary>
    public static CudaLaunch LaunchElements(CudaStep step, string entry, int count)
    {
        int classes = step.Shape(0)[1];
        int blocks = CudaTypes.Blocks(count, Threads);
        return step.OutShape().Rank == 1
            ? Launch(step, entry, blocks, classes, count, classes)
            : Launch(step, entry, blocks, classes, classes, count);
    }

    private static KernelLaunch Launch(
        CudaStep step, string entry, int blocks, int? classes, params ReadOnlySpan<int> numbers)
    {
        List<CudaArgument> arguments =
        [
            .. Enumerable.Range(0, step.InputCount).Select(input => (CudaArgument)step.In(input)),
            .. Enumerable.Range(0, step.OutputCount).Select(output => (CudaArgument)step.Out(output)),
        ];
        foreach (int number in numbers)
        {
            arguments.Add(number);
        }

        if (classes is { } known)
        {
            (ulong fault, int code) = step.Fault((label, row) => CrossEntropy.Message(label, row, known));
            arguments.AddRange([fault, code]);
        }

        return new CudaKernel("softmax.cu", entry, $"T {step.DType(0).Cuda()}").Launch(blocks, Threads, [.. arguments]);
    }
}
