using System.Text.RegularExpressions;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Interop;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Features of the device other than single ops.</summary>
[TestFixture(true)]
[TestFixture(false)]
public sealed class CudaDeviceTests(bool synchronous)
{
    private CudaOptions Options => CudaTestDevice.Options with { Synchronous = synchronous };

    [Test]
    public void Memory_keeps_what_is_written()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        using Storage storage = device.Allocate(10);
        storage.Write([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        storage.Write([20, 30], offset: 4);
        var read = new byte[6];

        storage.Read(read, offset: 2);

        Assert.That(read, Is.EqualTo(new byte[] { 3, 4, 20, 30, 7, 8 }));
        Assert.That(CudaDevice.Address(storage), Is.Not.Zero);
        Assert.That(() => storage.Write([1], offset: 10), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Memory_of_many_pieces_arrives_whole_and_may_be_changed_at_once([Values(0, 1, 3)] int beyond)
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        var random = new Random(1);
        byte[] bytes = new byte[(5 * CudaStaging.PieceBytes / 2) + beyond];
        random.NextBytes(bytes);
        byte[] sent = [.. bytes], read = new byte[bytes.Length];
        using Storage storage = device.Allocate(bytes.Length + 7);

        storage.Write(sent, offset: 7);
        sent.AsSpan().Clear();
        storage.Write([1, 2, 3]);
        storage.Read(read, offset: 7);

        Assert.That(read.AsSpan().SequenceEqual(bytes));
    }

    [Test]
    public void A_grid_longer_than_the_hardware_takes_gives_the_same()
    {
        Input x = Variable("x", DType.Float32, [65_536, 2, 2]);
        Variable turned = DimShuffle(x, 0, 2, 1);
        using var function = Function.Compile([x], [turned], device: CudaTestDevice.Open());
        using var expected = Function.Compile([x], [turned], device: new CpuDevice(threads: 2));
        Tensor argument = Tensor.From([.. Enumerable.Range(0, 4 << 16).Select(i => (float)i)], 65_536, 2, 2);

        Assert.That(function.Call(argument)[0].Bytes.SequenceEqual(expected.Call(argument)[0].Bytes));
        Assert.That(function.Launches.Single().Grid, Is.EqualTo("65536"));
    }

    [Test]
    public void What_is_prefetched_is_what_a_run_finds_once()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        Input x = Vector("x");
        using var twice = Function.Compile([x], [x * 2], device: device);
        Tensor numbers = Tensor.From([1f, 2, 3]), others = Tensor.From([5f, 6]);

        device.Prefetch(numbers);
        device.Prefetch(others);
        numbers.AsSpan<float>()[0] = 100;
        device.ForgetPrefetched();
        device.Prefetch(others);
        others.AsSpan<float>()[0] = 50;

        Assert.That(
            twice.Call(numbers)[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 200, 4, 6 }), "forgotten");
        Assert.That(twice.Call(others)[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 10, 12 }), "prefetched");
        Assert.That(
            twice.Call(others)[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 100, 12 }), "as it is now");
    }

    [Test]
    public void A_thread_may_prefetch_while_another_runs()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        Input x = Vector("x");
        SharedVariable sum = Shared(new Tensor(DType.Float32, [1000]), "sum");
        using var add = Function.Compile([x], [], [new Update(sum, sum + x)], device: device);
        Task<Tensor> next = Task.Run(() => Make(0));
        for (int i = 0; i < 50; i++)
        {
            Tensor numbers = next.Result;
            int after = i + 1;
            next = Task.Run(() => Make(after));
            add.RunMany(1 + (i % 3), numbers);
        }

        device.ForgetPrefetched();
        float expected = Enumerable.Range(0, 50).Sum(i => i * (1 + (i % 3)));
        Assert.That(sum.GetValue().AsSpan<float>().ToArray(), Is.All.EqualTo(expected));

        Tensor Make(int i)
        {
            Tensor made = Tensor.From([.. Enumerable.Repeat((float)i, 1000)]);
            device.Prefetch(made);
            return made;
        }
    }

    [Test]
    public void A_transfer_allocates_nothing()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        using Storage storage = device.Allocate(8);
        var bytes = new byte[8];
        Transfer();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Transfer();

        Assert.That(GC.GetAllocatedBytesForCurrentThread(), Is.EqualTo(before));

        void Transfer()
        {
            for (int i = 0; i < 10; i++)
            {
                storage.Write(bytes);
                storage.Read(bytes);
            }
        }
    }

    [Test]
    public void Training_gives_the_cpus_losses_whether_launched_or_recorded_as_a_graph()
    {
        CudaTestDevice.Open();
        using var cuda = new CudaDevice(Options);
        using var cpu = new CpuDevice(1);

        Assert.That(Losses(cuda), Is.EqualTo(Losses(cpu)).Within(0.01).Percent);
    }

    [Test]
    public void Runs_one_by_one_and_many_at_once_give_the_same_and_allocate_nothing_after_a_while()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        SharedVariable sum = Shared(Tensor.Scalar(0f), "sum");
        Input x = Vector("x");
        using var f = Function.Compile([x], [], [new Update(sum, sum + Sum(x * x))], device: device);
        Tensor argument = Tensor.From([1f, 2, 3]);
        Runs();
        Runs();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Runs();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(sum.GetScalar<float>(), Is.EqualTo(14 * 3 * 9));

        void Runs()
        {
            f.Run(argument);
            f.RunMany(5, argument);
            f.RunMany(2, argument);
            f.Run(argument);
        }
    }

    /// <summary>
    /// More different counts than graphs are kept, repeated counts whose graph was dropped, and more runs than one
    /// graph holds. The steps do not commute, so a graph of another count or of older values gives a wrong result.
    /// </summary>
    [Test]
    public void As_many_runs_are_made_as_asked_for_whatever_was_asked_before()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        SharedVariable state = Shared(Tensor.Scalar(1), "state");
        Input step = IntScalar("step");
        using var f = Function.Compile([step], [], [new Update(state, (state * 3) + step)], device: device);
        int expected = 1, argument = 0;

        foreach (int times in (int[])[5, 2, 5, 3, 1, 1, 4, 6, 7, 5, 2, 0, 8, 5, 17_000, 5, 1])
        {
            argument += 7;
            f.RunMany(times, Tensor.Scalar(argument));
            for (int i = 0; i < times; i++)
            {
                expected = unchecked((expected * 3) + argument);
            }

            Assert.That(state.GetScalar<int>(), Is.EqualTo(expected), $"after {times} runs");
        }

        state.SetValue(Tensor.Scalar(10));
        f.RunMany(5, Tensor.Scalar(0));
        Assert.That(state.GetScalar<int>(), Is.EqualTo(10 * 243), "after a new value");
    }

    [Test]
    public void A_function_of_many_kernels_is_replayed_whole_in_whatever_pieces()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        SharedVariable state = Shared(Tensor.From([1, 2, 3]), "state");
        Variable next = state;
        for (int i = 0; i < 3; i++)
        {
            // A sum to a scalar and its broadcast are a kernel that no other is fused with.
            next = (next * 2) + Sum(next) + i;
        }

        using var f = Function.Compile([], [], [new Update(state, next)], device: device);
        int[] expected = [1, 2, 3];
        foreach (int times in (int[])[1, 1, 3, 7, 2, 9, 4, 3])
        {
            f.RunMany(times);
            Assert.That(f.Launches, Has.Count.GreaterThan(3));
            for (int i = 0; i < 3 * times; i++)
            {
                int sum = unchecked(expected[0] + expected[1] + expected[2] + (i % 3));
                expected = [.. expected.Select(x => unchecked((x * 2) + sum))];
            }

            Assert.That(state.GetValue().AsSpan<int>().ToArray(), Is.EqualTo(expected), $"after {times} runs");
        }
    }

    [Test]
    public void Too_large_a_block_is_refused_with_the_figures_and_the_device_goes_on()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);

        Assert.That(() => device.Allocate(1L << 46), Throws.TypeOf<CudaException>().With.Message.Match(
            @"^cuda:0 \(.+\) has no room for 67108864 MiB: of its [\d.]+ MiB, this program's arrays hold [\d.]+ MiB in \d+ b"));
        using Storage storage = device.Allocate(4);
        storage.Write([1, 2, 3, 4]);
    }

    [Test]
    public void Memory_that_was_given_back_is_not_counted_as_held()
    {
        CudaTestDevice.Open();
        using var device = new CudaDevice(Options);
        string before = Held();

        device.Allocate(3 << 20).Dispose();
        Assert.That(Held(), Is.EqualTo(before));

        using (device.Allocate(3 << 20))
        {
            Assert.That(Held(), Is.Not.EqualTo(before));
        }

        Assert.That(Held(), Is.EqualTo(before));

        string Held()
        {
            string message = Assert.Throws<CudaException>(() => device.Allocate(1L << 46))!.Message;
            return Regex.Match(message, @"arrays hold [\d.]+ MiB in \d+ blocks").Value;
        }
    }

    /// <summary>
    /// The last two uploads wait for staging memory, and so for the second array, which goes where the first was.
    /// </summary>
    [Test]
    public void An_array_lands_only_after_the_one_before_it_was_moved_on()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        Tensor[] arrays = [.. Enumerable.Range(1, 4).Select(i => Tensor.From([i, 10 * i]))];
        using Storage storage = device.Allocate(arrays[0].Bytes.Length);
        device.Prefetch(arrays[0]);

        Assert.That(device.TryTakePrefetched(
            arrays[0], new Operand(storage, 0, new OperandType(DType.Int32, [2]))));
        Array.ForEach(arrays[1..], device.Prefetch);

        var read = new byte[storage.Bytes];
        storage.Read(read);
        device.ForgetPrefetched();
        Assert.That(read, Is.EqualTo(arrays[0].Bytes.ToArray()));
    }

    [Test]
    public void An_index_outside_is_reported_and_the_next_function_runs([Values(7, 3, -4, int.MinValue)] int outside)
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        Input x = Vector("x"), indices = IntVector("indices");
        using var gather = Function.Compile([x, indices], [Gather(x, indices)], device: device);
        Tensor data = Tensor.From([1f, 2, 3]);

        Assert.That(
            () => gather.Call(data, Tensor.From([0, 2, outside, 3])),
            Throws.TypeOf<EngineException>().With.Message.Matches(
                $@"^The index {outside} lies outside an axis of 3: indices go from 0 to 2, and from -3 counted from the end\. Built at .*CudaDeviceTests\.cs:\d+\.$"));
        Tensor rows = gather.Call(data, Tensor.From([2, 0]))[0];
        Assert.That(rows.AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 3, 1 }));
    }

    [Test]
    public void A_nan_is_not_lost_among_numbers()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous);
        Input x = Vector("x"), y = Vector("y");
        using var function = Function.Compile(
            [x, y], [Maximum(x, y), Minimum(y, x), Rectify(x), Max(x), Min(x), ArgMax(x, 0)], device: device);

        Tensor[] results = function.Call(Tensor.From([1f, float.NaN, 3, float.NaN, 0]), Tensor.From([2f, 2, 2, 2, 2]));

        Assert.That(results[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 2, float.NaN, 3, float.NaN, 2 }));
        Assert.That(results[1].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, float.NaN, 2, float.NaN, 0 }));
        Assert.That(results[2].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, float.NaN, 3, float.NaN, 0 }));
        Assert.That(results[3].AsSpan<float>()[0], Is.NaN);
        Assert.That(results[4].AsSpan<float>()[0], Is.NaN);
        Assert.That(results[5].AsSpan<int>()[0], Is.EqualTo(1));
    }

    [Test]
    public void A_gpu_that_does_not_exist_is_refused_and_those_that_do_are_named()
    {
        CudaTestDevice.Open();

        var options = new CudaOptions { Ordinal = 99 };
        Assert.That(() => new CudaDevice(options), Throws.TypeOf<CudaException>().With.Message.Match(
            @"^There is no GPU 99: the driver finds \d+, numbered from 0 \(0 is a .+\)\.$"));
    }

    [Test]
    public void A_kernel_is_compiled_once_and_then_taken_from_the_cache()
    {
        CudaTestDevice.Open();
        using var folder = new TempFolder();
        CudaOptions options = Options with { CacheFolder = folder.Path };

        Assert.That(Double(), Is.EqualTo(new float[] { 2, 4 }));
        string entry = Directory.GetFiles(folder.Path).Single();
        DateTime written = File.GetLastWriteTimeUtc(entry);
        Assert.That(Double(), Is.EqualTo(new float[] { 2, 4 }));
        Assert.That(File.GetLastWriteTimeUtc(entry), Is.EqualTo(written), "it was written anew");

        File.WriteAllBytes(entry, [1, 2, 3]);
        Assert.That(Double(), Is.EqualTo(new float[] { 2, 4 }));
        Assert.That(new FileInfo(entry).Length, Is.GreaterThan(3), "what was corrupt was not replaced");

        float[] Double()
        {
            using var device = new CudaDevice(options);
            Input x = Vector("x");
            using var function = Function.Compile([x], [x + x], device: device);
            return function.Call(Tensor.From([1f, 2]))[0].AsSpan<float>().ToArray();
        }
    }

    /// <summary>An option that changes the code must not use a kernel compiled without it.</summary>
    [Test]
    public void A_kernel_compiled_with_other_options_is_not_taken_from_the_cache()
    {
        CudaTestDevice.Open();
        using var folder = new TempFolder();
        CudaOptions plain = Options with { CacheFolder = folder.Path };
        CudaOptions[] all = [plain, plain with { FastMath = true }, plain with { Profile = true }];

        for (int i = 0; i < 2 * all.Length; i++)
        {
            using var device = new CudaDevice(all[i % all.Length]);
            Input x = Vector("x");
            using var function = Function.Compile([x], [Exp(x)], device: device);
            float[] y = function.Call(Tensor.From([0f, 1]))[0].AsSpan<float>().ToArray();
            Assert.That(y, Is.EqualTo(new[] { 1, MathF.E }).Within(1e-6));
            Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(Math.Min(i + 1, all.Length)));
        }
    }

    /// <summary>
    /// Returns the sums of a convolutional network's losses after 1, 20 and 40 steps, on batches that a counter on the
    /// device selects.
    /// </summary>
    private static float[] Losses(Device device)
    {
        const int Samples = 64, Batch = 8, Dimension = 8, Filters = 4, Features = Filters * 3 * 3, Classes = 5;
        var random = new Random(1);
        using SharedVariable images = Shared(Numbers(Samples, 1, Dimension, Dimension)),
            counter = Shared(Tensor.Scalar(0)),
            labels = Shared(Tensor.From([.. Enumerable.Range(0, Samples).Select(_ => random.Next(Classes))])),
            filters = Shared(Numbers(Filters, 1, 3, 3)), bias = Shared(Numbers(Filters)),
            weights = Shared(Numbers(Features, Classes)), total = Shared(Tensor.Scalar(0f));
        Variable x = TakeRows(images, counter, Constant(Batch, DType.Int32));
        Variable y = TakeRows(labels, counter, Constant(Batch, DType.Int32));
        Variable hidden = MaxPool2D(Rectify(Conv2D(x, filters, bias: bias)), (2, 2));
        Variable loss = Mean(CategoricalCrossEntropy(Softmax(Dot(Flatten(hidden), weights)), y));
        SharedVariable[] parameters = [filters, bias, weights];
        IReadOnlyList<Variable> grads = Grad(loss, parameters);
        Update[] steps = [.. parameters.Zip(grads, (w, grad) => new Update(w, w - (grad * 0.1)))];
        using var train = Function.Compile(
            [], [], [.. steps, new Update(counter, counter + 1), new Update(total, total + loss)], device: device);
        return [After(1), After(19), After(20)];

        float After(int more)
        {
            train.RunMany(more);
            return total.GetScalar<float>();
        }

        Tensor Numbers(params int[] shape)
        {
            int count = shape.Aggregate((a, b) => a * b);
            return Tensor.From([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)]).Reshape(shape);
        }
    }
}
