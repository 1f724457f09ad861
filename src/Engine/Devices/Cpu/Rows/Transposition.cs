using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Turns rows into columns by vectors. A tile has as many rows as a vector has lanes. So every cache line is read and
/// written completely at once, whichever sets of the cache the rows fall into.
/// </summary>
internal static unsafe class Transposition
{
    /// <summary>
    /// Copies <paramref name="rows"/> rows of <paramref name="columns"/> elements of 4 or 8 bytes, which lie
    /// <paramref name="ldFrom"/> apart, to columns, whose rows lie <paramref name="ldTo"/> apart.
    /// </summary>
    internal static void Run<T>(int rows, int columns, T* from, nint ldFrom, T* to, nint ldTo)
        where T : unmanaged
    {
        // The bits are moved, whatever they mean.
        if (sizeof(T) == sizeof(float))
        {
            var job = new Job<float> { Rows = rows, Columns = columns, LdFrom = ldFrom, LdTo = ldTo };
            job.From = (float*)from;
            job.To = (float*)to;
            Simd.Dispatch<float, Job<float>>(ref job);
        }
        else
        {
            var job = new Job<double> { Rows = rows, Columns = columns, LdFrom = ldFrom, LdTo = ldTo };
            job.From = (double*)from;
            job.To = (double*)to;
            Simd.Dispatch<double, Job<double>>(ref job);
        }
    }

    internal struct Job<T> : ISimdJob<T>
        where T : unmanaged
    {
        public int Rows, Columns;
        public T* From, To;
        public nint LdFrom, LdTo;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            if (Rows < S.Count || Columns < S.Count)
            {
                RunOneByOne();
                return;
            }

            T* vectors = stackalloc T[2 * S.Count * S.Count];
            for (int row = 0; row < Rows; row += S.Count)
            {
                // The last tile may include some rows or columns that were copied before.
                T* line = From + (Math.Min(row, Rows - S.Count) * LdFrom), to = To + Math.Min(row, Rows - S.Count);
                for (int column = 0; column < Columns; column += S.Count)
                {
                    int first = Math.Min(column, Columns - S.Count);
                    Tile<S, V>(line + first, LdFrom, to + (first * LdTo), LdTo, vectors);
                }
            }
        }

        private readonly void RunOneByOne()
        {
            for (int column = 0; column < Columns; column++)
            {
                for (int row = 0; row < Rows; row++)
                {
                    To[(column * LdTo) + row] = From[(row * LdFrom) + column];
                }
            }
        }

        /// <summary>
        /// Zips rows of the upper half with rows of the lower half, in pairs. After as many repetitions as a lane's
        /// number has bits, rows and lanes are exchanged.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Tile<S, V>(T* from, nint ldFrom, T* to, nint ldTo, T* vectors)
            where S : struct, ISimd<V, T>
            where V : struct
        {
            int half = S.Count / 2, halfway = half * S.Count;
            T* now = vectors, next = vectors + (S.Count * S.Count);
            for (int i = 0; i < half; i++, from += ldFrom)
            {
                Zip<S, V>(from, from + (half * ldFrom), now + (2 * i * S.Count), S.Count);
            }

            for (int lanes = 4; lanes < S.Count; lanes *= 2)
            {
                for (int i = 0; i < half; i++)
                {
                    Zip<S, V>(now + (i * S.Count), now + (i * S.Count) + halfway, next + (2 * i * S.Count), S.Count);
                }

                T* made = next;
                next = now;
                now = made;
            }

            for (int i = 0; i < half; i++, to += 2 * ldTo)
            {
                if (S.Count == 2)
                {
                    S.Store(to, S.Load(now));
                    S.Store(to + ldTo, S.Load(now + S.Count));
                }
                else
                {
                    Zip<S, V>(now + (i * S.Count), now + (i * S.Count) + halfway, to, ldTo);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Zip<S, V>(T* first, T* second, T* to, nint ldTo)
            where S : struct, ISimd<V, T>
            where V : struct
        {
            V a = S.Load(first), b = S.Load(second);
            S.Store(to, S.ZipLow(a, b));
            S.Store(to + ldTo, S.ZipHigh(a, b));
        }
    }
}
