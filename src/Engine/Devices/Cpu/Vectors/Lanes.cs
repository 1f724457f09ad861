using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>Loads and stores rows whose length need not be a multiple of a vector.</summary>
internal static unsafe class Lanes<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    /// <summary>Loads the first <paramref name="count"/> lanes, at most all; it reads no memory behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V LoadUpTo(T* from, int count) => count >= S.Count ? S.Load(from) : S.LoadPartial(from, count);

    /// <summary>Stores the lanes that <see cref="LoadUpTo"/> loads; none if the count is less than 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void StoreUpTo(T* to, V value, int count)
    {
        if (count >= S.Count)
        {
            S.Store(to, value);
        }
        else if (count > 0)
        {
            S.StorePartial(to, value, count);
        }
    }

    /// <summary>Adds a row to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Add(int count, T* from, T* to)
    {
        for (int i = 0; i < count; i += S.Count)
        {
            StoreUpTo(to + i, S.Add(LoadUpTo(to + i, count - i), LoadUpTo(from + i, count - i)), count - i);
        }
    }
}
