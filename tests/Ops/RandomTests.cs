using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class RandomTests
{
    /// <summary>Values from kat_vectors of the authors' Random123.</summary>
    [TestCase(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [TestCase(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu,
        0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [TestCase(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u,
        0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_the_published_words(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.That(Philox.Block(new PhiloxBlock(c0, c1, c2, c3), k0, k1), Is.EqualTo(new PhiloxBlock(w0, w1, w2, w3)));

    [Test]
    public void Uniform_numbers_fill_the_interval_evenly([Values(DType.Float32, DType.Float64)] DType dtype)
    {
        double[] u = Draw(new RandomStream(1).Uniform([100_000], dtype));

        Assert.That(u, Has.All.InRange(0.0, 0.99999999999));
        Assert.That(u.Average(), Is.EqualTo(0.5).Within(0.005));
        foreach (IGrouping<int, double> tenth in u.GroupBy(value => (int)(value * 10)))
        {
            Assert.That(tenth.Count(), Is.EqualTo(10_000).Within(500));
        }
    }

    [Test]
    public void Normal_numbers_have_the_moments_and_tails_of_their_distribution(
        [Values(DType.Float32, DType.Float64)] DType dtype)
    {
        double[] z = Draw(new RandomStream(2).Normal([100_000], dtype));

        Assert.That(z.Average(), Is.Zero.Within(0.015));
        Assert.That(z.Average(value => value * value), Is.EqualTo(1).Within(0.02));
        Assert.That(z.Average(value => Math.Pow(value, 4)), Is.EqualTo(3).Within(0.15));
        Assert.That(z.Count(value => Math.Abs(value) < 1), Is.EqualTo(68_269).Within(700));
        Assert.That(z.Zip(z.Skip(1), (a, b) => a * b).Average(), Is.Zero.Within(0.015));
    }

    [Test]
    public void No_two_draws_and_no_two_runs_give_the_same_numbers_but_a_seed_repeats_them()
    {
        float[][] first = Run(), second = Run();

        Assert.That(first.Select(numbers => string.Join(' ', numbers)), Is.Unique);
        Assert.That(second, Is.EqualTo(first));

        static float[][] Run()
        {
            var stream = new RandomStream(0x1234_5678_9abc_def0);
            using var f = Function.Compile([], [stream.Uniform([8]), stream.Uniform([8])]);
            return [.. Enumerable.Range(0, 3)
                .SelectMany(_ => f.Call())
                .Select(tensor => tensor.AsSpan<float>().ToArray())];
        }
    }

    [Test]
    public void A_state_that_is_put_back_repeats_what_followed()
    {
        var stream = new RandomStream(3);
        using var f = Function.Compile([], [stream.Normal([4])]);
        f.Call();
        Tensor state = stream.State.GetValue();
        float[] expected = f.Call()[0].AsSpan<float>().ToArray();

        stream.State.SetValue(state);

        Assert.That(f.Call()[0].AsSpan<float>().ToArray(), Is.EqualTo(expected));
        Assert.That(stream.State.GetValue().AsSpan<int>()[2], Is.EqualTo(2));
    }

    [Test]
    public void Dropout_drops_its_share_scales_the_rest_and_masks_the_gradient_alike()
    {
        Input x = Matrix("x");
        Variable y = Dropout(x, 0.3, new RandomStream(4));
        using var f = Function.Compile([x], [y, Grad(Sum(y * 2), x)]);
        var ones = Tensor.From(Enumerable.Repeat(1f, 50_000).ToArray(), 100, 500);

        Tensor[] first = f.Call(ones), second = f.Call(ones);

        float[] kept = first[0].AsSpan<float>().ToArray();
        Assert.That(kept.Count(value => value == 0), Is.EqualTo(15_000).Within(500));
        Assert.That(kept.Where(value => value != 0), Has.All.EqualTo(1 / 0.7f).Within(1e-6));
        Assert.That(first[1].AsSpan<float>().ToArray(), Is.EqualTo(kept.Select(value => 2 * value)));
        Assert.That(second[0].AsSpan<float>().ToArray(), Is.Not.EqualTo(kept));
    }

    /// <summary>
    /// A number is dropped if its word is below the threshold; one equal to it is kept, so the rate is exact.
    /// </summary>
    [Test]
    public void A_number_whose_word_is_the_threshold_is_kept([Values] bool onGpu, [Values(0, 5, 18)] int index)
    {
        int[] state = [7, 11, 13];
        var words = new uint[20];
        unsafe
        {
            fixed (uint* to = words)
            {
                new Philox(state[0], state[1], state[2], stream: 3).Words(0, words.Length / 4, to);
            }
        }

        Input x = Vector("x"), states = IntVector("state");
        var dropout = new DropoutMask(3, (words[index] >> 8) / (double)(1 << 24));
        using var cpu = new CpuDevice(1);
        using var f = Function.Compile(
            [x, states], [dropout.Call(x, states)], device: onGpu ? CudaTestDevice.Open() : cpu);
        float[] kept = f.Call(Tensor.From([.. Enumerable.Repeat(1f, words.Length)]), Tensor.From(state))[0]
            .AsSpan<float>().ToArray();

        Assert.That(
            kept.Select(value => value != 0), Is.EqualTo(words.Select(word => word >> 8 >= words[index] >> 8)));
    }

    [Test]
    public void Dropout_of_nothing_is_the_identity()
    {
        Input x = Matrix("x");

        Assert.That(Dropout(x, 0, new RandomStream(5)), Is.SameAs(x));
    }

    [TestCase(1), TestCase(-0.1), TestCase(double.NaN)]
    public void Dropout_of_everything_is_refused(double p) =>
        Assert.That(() => Dropout(Matrix("x"), p, new RandomStream(6)), Throws.TypeOf<EngineException>()
            .With.Message.Contains("takes a probability from 0 up to, not including, 1"));

    [Test]
    public void Numbers_of_the_shape_of_a_variable_follow_it()
    {
        Input x = Variable("x", DType.Int32, Shape.OfRank(2));
        using var f = Function.Compile([x], [new RandomStream(7).Uniform(x)]);

        Assert.That(f.Call(new Tensor(DType.Int32, [3, 5]))[0].TypeText, Is.EqualTo("float32 (3, 5)"));
    }

    [Test]
    public void What_is_made_of_even_numbers_has_its_distribution()
    {
        Variable p = Constant(Tensor.From([0.5f, 0.2f, 0.3f]));
        double[] binomial = Draw(new RandomStream(9).Binomial([50_000], 0.3, trials: 4));
        double[] truncated = Draw(new RandomStream(10).TruncatedNormal([50_000]));
        double[] multinomial = Draw(new RandomStream(11).Multinomial(BroadcastTo(p, 1000, 3), trials: 20));
        double[] chosen = Draw(new RandomStream(12).Choice(p, 50_000)),
            counted = Draw(new RandomStream(13).Choice(5, [50_000]));

        Assert.That(binomial, Has.All.InRange(0, 4).And.All.Matches<double>(double.IsInteger));
        Assert.That(binomial.Average(), Is.EqualTo(1.2).Within(0.02));
        Assert.That(binomial.Count(n => n == 0), Is.EqualTo(50_000 * Math.Pow(0.7, 4)).Within(400));
        Assert.That(truncated, Has.All.InRange(-2, 2));
        Assert.That(truncated.Average(z => z * z), Is.EqualTo(0.7737).Within(0.02));
        Assert.That(truncated.Count(z => Math.Abs(z) < 1), Is.EqualTo(50_000 * 0.6827 / 0.9545).Within(500));
        Assert.That(multinomial.Chunk(3).Select(row => row.Sum()), Has.All.EqualTo(20));
        Assert.That(multinomial.Chunk(3).Average(row => row[1]), Is.EqualTo(4).Within(0.3));
        Assert.That(chosen.Count(index => index == 2), Is.EqualTo(15_000).Within(500));
        Assert.That(counted.GroupBy(n => n).Select(group => group.Count()), Has.Exactly(5).EqualTo(10_000).Within(500));
    }

    private static IEnumerable<TestCaseData> Draws
    {
        get
        {
            // Probabilities whose float32 sums depend on their order.
            float[] some = [.. Enumerable.Range(0, 300).Select(n => (1 + (n * 7919 % 1009)) / 151_000f)];
            Variable many = Constant(Tensor.From([.. some, 1 - some.Sum()], 1, 301));
            return
            [
                Of("uniform", stream => stream.Uniform([4097])),
                Of("normal", stream => stream.Normal([4097])),
                Of("binomial", stream => stream.Binomial([1000], 0.3, trials: 7)),
                Of("multinomial", stream => stream.Multinomial(BroadcastTo(many, 20, 301), trials: 50)),
                Of("choice", stream => stream.Choice(many[0], 5000)),
                Of("choice without replacing", stream => stream.Choice(many[0], 200, replace: false)),
                Of("choice of numbers", stream => stream.Choice(1000, [3000])),
                Of("permutation", stream => stream.Permutation(3000)),
                Of("truncated normal", stream => stream.TruncatedNormal([4097])),
                Of("dropout", stream => Dropout(OnesLike(many), 0.4, stream)),
            ];

            static TestCaseData Of(string name, Func<RandomStream, Variable> of) =>
                new TestCaseData(of).SetArgDisplayNames(name);
        }
    }

    [TestCaseSource(nameof(Draws))]
    public void Both_devices_draw_the_same_bits(Func<RandomStream, Variable> of)
    {
        using var cpu = new CpuDevice(2);
        byte[][] runs = [.. new Device[] { cpu, CudaTestDevice.Open() }.Select(device =>
        {
            using var f = Function.Compile([], [of(new RandomStream(77))], device: device);
            f.Run();
            return f.Call()[0].Bytes.ToArray();
        })];

        Assert.That(runs[1], Is.EqualTo(runs[0]));
    }

    [Test]
    public void A_permutation_has_every_number_once_and_each_run_another()
    {
        var stream = new RandomStream(10);
        Variable rows = Constant(Tensor.From([.. Enumerable.Range(0, 40)], 20, 2));
        using var f = Function.Compile(
            [], [stream.Permutation(100), stream.Choice(50, [4, 5], replace: false), stream.Shuffle(rows),
                stream.Choice(Constant(Tensor.From([0.1f, 0.4f, 0.2f, 0.3f])), 4, replace: false)]);
        int[][] first = [.. f.Call().Select(tensor => tensor.AsSpan<int>().ToArray())];
        int[] second = f.Call()[0].AsSpan<int>().ToArray();

        Assert.That(first[0].Order(), Is.EqualTo(Enumerable.Range(0, 100)));
        Assert.That(first[0], Is.Not.Ordered);
        Assert.That(second, Is.Not.EqualTo(first[0]));
        Assert.That(first[1], Is.Unique.And.All.InRange(0, 49));
        Assert.That(first[2].Chunk(2).Select(row => (row[0], row[1] - row[0])).Order(),
            Is.EqualTo(Enumerable.Range(0, 20).Select(row => (2 * row, 1))));
        Assert.That(first[3].Order(), Is.EqualTo(Enumerable.Range(0, 4)));
    }

    [Test]
    public void A_shape_that_is_not_known_is_refused() =>
        Assert.That(() => new RandomStream(8).Uniform([Shape.Unknown, 3]), Throws.TypeOf<EngineException>()
            .With.Message.Contains("name a variable of that shape"));

    private static double[] Draw(Variable variable)
    {
        using var device = new CpuDevice(2);
        using var f = Function.Compile([], [variable], device: device);
        return f.Call()[0].Cast(DType.Float64).AsSpan<double>().ToArray();
    }
}
