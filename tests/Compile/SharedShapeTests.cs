using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Threads;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>Shared variables with unknown dimensions take values of other shapes, and functions follow them.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class SharedShapeTests(bool isGpu)
{
    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    /// <summary>
    /// Functions of a matrix with any number of rows and three columns, and their equivalents in NumPy.
    /// </summary>
    private static IEnumerable<TestCaseData> Functions =>
    [
        Of("sums of rows", x => Sum(x, [1])),
        Of("a sum", x => Sum(x)),
        Of("a view", x => Reshape(x, 3, -1)),
        Of("itself", x => x),
        Of("a dimension", x => DimensionOf(x, 0)),
        Of("rows made by a dimension", x => x + Cast(ExpandDims(ARange(DimensionOf(x, 0)), 1), DType.Float32)),
        Of("a product", x => Dot(x, Transpose(x))),
        Of("a gradient", x => Grad(Sum(Square(x)), x)),
        Of("a loop over rows", x => Scan(step => step[0] + step[1], [x], [Zeros(3)])[0]),
        Of("a choice", x => IfElse(Greater(Sum(x), 0), Sum(x, [0]), Max(x, [0]))),
        Of("constants of its rows", x => Concat(0, x, ZerosLike(x))),
    ];

    [TestCaseSource(nameof(Functions))]
    public void A_function_follows_the_shape(Func<Variable, Variable> of)
    {
        using SharedVariable x = Shared(Rows(2), [Shape.Unknown, 3], "x");
        using var f = Function.Compile([], [of(x)], device: Device);

        // To smaller and larger values, and to a shape that was used before.
        foreach (int rows in (int[])[2, 5, 1, 40, 5, 2, 40])
        {
            x.SetValue(Rows(rows));
            Tensor expected = of(Constant(Rows(rows))).Eval();

            Tensor actual = f.Call()[0];

            Assert.That(actual.Shape, Is.EqualTo(expected.Shape), $"{rows} rows");
            Assert.That(NdArray.From(actual).Data, Is.EqualTo(NdArray.From(expected).Data), $"{rows} rows");
            Assert.That(x.GetValue().Shape, Is.EqualTo(new Shape(rows, 3)));
        }
    }

    [Test]
    public void Plans_are_kept_for_each_shape_until_the_value_has_to_move()
    {
        using SharedVariable x = Shared(Rows(5), [Shape.Unknown, 3], "x");
        using var f = Function.Compile([], [x * 2], device: Device);
        f.Run();
        Plan first = f.Plans[0];

        x.SetValue(Rows(4));
        f.Run();
        x.SetValue(Rows(5));
        f.Run();

        Assert.That(f.Plans, Has.Count.EqualTo(2));
        Assert.That(f.Plans[0], Is.SameAs(first));

        x.SetValue(Rows(6));
        f.Run();

        Assert.That(f.Plans, Has.Count.EqualTo(1), "plans that read memory which is given up");
    }

    [Test]
    public void Updates_follow_the_shape()
    {
        using SharedVariable x = Shared(Rows(2), Shape.OfRank(2), "x");
        using var f = Function.Compile([], [Sum(x)], [new(x, x + 1)], device: Device);
        f.Run();

        x.SetValue(Rows(4));
        Tensor before = f.Call()[0];

        Assert.That(before.AsSpan<float>()[0], Is.EqualTo(66));
        Assert.That(x.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(Enumerable.Range(1, 12)));
    }

    [Test]
    public void Arguments_and_the_shape_choose_the_plan_together()
    {
        Input y = Matrix("y");
        using SharedVariable x = Shared(Rows(2), Shape.OfRank(2), "x");
        using var f = Function.Compile([y], [Dot(x, y)], device: Device);
        foreach ((int rows, int columns) in ((int, int)[])[(2, 1), (2, 4), (3, 4), (3, 1), (2, 4)])
        {
            x.SetValue(Rows(rows));

            Assert.That(f.Call(new Tensor(DType.Float32, [3, columns]))[0].Shape, Is.EqualTo(new Shape(rows, columns)));
        }
    }

    [Test]
    public void A_shape_set_between_the_runs_of_many_is_followed()
    {
        using SharedVariable x = Shared(Rows(2), Shape.OfRank(2), "x"), count = Shared(Tensor.Scalar(0), "count");
        using var f = Function.Compile([], [Sum(x)], [new(count, count + 1)], device: Device);

        Crowd.Do(2, number =>
        {
            for (int i = 0; i < 50; i++)
            {
                if (number == 0)
                {
                    f.RunMany(20);
                }
                else
                {
                    x.SetValue(Rows(1 + (i * 7 % 30)));
                }
            }
        });

        Assert.That(count.GetScalar<int>(), Is.EqualTo(1000));
    }

    [Test]
    public void A_value_of_another_shape_is_set_whole()
    {
        using SharedVariable x = Shared(Rows(2), Shape.OfRank(2), "x");
        using var f = Function.Compile([], [x * 1, DimensionOf(x, 0)], device: Device);
        int wrong = 0;

        Crowd.Do(4, number =>
        {
            for (int i = 0; i < (isGpu ? 20 : 200); i++)
            {
                if (number == 0)
                {
                    x.SetValue(Rows(1 + (i * 7 % 30)));
                    continue;
                }

                Tensor[] results = number == 1 ? [x.GetValue()] : f.Call();
                Interlocked.Add(ref wrong,
                    results[0].AsSpan<float>().SequenceEqual(Rows(results[0].Shape[0]).AsSpan<float>()) ? 0 : 1);
            }
        });

        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void A_copy_of_a_function_may_use_another_variable_of_the_type()
    {
        using SharedVariable x = Shared(Rows(2), [Shape.Unknown, 3], "x"), y = Shared(Rows(7), [Shape.Unknown, 3], "y");
        using var f = Function.Compile([], [Sum(x)], device: Device);
        using Function g = f.Copy(new Dictionary<SharedVariable, SharedVariable> { [x] = y });

        Assert.That(g.Call()[0].AsSpan<float>()[0], Is.EqualTo(210));
    }

    [Test]
    public void A_run_with_a_shape_that_was_there_allocates_nothing()
    {
        using SharedVariable x = Shared(Rows(2), [Shape.Unknown, 3], "x");
        using var f = Function.Compile([], [Sum(x)], device: _cpu);
        for (int i = 0; i < 100; i++)
        {
            f.Run();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            f.Run();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void What_the_type_does_not_leave_open_is_refused()
    {
        using SharedVariable known = Shared(Rows(2), "known"), open = Shared(Rows(2), [Shape.Unknown, 3], "open");

        Assert.That(Message(() => known.SetValue(Rows(3))),
            Is.EqualTo("The shared variable 'known' is float32 (2, 3) and cannot take a float32 (3, 3)."));
        Assert.That(Message(() => open.SetValue(new Tensor(DType.Float32, [3, 2]))),
            Is.EqualTo("The shared variable 'open' is float32 (?, 3) and cannot take a float32 (3, 2)."));
        Assert.That(Message(() => open.SetValue(new Tensor(DType.Float64, [2, 3]))),
            Does.Contain("cannot take a float64 (2, 3)"));
        Assert.That(Message(() => open.SetValue(Tensor.From([1f]))), Does.Contain("cannot take a float32 (1)"));
        Assert.That(Message(() => Shared(Rows(2), [Shape.Unknown, 4], "w")), Does.Contain("is float32 (?, 4)"));
        Assert.That(Message(() => open.ReadValue(new byte[25])), Does.Contain("float32 (2, 3), has 24 bytes, not 25"));
        using var f = Function.Compile([], [], [new(open, Concat(0, open, open))], device: Device);
        Assert.That(Message(() => f.Run()), Does.Contain("turned out as float32 (4, 3)"));

        static string Message(Action act) => Assert.Throws<EngineException>(() => act())!.Message;
    }

    private static Tensor Rows(int rows) =>
        Tensor.From(Enumerable.Range(0, 3 * rows).Select(i => (float)i).ToArray(), rows, 3);

    private static TestCaseData Of(string name, Func<Variable, Variable> of) =>
        new TestCaseData(of).SetArgDisplayNames(name);
}
