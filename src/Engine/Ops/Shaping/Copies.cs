using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Loops that move bytes.</summary>
internal static unsafe class Copies
{
    private const int BlockBytes = 1 << 15;

    /// <summary>
    /// Copies rows of bytes that lie some distance apart; rows that adjoin on both sides are copied as one.
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

    /// <summary>Copies the first input of a step to its first output, where it does not lie there.</summary>
    public static Phase[] Same(CpuStep step)
    {
        long bytes = step.Shape(0).Count * step.DType(0).Size();
        return step.IsInPlace(0) ? [] : [Rows(step.In<byte>(0), bytes, step.Out<byte>(), bytes, 1, bytes)];
    }

    /// <summary>Returns how many rows of this size are worth handing to a thread.</summary>
    public static int Grain(long rowBytes) => (int)Math.Max(1, BlockBytes / Math.Max(1, rowBytes));

    /// <summary>Sets bytes to zero, of which there may be more than an int counts.</summary>
    public static void Clear(byte* to, long bytes)
    {
        for (long done = 0; done < bytes; done += int.MaxValue)
        {
            new Span<byte>(to + done, (int)Math.Min(int.MaxValue, bytes - done)).Clear();
        }
    }

    /// <summary>Returns the bytes of one index of a shape's outermost side.</summary>
    public static long RowBytes(Shape shape, DType dtype) => (long)shape.Product(1, shape.Rank) * dtype.Size();
}
