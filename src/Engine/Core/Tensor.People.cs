using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine;

/// <content>Conversions from and to arrays, parts, and single numbers.</content>
public sealed partial class Tensor
{
    /// <summary>
    /// Gets a copy of the part that indices select: <c>t[1, 2]</c> a number, as a tensor without dimensions;
    /// <c>t[0]</c> the first row, <c>t[.., ^1]</c> the last column, <c>t[2..5]</c> three rows. Axes without an index
    /// are complete; negative indices count from the end.
    /// </summary>
    /// <exception cref="EngineException">There are more indices than axes, or one is out of range.</exception>
    public Tensor this[params ReadOnlySpan<TensorIndex> indices]
    {
        get
        {
            if (indices.Length > Shape.Rank)
            {
                throw new EngineException($"A tensor of shape {Shape} has {Shape.Rank} axes, not {indices.Length}.");
            }

            var parts = new (int First, int Count)[indices.Length];
            List<int> dimensions = [];
            for (int axis = 0; axis < parts.Length; axis++)
            {
                parts[axis] = indices[axis].Of(Shape, axis);
                if (!indices[axis].IsPoint)
                {
                    dimensions.Add(parts[axis].Count);
                }
            }

            var part = new Tensor(DType, [.. dimensions, .. Shape.Skip(parts.Length)]);
            int to = 0;
            Copy(parts, axis: 0, from: 0, part, ref to);
            return part;
        }
    }

    /// <summary>Returns the only element of a tensor, converted as <see cref="Cast"/> does.</summary>
    /// <exception cref="EngineException">It has more, or none.</exception>
    public static explicit operator double(Tensor tensor) => Only<double>(tensor);

    /// <summary>Returns the only element of a tensor, converted as <see cref="Cast"/> does.</summary>
    /// <exception cref="EngineException">It has more, or none.</exception>
    public static explicit operator float(Tensor tensor) => Only<float>(tensor);

    /// <summary>Returns the only element of a tensor, converted as <see cref="Cast"/> does.</summary>
    /// <exception cref="EngineException">It has more, or none.</exception>
    public static explicit operator int(Tensor tensor) => Only<int>(tensor);

    /// <summary>Returns the only element of a tensor, converted as <see cref="Cast"/> does.</summary>
    /// <exception cref="EngineException">It has more, or none.</exception>
    public static explicit operator long(Tensor tensor) => Only<long>(tensor);

    /// <summary>Returns the only element of a tensor, converted as <see cref="Cast"/> does.</summary>
    /// <exception cref="EngineException">It has more, or none.</exception>
    public static explicit operator bool(Tensor tensor) => Only<bool>(tensor);

    /// <summary>Returns a copy of an array of two axes.</summary>
    public static Tensor From<T>(T[,] data) where T : unmanaged => Copied<T>(data);

    /// <summary>Returns a copy of an array of three axes.</summary>
    public static Tensor From<T>(T[,,] data) where T : unmanaged => Copied<T>(data);

    /// <summary>Returns a copy of an array of four axes.</summary>
    public static Tensor From<T>(T[,,,] data) where T : unmanaged => Copied<T>(data);

    /// <summary>Returns a copy of the elements, in C order.</summary>
    /// <exception cref="EngineException">The tensor has another dtype.</exception>
    public T[] ToArray<T>() where T : unmanaged => AsSpan<T>().ToArray();

    private static Tensor Copied<T>(Array data) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(data);
        var tensor = new Tensor(DTypes.Of<T>(), [.. Enumerable.Range(0, data.Rank).Select(data.GetLength)]);
        ref T first = ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(data));
        MemoryMarshal.CreateSpan(ref first, data.Length).CopyTo(tensor.AsSpan<T>());
        return tensor;
    }

    private static T Only<T>(Tensor tensor) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return tensor.Shape.Count == 1
            ? tensor.Cast(DTypes.Of<T>()).AsSpan<T>()[0]
            : throw new EngineException(string.Create(
                CultureInfo.InvariantCulture,
                $"A tensor of shape {tensor.Shape} is no single number: it has {tensor.Shape.Count} elements."));
    }

    /// <summary>Copies the selected indices of one axis and of the axes after it.</summary>
    private void Copy((int First, int Count)[] parts, int axis, int from, Tensor part, ref int to)
    {
        if (axis == parts.Length)
        {
            int count = Shape.Product(axis, Shape.Rank);
            Array.Copy(_data, from, part._data, to, count);
            to += count;
            return;
        }

        (int first, int length) = parts[axis];
        int step = Shape.Product(axis + 1, Shape.Rank);
        for (int index = first; index < first + length; index++)
        {
            Copy(parts, axis + 1, from + (index * step), part, ref to);
        }
    }
}
