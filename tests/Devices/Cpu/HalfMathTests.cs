using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

/// <summary>Vectors of float32 become numbers of 16 bits, and these vectors, as the scalar conversions do it.</summary>
public unsafe class HalfMathTests
{
    [Test]
    public void All_numbers_of_16_bits_are_read([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Read<Half>>(width, default);
        Widths.Run<float, Read<BFloat16>>(width, default);
    }

    [Test]
    public void Numbers_are_rounded_to_nearest_and_ties_to_even(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Write<Half>>(width, default);
        Widths.Run<float, Write<BFloat16>>(width, default);
    }

    [TestCase(DType.Float16)]
    [TestCase(DType.BFloat16)]
    public void Arrays_of_any_length_are_converted(DType half)
    {
        for (int count = 0; count < 70; count++)
        {
            float[] numbers = [.. Enumerable.Range(0, count + 1).Select(i => MathF.Sin(i) * 1000)];
            var bits = new ushort[count + 1];
            var again = new float[count + 1];
            bits[count] = 7;
            again[count] = 7;
            fixed (float* from = numbers, back = again)
            fixed (ushort* to = bits)
            {
                HalfMath.Conversion(DType.Float32, half)!(from, to, count);
                HalfMath.Conversion(half, DType.Float32)!(to, back, count);
            }

            Assert.That(bits[count], Is.EqualTo(7));
            Assert.That(again,
                Is.EqualTo([.. numbers[..count].Select(x => half == DType.Float16 ? (float)(Half)x : (BFloat16)x), 7]));
        }
    }

    private static float ToSingle<THalf>(ushort bits) =>
        typeof(THalf) == typeof(Half) ? (float)BitConverter.UInt16BitsToHalf(bits) : BFloat16.FromBits(bits);

    private static ushort ToBits<THalf>(float x) =>
        typeof(THalf) == typeof(Half) ? BitConverter.HalfToUInt16Bits((Half)x) : BFloat16.ToBits((BFloat16)x);

    private static void AreSame<THalf>(ushort actual, ushort expected, string what) => Assert.That(
        actual == expected || (float.IsNaN(ToSingle<THalf>(actual)) && float.IsNaN(ToSingle<THalf>(expected))),
        $"{typeof(THalf).Name}, {what}: {actual:x4}, not {expected:x4}");

    private readonly struct Read<THalf> : ISimdJob<float>
    {
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            ushort* bits = stackalloc ushort[S.Count];
            float* numbers = stackalloc float[S.Count];
            for (int first = 0; first <= ushort.MaxValue; first += S.Count)
            {
                for (int i = 0; i < S.Count; i++)
                {
                    bits[i] = (ushort)(first + i);
                }

                S.Store(numbers, HalfMath.Load<S, V, float, THalf>(bits, S.Count));
                for (int i = 0; i < S.Count; i++)
                {
                    float expected = ToSingle<THalf>(bits[i]);
                    bool isSame =
                        BitConverter.SingleToUInt32Bits(numbers[i]) == BitConverter.SingleToUInt32Bits(expected);
                    Assert.That(isSame || (float.IsNaN(expected) && float.IsNaN(numbers[i])),
                        $"{typeof(THalf).Name} {bits[i]:x4}");
                }
            }
        }
    }

    private readonly struct Write<THalf> : ISimdJob<float>
    {
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            // Each number of 16 bits, its neighbors in float32, and those of the middle between it and the next.
            float[] numbers = [.. Enumerable.Range(0, ushort.MaxValue + 1).SelectMany(bits =>
            {
                uint at = BitConverter.SingleToUInt32Bits(ToSingle<THalf>((ushort)bits));
                uint half = typeof(THalf) == typeof(Half) ? 1u << 12 : 1u << 15;
                return ((uint[])[at, at + 1, at - 1, at + half, at + half + 1, at + half - 1]).Select(
                    BitConverter.UInt32BitsToSingle);
            })];
            ushort* bits = stackalloc ushort[S.Count];
            float* rounded = stackalloc float[S.Count];
            for (int first = 0; first <= numbers.Length - S.Count; first += S.Count)
            {
                fixed (float* from = numbers)
                {
                    V x = S.Load(from + first);
                    HalfMath.Store<S, V, float, THalf>(bits, x, S.Count);
                    S.Store(rounded, HalfMath.Round<S, V, float, THalf>(x));
                }

                for (int i = 0; i < S.Count; i++)
                {
                    float x = numbers[first + i];
                    AreSame<THalf>(bits[i], ToBits<THalf>(x), $"{x:R} stored");
                    AreSame<THalf>(ToBits<THalf>(rounded[i]), ToBits<THalf>(x), $"{x:R} rounded");
                    Assert.That(float.IsNaN(x) || ToSingle<THalf>(bits[i]) == rounded[i], $"{x:R}");
                }
            }
        }
    }
}
