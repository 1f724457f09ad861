using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds the launches of <see cref="Attend"/> and <see cref="AttendGrad"/>, in attention.cu.</summary>
internal static class CudaAttention
{
    private const int Dimension = 32, Chunk = 64, Threads = 256;

    public static CudaLaunch[] Forward(CudaStep step, bool isCausal)
    {
        AttentionShape shape = AttentionShape.Of(step.Types.Inputs);
        return Launch(
            Kernel("attend", step, isCausal), shape, shape.Queries, shape.ValueSize, Mask.Of(step, 3),
            step.In(0), step.In(1), step.In(2), Address(step, 3), step.Out(0), step.Out(1));
    }

    public static CudaLaunch[] Backward(CudaStep step, bool isCausal)
    {
        AttentionShape shape = AttentionShape.Of(step.Types.Inputs);
        CudaArgument[] inputs = [.. Enumerable.Range(0, 6).Select(i => (CudaArgument)step.In(i)), Address(step, 6)];
        return
        [
            .. Launch(
                Kernel("attend_queries", step, isCausal), shape, shape.Queries, shape.Size, Mask.Of(step, 6),
                [.. inputs, step.Out(0)]),
            .. Launch(
                Kernel("attend_keys", step, isCausal), shape, shape.Keys, Math.Max(shape.Size, shape.ValueSize),
                Mask.Of(step, 6),
                [.. inputs, step.Out(1), step.Out(2)]),
        ];
    }

    private static CudaKernel Kernel(string entry, CudaStep step, bool isCausal) =>
        new("attention.cu", entry, $"T {step.DType(0).Cuda()}", $"CAUSAL {(isCausal ? 1 : 0)}");

    private static CudaLaunch[] Launch(
        CudaKernel kernel, AttentionShape shape, int rows, int columns, Mask mask, params CudaArgument[] operands)
    {
        int tiles = (rows + Dimension - 1) / Dimension, chunks = Math.Max(1, (columns + Chunk - 1) / Chunk);
        var dimensions = new Dimensions(
            shape.Queries, shape.Keys, shape.Size, shape.ValueSize, mask.Batch, mask.Row, mask.Column, tiles);
        return shape.Batch == 0 || rows == 0
            ? []
            : [kernel.Launch(
                new Dim3(checked(shape.Batch * tiles), chunks), Threads, [.. operands, CudaArgument.Of(dimensions)])];
    }

    private static ulong Address(CudaStep step, int input) => step.Types.Inputs.Count > input ? step.In(input) : 0;

    /// <summary>Represents the strides of a mask; 0 along an axis that it repeats.</summary>
    private readonly record struct Mask(long Batch, int Row, int Column)
    {
        public static Mask Of(CudaStep step, int input)
        {
            if (step.Types.Inputs.Count <= input)
            {
                return default;
            }

            Shape mask = step.Shape(input);
            return new Mask(
                mask[0] == 1 ? 0 : (long)mask[1] * mask[2], mask[1] == 1 ? 0 : mask[2], mask[2] == 1 ? 0 : 1);
        }
    }

    /// <summary>The layout that the kernel expects.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Dimensions(
        int Queries, int Keys, int Size, int ValueSize, long MaskBatch, int MaskRow, int MaskColumn, int Tiles);
}
