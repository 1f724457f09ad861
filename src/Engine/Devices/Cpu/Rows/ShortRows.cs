using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Devices.Cpu;

/// <summary>Copies and adds blocks of rows that are too short for a call of the runtime's own copy.</summary>
internal static unsafe class ShortRows
{
    /// <summary>Copies <paramref name="rows"/> short rows; the two blocks must not overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Copy<T>(int rows, int count, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged => Walk<T, CopyRun>(rows, count, from, ldFrom, to, ldTo);

    /// <summary>Copies several such blocks at the given steps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Copy<T>(
        int blocks, nint stepFrom, nint stepTo, int rows, int count, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged
    {
        for (int block = 0; block < blocks; block++, from += stepFrom, to += stepTo)
        {
            Walk<T, CopyRun>(rows, count, from, ldFrom, to, ldTo);
        }
    }

    /// <summary>Adds <paramref name="rows"/> short rows to others; the two blocks must not overlap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Add<T>(int rows, int count, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged => Walk<T, AddRun>(rows, count, from, ldFrom, to, ldTo);

    /// <summary>Adds several such blocks at the given steps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Add<T>(
        int blocks, nint stepFrom, nint stepTo, int rows, int count, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged
    {
        for (int block = 0; block < blocks; block++, from += stepFrom, to += stepTo)
        {
            Walk<T, AddRun>(rows, count, from, ldFrom, to, ldTo);
        }
    }

    /// <summary>
    /// Processes a row by vectors. The last vector overlaps the one before it; it is loaded before anything is stored,
    /// so that no element is added twice.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Walk<T, R>(int rows, int count, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged
        where R : struct, IRun
    {
        int last256 = count - Vector256<T>.Count, last128 = count - Vector128<T>.Count;
        if (last256 >= 0)
        {
            for (int row = 0; row < rows; row++, from += ldFrom, to += ldTo)
            {
                Vector256<T> last = R.Of(Vector256.Load(from + last256), to + last256);
                for (int i = 0; i < last256; i += Vector256<T>.Count)
                {
                    R.Of(Vector256.Load(from + i), to + i).Store(to + i);
                }

                last.Store(to + last256);
            }
        }
        else if (last128 >= 0)
        {
            for (int row = 0; row < rows; row++, from += ldFrom, to += ldTo)
            {
                Vector128<T> last = R.Of(Vector128.Load(from + last128), to + last128);
                R.Of(Vector128.Load(from), to).Store(to);
                last.Store(to + last128);
            }
        }
        else
        {
            for (int row = 0; row < rows; row++, from += ldFrom, to += ldTo)
            {
                for (int i = 0; i < count; i++)
                {
                    to[i] = R.Of(from[i], to + i);
                }
            }
        }
    }

    /// <summary>Combines elements at <c>to</c> with those at <c>from</c>.</summary>
    private interface IRun
    {
        static abstract Vector256<T> Of<T>(Vector256<T> from, T* to) where T : unmanaged;

        static abstract Vector128<T> Of<T>(Vector128<T> from, T* to) where T : unmanaged;

        static abstract T Of<T>(T from, T* to) where T : unmanaged;
    }

    private readonly struct CopyRun : IRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of<T>(Vector256<T> from, T* to) where T : unmanaged => from;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<T> Of<T>(Vector128<T> from, T* to) where T : unmanaged => from;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T from, T* to) where T : unmanaged => from;
    }

    private readonly struct AddRun : IRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<T> Of<T>(Vector256<T> from, T* to) where T : unmanaged => Vector256.Load(to) + from;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector128<T> Of<T>(Vector128<T> from, T* to) where T : unmanaged => Vector128.Load(to) + from;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static T Of<T>(T from, T* to) where T : unmanaged =>
            (Vector128.CreateScalarUnsafe(*to) + Vector128.CreateScalarUnsafe(from)).ToScalar();
    }
}
