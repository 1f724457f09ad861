using System.Numerics;

namespace Engine.Distributed;

/// <summary>Reductions of vectors in memory.</summary>
internal static unsafe class Arithmetic
{
    /// <summary>Adds the second vector to the first, or takes the maximum of each pair.</summary>
    public static void Reduce(void* into, void* other, long count, DType dtype, Reduction reduction)
    {
        bool isMax = reduction == Reduction.Max;
        switch (dtype)
        {
            case DType.Float32:
                Reduce((float*)into, (float*)other, count, isMax);
                break;
            case DType.Float64:
                Reduce((double*)into, (double*)other, count, isMax);
                break;
            case DType.Int32:
                Reduce((int*)into, (int*)other, count, isMax);
                break;
            default:
                throw new EngineException($"Sums over ranks are of float32, float64 or int32, not of {dtype.Name()}.");
        }
    }

    private static void Reduce<T>(T* into, T* other, long count, bool isMax) where T : unmanaged, INumber<T>
    {
        int lanes = Vector<T>.Count;
        long i = 0;
        for (; i <= count - lanes; i += lanes)
        {
            Vector<T> a = Vector.Load(into + i), b = Vector.Load(other + i);
            (isMax ? Vector.Max(a, b) : a + b).Store(into + i);
        }

        for (; i < count; i++)
        {
            into[i] = isMax ? T.Max(into[i], other[i]) : into[i] + other[i];
        }
    }
}
