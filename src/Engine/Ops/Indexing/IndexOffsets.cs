using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Computes the offsets, in the indexed array, of the elements that a step's index arrays select, a vector of indices
/// at a time.
/// </summary>
internal sealed unsafe class IndexOffsets
{
    private readonly SubtensorLoops _loops;
    private readonly nint[] _arrays;
    private readonly string _origin;

    public IndexOffsets(CpuStep step, SubtensorLoops loops, int firstArray)
    {
        _loops = loops;
        _arrays = [.. loops.Arrays.Select((_, i) => (nint)step.In<int>(firstArray + i))];
        _origin = step.Origin;
    }

    /// <summary>
    /// Writes the offsets of some indices, counted in C order of the shape that the index arrays broadcast to.
    /// </summary>
    /// <exception cref="EngineException">An index is out of range.</exception>
    public void Find(int first, int count, int* offsets)
    {
        (int[] dimensions, int[][] strides) = _loops.Walk;
        for (int done = 0; done < count;)
        {
            (int row, int at) = Math.DivRem(first + done, dimensions[^1]);
            int n = Math.Min(dimensions[^1] - at, count - done);
            int same = 0;
            bool isFirst = true;
            for (int array = 0; array < _arrays.Length; array++)
            {
                // A single index for all needs no pass.
                if (strides[array][^1] == 0)
                {
                    int index = *RowOfIndices(array, row, at), dimension = _loops.Arrays[array].Dimension,
                        counted = index < 0 ? index + dimension : index;
                    same += Checked(counted, index, dimension) * _loops.Arrays[array].Stride;
                }
            }

            for (int array = 0; array < _arrays.Length; array++)
            {
                if (strides[array][^1] != 0)
                {
                    int* indices = RowOfIndices(array, row, at);
                    (int dimension, int stride) = _loops.Arrays[array];
                    if (!Each(indices, dimension, stride, offsets + done, n, isFirst, isFirst ? same : 0))
                    {
                        throw new EngineException(
                            SubtensorCode.Message(FirstOutside(indices, dimension), dimension) + _origin);
                    }

                    isFirst = false;
                }
            }

            if (isFirst)
            {
                new Span<int>(offsets + done, n).Fill(same);
            }

            done += n;
        }
    }

    /// <summary>Returns the smallest and the largest of the offsets, of which there is at least one.</summary>
    public static (int Min, int Max) Bounds(int* offsets, int count)
    {
        int i = 0, low = *offsets, high = low;
        Vector<int> min = new(low), max = min;
        for (; i <= count - Vector<int>.Count; i += Vector<int>.Count)
        {
            var each = Vector.Load(offsets + i);
            (min, max) = (Vector.Min(min, each), Vector.Max(max, each));
        }

        for (int lane = 0; lane < Vector<int>.Count; lane++)
        {
            (low, high) = (Math.Min(low, min[lane]), Math.Max(high, max[lane]));
        }

        for (; i < count; i++)
        {
            (low, high) = (Math.Min(low, offsets[i]), Math.Max(high, offsets[i]));
        }

        return (low, high);
    }

    /// <summary>Returns the address of a row of the innermost loop in an index array, from an element on.</summary>
    private int* RowOfIndices(int array, int row, int at)
    {
        (int[] dimensions, int[][] strides) = _loops.Walk;
        int[] steps = strides[array];
        long start = (long)at * steps[^1];
        for (int loop = dimensions.Length - 2; loop >= 0; loop--)
        {
            (row, int index) = Math.DivRem(row, dimensions[loop]);
            start += (long)index * steps[loop];
        }

        return (int*)_arrays[array] + start;
    }

    private int Checked(int counted, int index, int dimension) => (uint)counted < (uint)dimension
        ? counted
        : throw new EngineException(SubtensorCode.Message(index, dimension) + _origin);

    /// <summary>Adds the offset of one index to each element; returns whether all indices are in range.</summary>
    private static bool Each(int* indices, int dimension, int stride, int* offsets, int n, bool isFirst, int same)
    {
        int i = 0;
        Vector<int> dimensions = new(dimension), strides = new(stride), more = new(same), outside = default;
        for (; i <= n - Vector<int>.Count; i += Vector<int>.Count)
        {
            var counted = Vector.Load(indices + i);
            counted += dimensions & Vector.LessThan(counted, default);
            outside |= Vector.LessThan(counted, default) | Vector.GreaterThanOrEqual(counted, dimensions);
            Vector<int> offset = counted * strides;
            (offset + (isFirst ? more : Vector.Load(offsets + i))).Store(offsets + i);
        }

        bool isInside = outside == default;
        for (; i < n; i++)
        {
            int counted = indices[i] < 0 ? indices[i] + dimension : indices[i];
            isInside &= (uint)counted < (uint)dimension;
            offsets[i] = (counted * stride) + (isFirst ? same : offsets[i]);
        }

        return isInside;
    }

    private static int FirstOutside(int* indices, int dimension)
    {
        while ((uint)(*indices < 0 ? *indices + dimension : *indices) < (uint)dimension)
        {
            indices++;
        }

        return *indices;
    }
}
