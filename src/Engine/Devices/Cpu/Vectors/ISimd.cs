namespace Engine.Devices.Cpu;

/// <summary>
/// Arithmetic on a vector register <typeparamref name="V"/> of elements <typeparamref name="T"/> (float, double or
/// int), so that an algorithm is written once for all widths. <typeparamref name="V"/> is the runtime's own vector
/// type; a struct around it would not stay in registers. Comparisons give a mask: all bits of a lane are set, or none.
/// </summary>
internal unsafe interface ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    static abstract V Zero { get; }

    static abstract V Load(T* from);

    static abstract void Store(T* to, V value);

    /// <summary>
    /// Loads the first <paramref name="count"/> lanes, 0 … Count; the others are 0. It reads no memory beyond them.
    /// </summary>
    static abstract V LoadPartial(T* from, int count);

    /// <summary>Stores the first <paramref name="count"/> lanes, 0 … Count. It writes no memory beyond them.</summary>
    static abstract void StorePartial(T* to, V value, int count);

    /// <summary><paramref name="value"/> in every lane.</summary>
    static abstract V Splat(T value);

    /// <summary>A literal in every lane, rounded to <typeparamref name="T"/> when the code is compiled.</summary>
    static abstract V Const(double value);

    /// <summary>The low bits of <paramref name="bits"/> in every lane.</summary>
    static abstract V ConstBits(long bits);

    static abstract V Add(V a, V b);

    static abstract V Sub(V a, V b);

    static abstract V Mul(V a, V b);

    static abstract V Div(V a, V b);

    /// <summary>a·b + c: rounded once if the hardware can, else twice.</summary>
    static abstract V Fma(V a, V b, V c);

    /// <summary>The lesser, as <see cref="Math.Min(float, float)"/>: NaN if either is.</summary>
    static abstract V Min(V a, V b);

    /// <summary>The greater, as <see cref="Math.Max(float, float)"/>: NaN if either is.</summary>
    static abstract V Max(V a, V b);

    /// <summary>The lesser in one instruction; b if b is NaN, anything if a is, either zero for two zeros.</summary>
    static abstract V MinNative(V a, V b);

    /// <summary>The greater in one instruction; b if b is NaN, anything if a is, either zero for two zeros.</summary>
    static abstract V MaxNative(V a, V b);

    static abstract V Abs(V a);

    static abstract V Neg(V a);

    static abstract V Sqrt(V a);

    /// <summary>To the nearest whole number, halves to the even one.</summary>
    static abstract V Round(V a);

    static abstract V Floor(V a);

    static abstract V Ceiling(V a);

    static abstract V Truncate(V a);

    static abstract V Equal(V a, V b);

    static abstract V Less(V a, V b);

    static abstract V LessOrEqual(V a, V b);

    static abstract V And(V a, V b);

    static abstract V Or(V a, V b);

    static abstract V Xor(V a, V b);

    /// <summary>The bits that are set in <paramref name="a"/> and not in <paramref name="b"/>.</summary>
    static abstract V AndNot(V a, V b);

    static abstract V Not(V a);

    /// <summary><paramref name="a"/> where the mask is set, else <paramref name="b"/>.</summary>
    static abstract V Select(V mask, V a, V b);

    /// <summary>The even lanes of <paramref name="a"/>, then those of <paramref name="b"/>.</summary>
    static abstract V Even(V a, V b);

    /// <summary>The odd lanes of <paramref name="a"/>, then those of <paramref name="b"/>.</summary>
    static abstract V Odd(V a, V b);

    /// <summary>Alternate lanes of <paramref name="a"/> and <paramref name="b"/>, from their lower halves.</summary>
    static abstract V ZipLow(V a, V b);

    /// <summary>Alternate lanes of <paramref name="a"/> and <paramref name="b"/>, from their upper halves.</summary>
    static abstract V ZipHigh(V a, V b);

    /// <summary>Returns bit i set if lane i of the mask is set.</summary>
    static abstract ulong MaskBits(V mask);

    /// <summary>Loads 16 bits for each lane, its lower half; for lanes of 32 bits.</summary>
    static abstract V LoadHalves(ushort* from);

    /// <summary>Stores the lower half of each lane; for lanes of 32 bits.</summary>
    static abstract void StoreHalves(ushort* to, V value);

    /// <summary>Shifts the bits of each lane toward the high end.</summary>
    static abstract V ShiftLeft(V a, int bits);

    /// <summary>Shifts the bits of each lane toward the low end; zeros come in.</summary>
    static abstract V ShiftRight(V a, int bits);

    /// <summary>
    /// a·2ⁿ, rounded once if subnormal, for whole n from -250 to 250 (for double from -2000 to 2000).
    /// </summary>
    static abstract V Scale(V a, V n);

    /// <summary>
    /// The whole n with 2ⁿ ≤ a &lt; 2ⁿ⁺¹, for positive finite a, also subnormal; for float and double.
    /// </summary>
    static abstract V Exponent(V a);

    /// <summary>a / 2ⁿ with the n of <see cref="Exponent"/>: from 1 up to, not including, 2.</summary>
    static abstract V Mantissa(V a);

    /// <summary>
    /// The sum of the lanes. Halves are added until one lane is left, so the order is always the same.
    /// </summary>
    static abstract T Sum(V a);

    /// <summary>The smallest lane, or NaN.</summary>
    static abstract T MinLane(V a);

    /// <summary>The largest lane, or NaN.</summary>
    static abstract T MaxLane(V a);
}
