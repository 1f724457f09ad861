using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class RowsTests
{
    [Test]
    public void Rows_become_columns([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        foreach ((int rows, int columns) in new[] { (1, 3), (16, 16), (8, 4), (17, 33), (40, 19), (2, 70), (64, 128) })
        {
            Transpose<float>(width, rows, columns);
            Transpose<double>(width, rows, columns);
        }
    }

    [Test]
    public void The_first_maximum_is_found([ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, MaxJob<float>>(width, default);
        Widths.Run<double, MaxJob<double>>(width, default);
    }

    private static void Transpose<T>(int width, int rows, int columns)
        where T : unmanaged, INumber<T>
    {
        int ldFrom = columns + 3, ldTo = rows + 1;
        using Native<T> from = new(rows * ldFrom, new Random(3)), to = new(columns * ldTo);
        T[] before = to.Span.ToArray();
        var job = new Transposition.Job<T> { Rows = rows, Columns = columns, LdFrom = ldFrom, LdTo = ldTo };
        job.From = from.Pointer;
        job.To = to.Pointer;

        Widths.Run<T, Transposition.Job<T>>(width, job);

        for (int i = 0; i < to.Count; i++)
        {
            (int column, int row) = Math.DivRem(i, ldTo);
            Assert.That(to[i], Is.EqualTo(row < rows ? from[(row * ldFrom) + column] : before[i]));
        }
    }

    /// <summary>Uses few different numbers, so that there are equal ones, and NaNs among them.</summary>
    private readonly struct MaxJob<T> : ISimdJob<T>
        where T : unmanaged, INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            var random = new Random(4);
            for (int draw = 0; draw < 300; draw++)
            {
                int rows = random.Next(1, 40), columns = random.Next(1, 70), kinds = random.Next(1, 9);
                using var x = new Native<T>(rows * columns, random);
                for (int i = 0; i < x.Count; i++)
                {
                    double value = random.Next(kinds) - 4;
                    x[i] = T.CreateTruncating(value == 2 ? double.NaN : value == -4 ? double.NegativeInfinity : value);
                }

                using var y = new Native<int>(columns);
                ArgMaxRows<S, V, T>.OfColumns(x.Pointer, rows, columns, columns, y.Pointer);

                for (int j = 0; j < columns; j++)
                {
                    Assert.That(y[j], Is.EqualTo(First(x.Span, j, columns, rows)));
                }

                for (int i = 0; i < rows; i++)
                {
                    int argmax = ArgMaxRows<S, V, T>.OfRow(x.Pointer + (i * columns), columns);
                    Assert.That(argmax, Is.EqualTo(First(x.Span, i * columns, 1, columns)));
                }
            }
        }

        private static int First(Span<T> x, int start, int step, int count)
        {
            int best = 0;
            for (int i = 1; i < count; i++)
            {
                (T value, T max) = (x[start + (i * step)], x[start + (best * step)]);
                best = value > max || (T.IsNaN(value) && !T.IsNaN(max)) ? i : best;
            }

            return best;
        }
    }
}
