using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>The launch of an element-wise op on CUDA: elementwise.cu, compiled with the row's expression.</summary>
internal static class CudaMap
{
    private const int Threads = 256, MostBlocks = 1 << 16;

    /// <summary>The parameters of an expression by its number of operands.</summary>
    public const string One = "x", Two = "a, b", Three = "a, b, c";

    /// <param name="step">The step.</param>
    /// <param name="parameters">The expression's names for the elements of the inputs.</param>
    /// <param name="expression">
    /// In CUDA C, over the parameters; their type is T, that of the result R, and what common.cuh declares may be used.
    /// </param>
    public static CudaLaunch[] Launches(CudaStep step, string parameters, string expression)
    {
        int arity = parameters.Split(',').Length;
        Shape shape = step.OutShape();
        int count = checked((int)shape.Count);
        (int[] sides, int[][] strides) = Broadcasting.Loops(shape, [.. Enumerable.Range(0, arity).Select(step.Shape)]);
        bool isFlat = sides.Length == 1;
        var kernel = new CudaKernel(
            "elementwise.cu",
            isFlat ? "map_flat" : "map_broadcast",
            $"T {step.DType(0).Cuda()}",
            $"R {step.OutDType().Cuda()}",
            $"ARITY {arity}",
            $"MAP({parameters}) ({expression})");
        int blocks = Math.Min(CudaTypes.Blocks(count, Threads), MostBlocks);
        ulong a = step.In(0), b = arity > 1 ? step.In(1) : a, c = arity > 2 ? step.In(2) : a;
        int[] stepB = arity > 1 ? strides[1] : strides[0], stepC = arity > 2 ? strides[2] : strides[0];
        return
        [
            isFlat
                ? kernel.Launch(blocks, Threads, a, strides[0][0], b, stepB[0], c, stepC[0], step.Out(), count)
                : kernel.Launch(
                    blocks, Threads, a, b, c, step.Out(), new CudaLoops(sides, strides[0], stepB, stepC), count),
        ];
    }
}
