using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Runs loops that move bytes.</summary>
internal static unsafe class Copies
{
    private const int BlockBytes = 1 << 15;

    /// <summary>
    /// Copies rows of bytes that are some distance apart. Rows that adjoin in both arrays are copied as one.
    /// </summary>
    public static Phase Rows(byte* from, long fromStep, byte* to, long toStep, int rows, long rowBytes)
    {
        if (fromStep == rowBytes && toStep == rowBytes)
        {
            (rows, rowBytes) = (1, rows * rowBytes);
        }

        int blocks = checked((int)Math.Max(1, (rowBytes + BlockBytes - 1) / BlockBytes));
        return new Phase(checked(rows * blocks), Grain(rowBytes), (start, end, _) =>
        {
            for (int i = start; i < end; i++)
            {
                (int row, int block) = Math.DivRem(i, blocks);
                long offset = (long)block * BlockBytes;
                long length = Math.Min(BlockBytes, rowBytes - offset);
                Buffer.MemoryCopy(from + (row * fromStep) + offset, to + (row * toStep) + offset, length, length);
            }
        });
    }

    /// <summary>Copies the first input of a step to its first output, if they do not share memory.</summary>
    public static Phase[] Same(CpuStep step)
    {
        long bytes = step.Shape(0).Count * step.DType(0).Size();
        return step.IsInPlace(0) ? [] : [Rows(step.In<byte>(0), bytes, step.Out<byte>(), bytes, 1, bytes)];
    }

    /// <summary>Returns how many rows of this size make enough work for a thread.</summary>
    public static int Grain(long rowBytes) => (int)Math.Max(1, BlockBytes / Math.Max(1, rowBytes));

    /// <summary>Sets bytes to zero; their number may exceed an int.</summary>
    public static void Clear(byte* to, long bytes)
    {
        for (long done = 0; done < bytes; done += int.MaxValue)
        {
            new Span<byte>(to + done, (int)Math.Min(int.MaxValue, bytes - done)).Clear();
        }
    }

    /// <summary>Returns the bytes of one index of a shape's outermost axis.</summary>
    public static long RowBytes(Shape shape, DType dtype) => (long)shape.Product(1, shape.Rank) * dtype.Size();
}
