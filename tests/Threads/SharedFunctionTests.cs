using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Threads;

/// <summary>Functions and shared variables that several threads use at the same time.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class SharedFunctionTests(bool onGpu) : IDisposable
{
    private readonly Device _device = onGpu ? new CudaDevice(GpuOptions()) : new CpuDevice(2);

    private int Calls => onGpu ? 40 : 2000;

    /// <summary>Enough elements to keep a processor busy until another thread comes between.</summary>
    private int Large => onGpu ? 500 : 30_000;

    public void Dispose() => _device.Dispose();

    [Test]
    public void Each_call_gets_the_results_of_its_own_arguments()
    {
        Input x = Matrix("x");
        SharedVariable w = Shared(Tensor.From(Values(6, 1), 2, 3), "w");
        using var f = Function.Compile([x], [Softmax(Dot(x, w)), Sum(x)], device: _device);
        Tensor[] arguments = [.. Enumerable.Range(1, 20).Select(rows => Tensor.From(Values(rows * 2, rows), rows, 2))];
        Tensor[][] expected = [.. arguments.Select(argument => f.Call(argument))];

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < Calls; i++)
            {
                int which = (i + number) % arguments.Length;
                Tensor[] results = f.Call(arguments[which]);
                RequireSame(results, expected[which]);
            }
        });
    }

    [Test]
    public void First_calls_all_at_once_are_right()
    {
        for (int round = 0; round < (onGpu ? 2 : 10); round++)
        {
            Input x = Matrix("x");
            using var f = Function.Compile([x], [Tanh(x) * 2, Sum(x, [0])], device: _device);
            Crowd.Do(Crowd.Threads, number =>
            {
                Tensor argument = Tensor.From(Values(6, number), 3, 2);
                Tensor[] first = f.Call(argument);
                Assert.That(
                    first[0].AsSpan<float>()[5], Is.EqualTo(2 * MathF.Tanh(argument.AsSpan<float>()[5])).Within(1e-6));
                RequireSame(f.Call(argument), first);
            });
        }
    }

    [Test]
    public void Updates_of_many_threads_come_one_after_the_other()
    {
        SharedVariable counter = Shared(new Tensor(DType.Int32, [Large]), "counter");
        using var next = Function.Compile([], [counter + 1], [new(counter, counter + 1)], device: _device);
        int calls = Calls / 8;
        var seen = new bool[(Crowd.Threads * calls) + 1];

        Crowd.Do(Crowd.Threads, _ =>
        {
            for (int i = 0; i < calls; i++)
            {
                seen[next.Call()[0].AsSpan<int>()[0]] = true;
            }
        });

        Assert.That(
            counter.GetValue().AsSpan<int>().IndexOfAnyExcept(Crowd.Threads * calls), Is.Negative, "no update is lost");
        Assert.That(seen.Count(value => value), Is.EqualTo(Crowd.Threads * calls), "each call has a number of its own");
    }

    [Test]
    public void Who_reads_sees_all_that_a_step_changes_or_nothing_of_it()
    {
        SharedVariable a = Shared(new Tensor(DType.Float32, [Large]), "a");
        SharedVariable b = Shared(new Tensor(DType.Float32, [300]), "b");
        int calls = Calls / 16;
        using var step = Function.Compile([], [], [new(a, a + 1), new(b, b + 1)], device: _device);
        using var read = Function.Compile([], [a * 1, b * 1], device: _device);
        int torn = 0;

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < calls; i++)
            {
                if (number < 2)
                {
                    step.RunMany(3);
                    continue;
                }

                Tensor[] values = number == 2 ? [a.GetValue()] : read.Call();
                float first = values[0].AsSpan<float>()[0];
                bool isTorn = values.Any(value => value.AsSpan<float>().ContainsAnyExcept(first));
                Interlocked.Add(ref torn, isTorn ? 1 : 0);
            }
        });

        Assert.That(torn, Is.Zero);
        Assert.That(b.GetValue().AsSpan<float>()[299], Is.EqualTo(2 * calls * 3));
    }

    [Test]
    public void Training_and_predicting_functions_that_share_parameters_work_dimension_by_dimension()
    {
        Input x = Matrix("x");
        SharedVariable w = Shared(new Tensor(DType.Float32, [4, 4]), "w");
        using var train = Function.Compile([x], [Sum(Dot(x, w))], [new(w, w + 1)], device: _device);
        using var predict = Function.Compile([x], [Dot(x, w)], device: _device);
        Tensor one = Tensor.From(Enumerable.Repeat(1f, 4).ToArray(), 1, 4);

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < Calls / 4; i++)
            {
                Tensor result = (number % 2 == 0 ? train : predict).Call(one)[0];
                float[] values = result.AsSpan<float>().ToArray();
                Assert.That(values, Is.All.EqualTo(values[0]));
                Assert.That(values[0] % 4, Is.Zero);
            }
        });
    }

    [Test]
    public void A_value_is_set_whole()
    {
        Tensor[] values = [.. new float[] { 1, 2 }
            .Select(value => Tensor.From(Enumerable.Repeat(value, 10 * Large).ToArray()))];
        SharedVariable w = Shared(values[0], "w");
        using var read = Function.Compile([], [w * 1], device: _device);
        int torn = 0;

        Crowd.Do(4, number =>
        {
            for (int i = 0; i < Calls / 16; i++)
            {
                if (number == 0)
                {
                    w.SetValue(values[i % 2]);
                    continue;
                }

                ReadOnlySpan<float> value = (number == 1 ? w.GetValue() : read.Call()[0]).AsSpan<float>();
                Interlocked.Add(ref torn, value.ContainsAnyExcept(value[0]) ? 1 : 0);
            }
        });

        Assert.That(torn, Is.Zero);
    }

    [Test]
    public void A_call_that_fails_tells_its_own_caller_and_no_other()
    {
        SharedVariable table = Shared(Tensor.From([10f, 20, 30]), "table");
        Input rows = IntVector("rows");
        using var f = Function.Compile([rows], [Gather(table, rows)], device: _device);
        int wrong = 0;

        Crowd.Do(4, number =>
        {
            Tensor argument = Tensor.From([number % 2 == 0 ? 1 : 100 + number]);
            for (int i = 0; i < (onGpu ? 100 : 500); i++)
            {
                try
                {
                    bool isRight = f.Call(argument)[0].AsSpan<float>()[0] == 20 && number % 2 == 0;
                    Interlocked.Add(ref wrong, isRight ? 0 : 1);
                }
                catch (EngineException error)
                {
                    bool isRight = number % 2 == 1 && error.Message.Contains($"{100 + number}");
                    Interlocked.Add(ref wrong, isRight ? 0 : 1);
                }
            }
        });

        Assert.That(wrong, Is.Zero);
    }

    /// <summary>
    /// A kernel's report stays on the device until it is read: by the run of that kernel, and no other.
    /// </summary>
    [Test]
    public void A_fault_of_one_function_is_told_to_its_caller_and_to_no_other()
    {
        const int Functions = 6;
        int count = onGpu ? 1500 : 500, wrong = 0;

        Crowd.Do(Functions, number =>
        {
            SharedVariable table = Shared(Tensor.From([10f, 20, 30 + number]), "table");
            Input rows = IntVector("rows");
            using var f = Function.Compile([rows], [Gather(table, rows)], device: _device);
            bool isGood = number % 2 == 0;
            Tensor argument = Tensor.From([isGood ? 2 : 100 + number]);
            for (int i = 0; i < count; i++)
            {
                string said;
                try
                {
                    said = f.Call(argument)[0].AsSpan<float>()[0] == 30 + number ? "good" : "another's rows";
                }
                catch (EngineException error)
                {
                    said = error.Message.Contains($"The index {100 + number} lies outside an axis of 3")
                        ? "bad"
                        : error.Message;
                }

                Interlocked.Add(ref wrong, said == (isGood ? "good" : "bad") ? 0 : 1);
            }
        });

        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void Disposal_waits_for_the_calls_that_run_and_refuses_later_ones()
    {
        for (int round = 0; round < (onGpu ? 2 : 20); round++)
        {
            Input x = Matrix("x");
            SharedVariable w = Shared(Tensor.From(Values(6, 1), 2, 3), "w");
            var f = Function.Compile([x], [Dot(x, w)], device: _device);
            Tensor argument = Tensor.From(Values(20, 2), 10, 2);
            Tensor[] expected = f.Call(argument);

            Crowd.Do(4, number =>
            {
                for (int i = 0; i < Calls; i++)
                {
                    if (number == 0 && i == 10)
                    {
                        (round % 2 == 0 ? f : (IDisposable)w).Dispose();
                    }

                    try
                    {
                        RequireSame(f.Call(argument), expected);
                    }
                    catch (ObjectDisposedException gone)
                    {
                        Assert.That(gone.Message, Does.Contain(round % 2 == 0 ? "function (x float32" : "'w'"));
                        return;
                    }
                }
            });
            f.Dispose();
            w.Dispose();
        }
    }

    [Test]
    public void Results_go_into_given_tensors_and_nothing_is_allocated()
    {
        Input x = Matrix("x");
        SharedVariable w = Shared(Tensor.From(Values(6, 1), 2, 3), "w"), count = Shared(Tensor.Scalar(0), "count");
        using var f = Function.Compile([x], [Tanh(Dot(x, w)), Sum(x)], [new(count, count + 1)], device: _device);
        Tensor small = Tensor.From(Values(4, 2), 2, 2), large = Tensor.From(Values(64, 3), 32, 2);
        Tensor[] forSmall = [new(DType.Float32, [2, 3]), new(DType.Float32, [])];
        Tensor[] forLarge = [new(DType.Float32, [32, 3]), new(DType.Float32, [])];
        Use();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Use();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        RequireSame(forSmall, f.Call(small));
        RequireSame(forLarge, f.Call(large));

        void Use()
        {
            for (int i = 0; i < (onGpu ? 4 : 100); i++)
            {
                f.Call([small], forSmall);
                f.Call([large], forLarge);
            }
        }
    }

    [Test]
    public void A_tensor_that_an_output_does_not_go_into_is_refused_before_anything_runs()
    {
        Input x = Matrix("x");
        SharedVariable count = Shared(Tensor.Scalar(0), "count");
        using var f = Function.Compile([x], [x * 2], [new(count, count + 1)], device: _device);
        Tensor argument = Tensor.From(Values(6, 1), 2, 3);

        Refuse("The function has 1 outputs, not 0.");
        Refuse("Output 0 is float32 (2, 3) and does not go into a float32 (3, 2).", new Tensor(DType.Float32, [3, 2]));
        Refuse("Output 0 is float32 (2, 3) and does not go into a float64 (2, 3).", new Tensor(DType.Float64, [2, 3]));
        Assert.That(count.GetScalar<int>(), Is.Zero);

        void Refuse(string message, params Tensor[] outputs) => Assert.That(
            () => f.Call([argument], outputs), Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
    }

    private static CudaOptions GpuOptions()
    {
        CudaTestDevice.Open();
        return CudaTestDevice.Options with { Synchronous = false };
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble() - 0.5f)];
    }

    private static void RequireSame(Tensor[] actual, Tensor[] expected)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (actual[i].Shape != expected[i].Shape || !actual[i].Bytes.SequenceEqual(expected[i].Bytes))
            {
                Assert.Fail(
                    $"Output {i} is {actual[i].TypeText}\n{actual[i]}\nand not {expected[i].TypeText}\n{expected[i]}");
            }
        }
    }
}
