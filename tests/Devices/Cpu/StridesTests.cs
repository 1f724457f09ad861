using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class StridesTests
{
    [Test]
    public void A_row_is_split_into_its_phases_and_the_phases_are_added_to_it_again(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, Job<float>>(width, default);
        Widths.Run<double, Job<double>>(width, default);
    }

    private readonly struct Job<T> : ISimdJob<T>
        where T : unmanaged, INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            foreach (int stride in (int[])[1, 2, 3, 5])
            {
                for (int count = 0; count < 70; count += 1 + (count / 20))
                {
                    Check<S, V>(stride, count, pad: 0);
                    Check<S, V>(stride, count, pad: 1 + (count % 4));
                }
            }
        }

        private static void Check<S, V>(int stride, int count, int pad) where S : struct, ISimd<V, T> where V : struct
        {
            int length = (count + pad + stride - 1) / stride;
            using Native<T> row = new(count), phases = new(stride * length);
            for (int i = 0; i < count; i++)
            {
                row[i] = T.CreateChecked(i + 1);
            }

            phases.Span.Clear();

            Strides<S, V, T>.Split(stride, count, row.Pointer, phases.Pointer, length, pad);

            var expected = new T[phases.Count];
            for (int i = 0; i < count; i++)
            {
                expected[((i + pad) % stride * length) + ((i + pad) / stride)] = row[i];
            }

            string what = $"{count} elements by {stride} behind {pad}";
            Assert.That(phases.Span.SequenceEqual(expected), $"split of {what}");

            Strides<S, V, T>.AddJoined(stride, count, phases.Pointer, length, pad, row.Pointer);

            for (int i = 0; i < count; i++)
            {
                Assert.That(row[i], Is.EqualTo(T.CreateChecked(2 * (i + 1))), $"element {i} of {what}");
            }
        }
    }
}
