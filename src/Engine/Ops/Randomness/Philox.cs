using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Implements Philox4x32-10, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011). The n-th numbers depend only on n, so that any division of the work among threads draws the same numbers.
/// </summary>
internal readonly struct Philox
{
    private readonly uint _key0;
    private readonly uint _key1;
    private readonly uint _step;
    private readonly uint _stream;

    /// <summary>
    /// Creates a generator with the state of a <see cref="RandomStream"/>: the key's two words and the step.
    /// </summary>
    public Philox(int key0, int key1, int step, int stream)
    {
        _key0 = (uint)key0;
        _key1 = (uint)key1;
        _step = (uint)step;
        _stream = (uint)stream;
    }

    public static unsafe Philox From(int* state, int stream) => new(state[0], state[1], state[2], stream);

    public static Philox From(NdArray state, int stream) =>
        new((int)state.Data[0], (int)state.Data[1], (int)state.Data[2], stream);

    /// <summary>Checks the type of the state.</summary>
    /// <exception cref="EngineException">The type is not that of a state.</exception>
    public static void CheckState(TensorType state)
    {
        if (state.DType != DType.Int32 || !Shape.Create(3).Admits(state.Shape))
        {
            throw new EngineException("the state must be an int32 vector of 3: two words of key and the step");
        }
    }

    /// <summary>Returns block <paramref name="index"/> of the numbers of this step and stream.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PhiloxBlock Block(int index) => Block(new PhiloxBlock((uint)index, _stream, _step, 0), _key0, _key1);

    /// <summary>
    /// Writes the words of <paramref name="count"/> blocks from <paramref name="first"/> on, in order.
    /// </summary>
    public unsafe void Words(int first, int count, uint* words)
    {
        int i = 0;
        for (; i <= count - 4; i += 4)
        {
            FourBlocks((uint)(first + i), (ulong*)(words + (4 * i)));
        }

        for (; i < count; i++)
        {
            (words[4 * i], words[(4 * i) + 1], words[(4 * i) + 2], words[(4 * i) + 3]) = Block(first + i);
        }
    }

    /// <summary>
    /// Computes four blocks at once, one per lane. The upper 32 bits of a lane are ignored until the end.
    /// </summary>
    private unsafe void FourBlocks(uint first, ulong* words)
    {
        Vector256<ulong> c0 = Vector256.Create((ulong)first) + Vector256<ulong>.Indices;
        Vector256<ulong> c1 = Vector256.Create((ulong)_stream), c2 = Vector256.Create((ulong)_step), c3 = default;
        uint key0 = _key0, key1 = _key1;
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> a = Product(c0, 0xD2511F53), b = Product(c2, 0xCD9E8D57);
            c0 = (b >> 32) ^ c1 ^ Vector256.Create((ulong)key0);
            c2 = (a >> 32) ^ c3 ^ Vector256.Create((ulong)key1);
            (c1, c3) = (b, a);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }

        Vector256<ulong> low = Vector256.Create((ulong)uint.MaxValue);
        Vector256<ulong> front = (c0 & low) | (c1 << 32), back = (c2 & low) | (c3 << 32);
        for (int lane = 0; lane < 4; lane++)
        {
            words[2 * lane] = front[lane];
            words[(2 * lane) + 1] = back[lane];
        }
    }

    /// <summary>Multiplies the lower halves of the lanes by a number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Product(Vector256<ulong> a, uint b) => Avx2.IsSupported
        ? Avx2.Multiply(a.AsUInt32(), Vector256.Create((ulong)b).AsUInt32())
        : (a & Vector256.Create((ulong)uint.MaxValue)) * Vector256.Create((ulong)b);

    /// <summary>Computes the ten rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PhiloxBlock Block(PhiloxBlock counter, uint key0, uint key1)
    {
        (uint c0, uint c1, uint c2, uint c3) = counter;
        for (int round = 0; round < 10; round++)
        {
            ulong a = (ulong)c0 * 0xD2511F53, b = (ulong)c2 * 0xCD9E8D57;
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ key0, (uint)b, (uint)(a >> 32) ^ c3 ^ key1, (uint)a);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }

        return new PhiloxBlock(c0, c1, c2, c3);
    }
}

/// <summary>Represents four random words, or a counter of four words.</summary>
internal readonly record struct PhiloxBlock(uint W0, uint W1, uint W2, uint W3);
