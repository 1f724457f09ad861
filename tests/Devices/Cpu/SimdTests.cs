using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class SimdTests
{
    private static readonly float[] s_values =
        [0f, -0f, 1f, -1f, 0.5f, 1.5f, -2.5f, 3.7f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1e-42f];

    [Test]
    public void Lane_operations_do_as_their_scalar_namesakes(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width) =>
        Widths.Run<float, Lanes>(width, default);

    [Test]
    public void Partial_loads_and_stores_touch_only_their_lanes(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Partial<float>>(width, default);
        Widths.Run<double, Partial<double>>(width, default);
        Widths.Run<int, Partial<int>>(width, default);
    }

    [Test]
    public void Lanes_are_taken_apart_and_put_together_by_turns(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Turns<float>>(width, default);
        Widths.Run<double, Turns<double>>(width, default);
        Widths.Run<int, Turns<int>>(width, default);
    }

    [Test]
    public void Lanes_are_reduced_in_a_fixed_order([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Reduce<float>>(width, default);
        Widths.Run<double, Reduce<double>>(width, default);
        Widths.Run<int, Reduce<int>>(width, default);
    }

    [Test]
    public void The_dispatched_width_is_the_hardwares()
    {
        var job = new CountLanes();
        Simd.Dispatch<float, CountLanes>(ref job);

        Assert.That(job.Lanes * sizeof(float), Is.EqualTo(Simd.Width));
    }

    private struct CountLanes : ISimdJob<float>
    {
        public int Lanes;

        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct => Lanes = S.Count;
    }

    private readonly struct Lanes : ISimdJob<float>
    {
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            foreach (float x in s_values)
            {
                foreach (float y in s_values)
                {
                    V a = S.Splat(x), b = S.Splat(y);
                    Same<S, V>(S.Add(a, b), x + y, $"{x} + {y}");
                    Same<S, V>(S.Sub(a, b), x - y, $"{x} - {y}");
                    Same<S, V>(S.Mul(a, b), x * y, $"{x} * {y}");
                    Same<S, V>(S.Div(a, b), x / y, $"{x} / {y}");
                    Same<S, V>(S.Fma(a, b, S.Const(2)), (x * y) + 2f, $"{x} * {y} + 2");
                    Same<S, V>(S.Min(a, b), MathF.Min(x, y), $"min {x} {y}");
                    Same<S, V>(S.Max(a, b), MathF.Max(x, y), $"max {x} {y}");
                    Same<S, V>(S.Select(S.Less(a, b), a, b), x < y ? x : y, $"{x} < {y}");
                    Same<S, V>(S.Select(S.LessOrEqual(a, b), a, b), x <= y ? x : y, $"{x} <= {y}");
                    Same<S, V>(S.Select(S.Equal(a, b), S.Zero, S.Const(1)), x == y ? 0 : 1, $"{x} == {y}");
                    if (!float.IsNaN(x))
                    {
                        Same<S, V>(S.Add(S.MaxNative(a, b), S.Zero), MathF.Max(x, y) + 0f, $"native max {x} {y}");
                        Same<S, V>(S.Add(S.MinNative(a, b), S.Zero), MathF.Min(x, y) + 0f, $"native min {x} {y}");
                    }
                }

                V v = S.Splat(x);
                Same<S, V>(S.Abs(v), MathF.Abs(x), $"abs {x}");
                Same<S, V>(S.Neg(v), -x, $"neg {x}");
                Same<S, V>(S.Sqrt(v), MathF.Sqrt(x), $"sqrt {x}");
                Same<S, V>(S.Round(v), MathF.Round(x), $"round {x}");
                Same<S, V>(S.Floor(v), MathF.Floor(x), $"floor {x}");
                Same<S, V>(S.Ceiling(v), MathF.Ceiling(x), $"ceiling {x}");
                Same<S, V>(S.Truncate(v), MathF.Truncate(x), $"truncate {x}");
                int bits = BitConverter.SingleToInt32Bits(x);
                Same<S, V>(S.ShiftRight(v, 3), BitConverter.Int32BitsToSingle(bits >>> 3), $"{x} >>> 3");
                Same<S, V>(S.ShiftLeft(v, 3), BitConverter.Int32BitsToSingle(bits << 3), $"{x} << 3");
                Same<S, V>(
                    S.Xor(S.AndNot(v, S.ConstBits(0xFF)), S.ConstBits(0x10)),
                    BitConverter.Int32BitsToSingle((bits & ~0xFF) ^ 0x10),
                    $"bits of {x}");
            }

            Assert.That(S.MaskBits(S.Less(S.Zero, S.Const(1))), Is.EqualTo((1UL << S.Count) - 1));
            Assert.That(S.MaskBits(S.Not(S.Equal(S.Zero, S.Zero))), Is.Zero);
        }

        private static void Same<S, V>(V actual, float expected, string what)
            where S : struct, ISimd<V, float> where V : struct
        {
            float* lanes = stackalloc float[S.Count];
            S.Store(lanes, actual);
            for (int i = 0; i < S.Count; i++)
            {
                bool same = BitConverter.SingleToInt32Bits(lanes[i]) == BitConverter.SingleToInt32Bits(expected);
                same |= float.IsNaN(lanes[i]) && float.IsNaN(expected);
                Assert.That(same, $"{what}: {lanes[i]}, not {expected}");
            }
        }
    }

    private readonly struct Turns<T> : ISimdJob<T>
        where T : unmanaged, System.Numerics.INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            T[] numbers = [.. Enumerable.Range(0, 2 * S.Count).Select(T.CreateChecked)];
            fixed (T* from = numbers)
            {
                V a = S.Load(from), b = S.Load(from + S.Count);
                Assert.That(Of<S, V>(S.Even(a, b)), Is.EqualTo(numbers.Where((_, i) => i % 2 == 0)));
                Assert.That(Of<S, V>(S.Odd(a, b)), Is.EqualTo(numbers.Where((_, i) => i % 2 == 1)));
                Assert.That(Of<S, V>(S.ZipLow(S.Even(a, b), S.Odd(a, b))), Is.EqualTo(numbers[..S.Count]));
                Assert.That(Of<S, V>(S.ZipHigh(S.Even(a, b), S.Odd(a, b))), Is.EqualTo(numbers[S.Count..]));
            }
        }

        private static T[] Of<S, V>(V vector) where S : struct, ISimd<V, T> where V : struct
        {
            var lanes = new T[S.Count];
            fixed (T* to = lanes)
            {
                S.Store(to, vector);
            }

            return lanes;
        }
    }

    private readonly struct Partial<T> : ISimdJob<T>
        where T : unmanaged, System.Numerics.INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            T* from = stackalloc T[S.Count], to = stackalloc T[S.Count];
            for (int count = 0; count <= S.Count; count++)
            {
                for (int i = 0; i < S.Count; i++)
                {
                    from[i] = T.CreateChecked(i + 1);
                    to[i] = -T.One;
                }

                S.StorePartial(to, S.Load(from), count);
                S.Store(from, S.LoadPartial(from, count));
                for (int i = 0; i < S.Count; i++)
                {
                    Assert.That(from[i], Is.EqualTo(i < count ? T.CreateChecked(i + 1) : T.Zero));
                    Assert.That(to[i], Is.EqualTo(i < count ? T.CreateChecked(i + 1) : -T.One));
                }
            }
        }
    }

    private readonly struct Reduce<T> : ISimdJob<T>
        where T : unmanaged, System.Numerics.INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            var random = new Random(3);
            var lanes = new T[S.Count];
            for (int i = 0; i < lanes.Length; i++)
            {
                lanes[i] = T.CreateTruncating((random.NextDouble() - 0.5) * 1e9);
            }

            T[] sums = lanes;
            while (sums.Length > 1)
            {
                int half = sums.Length / 2;
                sums = [.. Enumerable.Range(0, half).Select(i => sums[i] + sums[i + half])];
            }

            fixed (T* p = lanes)
            {
                Assert.That(S.Sum(S.Load(p)), Is.EqualTo(sums[0]));
                Assert.That(S.MinLane(S.Load(p)), Is.EqualTo(lanes.Min()));
                Assert.That(S.MaxLane(S.Load(p)), Is.EqualTo(lanes.Max()));
            }
        }
    }
}
