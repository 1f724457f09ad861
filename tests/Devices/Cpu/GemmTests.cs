using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public unsafe class GemmTests
{
    private static readonly int[] s_dimensions = [0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 16, 17, 31, 32, 33, 64, 67];

    public static IEnumerable<object[]> Transposes() =>
        from a in new[] { false, true } from b in new[] { false, true } select new object[] { a, b };

    [TestCaseSource(nameof(Transposes))]
    public void Products_of_all_shapes_are_those_of_the_plain_loop(bool transposeA, bool transposeB)
    {
        var random = new Random(5);
        for (int i = 0; i < 100; i++)
        {
            int Dimension() => s_dimensions[random.Next(s_dimensions.Length)];
            var shape = new GemmShape(Dimension(), Dimension(), Dimension(), transposeA, transposeB);
            foreach (int width in Widths.All)
            {
                Check<float>(shape, width, random);
                Check<double>(shape, width, random);
            }
        }
    }

    [Test]
    public void A_tile_of_any_height_is_that_of_the_plain_loop(
        [ValueSource(typeof(Widths), nameof(Widths.All))] int width)
    {
        Widths.Run<float, TileJob<float>>(width, default);
        Widths.Run<double, TileJob<double>>(width, default);
    }

    [TestCase(97, 50, 600)]
    [TestCase(131, 270, 257)]
    [TestCase(200, 3, 513)]
    [TestCase(5, 700, 300)]
    [TestCase(2, 700, 601)]
    [TestCase(2, 17000, 9)]
    [TestCase(3, 2070, 1030)]
    public void Products_larger_than_a_cache_block_are_those_of_the_plain_loop(int m, int n, int k)
    {
        var random = new Random(6);
        foreach (object[] t in Transposes())
        {
            foreach (int width in Widths.All)
            {
                Check<float>(new GemmShape(m, n, k, (bool)t[0], (bool)t[1]), width, random);
            }

            Check<double>(new GemmShape(m, n, k, (bool)t[0], (bool)t[1]), 256, random);
        }
    }

    [TestCase(128, 100, 1024, false, false)]
    [TestCase(128, 200, 576, false, false)]
    [TestCase(30, 100, 2048, false, true)]
    [TestCase(20, 20, 5000, true, false)]
    [TestCase(100, 130, 2049, true, false)]
    [TestCase(300, 290, 200, false, true)]
    [TestCase(1000, 33, 64, true, true)]
    [TestCase(1, 1, 5000, false, false)]
    [TestCase(1, 3000, 1030, false, false)]
    [TestCase(10, 2100, 1030, true, false)]
    [TestCase(500, 700, 40, true, false)]
    [TestCase(0, 10, 10, false, false)]
    [TestCase(10, 10, 0, false, false)]
    [TestCase(700, 1, 700, false, false)]
    public void The_teams_product_has_the_same_bits_for_any_number_of_threads(int m, int n, int k, bool ta, bool tb)
    {
        var random = new Random(7);
        var shape = new GemmShape(m, n, k, ta, tb);
        using Problem<float> problem = new(shape, random) { Beta = 0.5f, HasRowBias = true, HasColumnBias = true };
        float[][] results = [.. new[] { 1, 2, 3, 16 }.Select(threads =>
        {
            using var team = new ThreadTeam(threads);
            using var workspace = new Native<float>((Gemm.WorkspaceBytes<float>(shape, threads) + 3) / 4);
            problem.Reset();
            team.Run(Gemm.Phases(shape, problem.Arguments, workspace.Bytes, threads));
            return problem.C.Span.ToArray();
        })];

        problem.Check("by phases");
        Assert.That(results[1], Is.EqualTo(results[0]));
        Assert.That(results[2], Is.EqualTo(results[0]));
        Assert.That(results[3], Is.EqualTo(results[0]));
    }

    [Test]
    public void A_beta_of_0_replaces_even_what_is_not_a_number()
    {
        float one = 1, result = float.NaN;
        var shape = new GemmShape(1, 1, 1);
        using var scratch = new Native<float>((Gemm.ScratchBytes<float>(shape) + 3) / 4);

        var arguments = new GemmArguments<float> { A = &one, B = &one, C = &result, Lda = 1, Ldb = 1, Ldc = 1 };
        Gemm.Block(shape, arguments, scratch.Bytes);

        Assert.That(result, Is.EqualTo(1));
    }

    /// <summary>
    /// The process's memory may end where a matrix ends: operands are read directly from a user's array.
    /// </summary>
    [Test]
    [Platform("Linux")]
    public void Nothing_behind_a_matrix_is_read([Values] bool transposeA, [Values] bool transposeB)
    {
        foreach ((int m, int n, int k) in (ReadOnlySpan<(int, int, int)>)[
            (1, 1, 1), (3, 5, 7), (13, 33, 17), (40, 65, 70), (70, 100, 300)])
        {
            var shape = new GemmShape(m, n, k, transposeA, transposeB);
            float[] ones = [.. Enumerable.Repeat(1f, Math.Max(m, n) * k)];
            using Guarded a = new(ones.AsSpan(0, m * k)), b = new(ones.AsSpan(0, k * n));
            using var c = new Native<float>(m * n);
            foreach (int width in Widths.All)
            {
                Widths.Run<float, GuardedJob>(width, new GuardedJob
                {
                    Shape = shape,
                    Arguments = new()
                    {
                        A = a.Pointer,
                        B = b.Pointer,
                        C = c.Pointer,
                        Lda = transposeA ? m : k,
                        Ldb = transposeB ? k : n,
                        Ldc = n,
                    },
                });
                Assert.That(c.Span.ToArray(), Is.All.EqualTo(k), $"{shape} at {width} bits");
            }
        }
    }

    private static void Check<T>(GemmShape shape, int width, Random random)
        where T : unmanaged, INumber<T>
    {
        using Problem<T> problem = new(shape, random)
        {
            Beta = T.CreateChecked(random.Next(3) / 2.0),
            HasRowBias = random.Next(2) == 0,
            HasColumnBias = random.Next(2) == 0,
        };
        problem.Reset();
        Widths.Run<T, Job<T>>(width, new Job<T> { Problem = problem });
        problem.Check($"{typeof(T).Name} at {width} bits");
    }

    private readonly struct TileJob<T> : ISimdJob<T>
        where T : unmanaged, INumber<T>
    {
        public void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            const int Depth = 19, Rows = 12, Lda = 21;
            var random = new Random(12);
            int width = 2 * S.Count;
            using Native<T> a = new(Rows * Lda, random), b = new(Depth * width, random), bias = new(Rows, random);
            for (int mode = 0; mode < 4 * Rows; mode++)
            {
                (int rows, bool wide, bool add) = ((mode / 4) + 1, mode % 2 == 0, mode % 4 < 2);
                int columns = wide ? width : S.Count;
                using var c = new Native<T>(rows * width, random);
                T[] before = c.Span.ToArray();
                var tile = new Tile<T> { Depth = Depth, RowStep = Lda, DepthStep = 1, Ldb = width, Ldc = width };
                (tile.BiasStep, tile.Add) = (1, add);
                tile.A = a.Pointer;
                tile.B = b.Pointer;
                tile.C = c.Pointer;
                tile.Bias = bias.Pointer;

                MicroKernel<S, V, T>.Run(rows, wide, tile);

                for (int i = 0; i < rows * width; i++)
                {
                    (int row, int column) = Math.DivRem(i, width);
                    T expected = add || column >= columns ? before[i] : T.Zero;
                    if (column < columns)
                    {
                        expected += bias[row];
                        for (int k = 0; k < Depth; k++)
                        {
                            expected += a[(row * Lda) + k] * b[(k * width) + column];
                        }
                    }

                    double error = double.CreateChecked(c[i] - expected);
                    Assert.That(error, Is.Zero.Within(5e-6), $"{rows} rows, wide {wide}, add {add}: element {i}");
                }
            }
        }
    }

    private struct Job<T> : ISimdJob<T>
        where T : unmanaged, INumber<T>
    {
        public Problem<T> Problem;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            using var scratch = new Native<T>(GemmBlock<S, V, T>.ScratchBytes(Problem.Shape) / sizeof(T));
            GemmBlock<S, V, T>.Run(Problem.Shape, Problem.Arguments, scratch.Bytes);
        }
    }

    private struct GuardedJob : ISimdJob<float>
    {
        public GemmShape Shape;
        public GemmArguments<float> Arguments;

        public readonly void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            using var scratch = new Native<float>(GemmBlock<S, V, float>.ScratchBytes(Shape) / sizeof(float));
            GemmBlock<S, V, float>.Run(Shape, Arguments, scratch.Bytes);
        }
    }

    /// <summary>Random matrices with larger row distances than needed, and their expected product.</summary>
    private sealed class Problem<T> : IDisposable
        where T : unmanaged, INumber<T>
    {
        private readonly Native<T> _a, _b, _rowBias, _columnBias;
        private readonly int _lda, _ldb, _ldc;
        private readonly T[] _before;

        public Problem(GemmShape shape, Random random)
        {
            Shape = shape;
            (int m, int n, int k, bool ta, bool tb) = shape;
            (_lda, _ldb, _ldc) = ((ta ? m : k) + random.Next(3), (tb ? k : n) + random.Next(3), n + random.Next(3));
            _a = Matrix(ta ? k : m, ta ? m : k, _lda, random);
            _b = Matrix(tb ? n : k, tb ? k : n, _ldb, random);
            C = Matrix(m, n, _ldc, random);
            (_rowBias, _columnBias) = (new Native<T>(m, random), new Native<T>(n, random));
            _before = C.Span.ToArray();
        }

        public GemmShape Shape { get; }

        public T Beta { get; init; }

        public bool HasRowBias { get; init; }

        public bool HasColumnBias { get; init; }

        public Native<T> C { get; }

        public GemmArguments<T> Arguments => new()
        {
            A = _a.Pointer,
            B = _b.Pointer,
            C = C.Pointer,
            Lda = _lda,
            Ldb = _ldb,
            Ldc = _ldc,
            Beta = Beta,
            RowBias = HasRowBias ? _rowBias.Pointer : null,
            ColumnBias = HasColumnBias ? _columnBias.Pointer : null,
        };

        /// <summary>Restores C; if beta is 0, C need not contain numbers.</summary>
        public void Reset()
        {
            _before.CopyTo(C.Span);
            for (int i = 0; i < Shape.M && Beta == T.Zero; i++)
            {
                C.Span.Slice(i * _ldc, Shape.N).Fill(T.CreateChecked(double.NaN));
            }
        }

        public void Check(string how)
        {
            double tolerance = (Shape.K + 4) * (typeof(T) == typeof(float) ? 3e-7 : 1e-15);
            (int m, int n, int depth, bool ta, bool tb) = Shape;
            double[] a = Doubles(_a), b = Doubles(_b), row = new double[n];
            for (int i = 0; i < m; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    row[j] = Beta == T.Zero ? 0 : double.CreateChecked(_before[(i * _ldc) + j] * Beta);
                    row[j] += HasRowBias ? double.CreateChecked(_rowBias[i]) : 0;
                    row[j] += HasColumnBias ? double.CreateChecked(_columnBias[j]) : 0;
                }

                for (int k = 0; k < depth; k++)
                {
                    double x = a[ta ? (k * _lda) + i : (i * _lda) + k];
                    for (int j = 0; j < n; j++)
                    {
                        row[j] += x * b[tb ? (j * _ldb) + k : (k * _ldb) + j];
                    }
                }

                for (int j = 0; j < n; j++)
                {
                    T result = C[(i * _ldc) + j];
                    if (!(Math.Abs(double.CreateChecked(result) - row[j]) <= tolerance))
                    {
                        Assert.Fail($"{Shape}, {how}: C[{i}, {j}] is {result}, not {row[j]}.");
                    }
                }
            }

            for (int gap = 0; gap < C.Count; gap++)
            {
                if (gap % _ldc >= Shape.N && C[gap] != _before[gap])
                {
                    Assert.Fail($"{Shape}, {how}: what lies between the rows of C was written.");
                }
            }
        }

        public void Dispose()
        {
            foreach (Native<T> memory in new[] { _a, _b, C, _rowBias, _columnBias })
            {
                memory.Dispose();
            }
        }

        private static double[] Doubles(Native<T> matrix) =>
            Array.ConvertAll(matrix.Span.ToArray(), double.CreateChecked);

        private static Native<T> Matrix(int rows, int columns, int ld, Random random) =>
            new(rows == 0 ? 0 : ((rows - 1) * ld) + columns, random);
    }
}
