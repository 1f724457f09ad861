using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>The effect of each augmentation on images in which every pixel has its own number.</summary>
public class AugmentationTests
{
    private const int N = 600, C = 2, H = 5, W = 4;

    private static IEnumerable<Augmentation> Random =>
        [new RandomCrop(2), new HorizontalFlip(), new HorizontalFlip(0.3), new Cutout(3), new Cutout(4)];

    [Test]
    public void A_crop_is_a_window_of_the_padded_image_and_every_offset_is_as_likely()
    {
        const int Padding = 2, Offsets = 5;
        var counts = new int[Offsets * Offsets];
        ForEach(new RandomCrop(Padding), (before, after) =>
        {
            int crop = Enumerable.Range(0, counts.Length).Single(offset => Enumerable.Range(0, before.Length).All(at =>
            {
                int row = (at / W % H) + (offset / Offsets) - Padding, column = (at % W) + (offset % Offsets) - Padding;
                bool isInside = row >= 0 && row < H && column >= 0 && column < W;
                return after[at] == (isInside ? before[(((at / (H * W) * H) + row) * W) + column] : 0);
            }));
            counts[crop]++;
        });

        // 24 for each offset on average, with a standard deviation of 4.8.
        Assert.That(counts, Has.All.InRange(6, 48));
    }

    [TestCase(0.5, 240, 360)]
    [TestCase(0.25, 100, 200)]
    [TestCase(0, 0, 0)]
    [TestCase(1, N, N)]
    public void A_flip_mirrors_left_to_right_as_often_as_it_is_told(double probability, int min, int max)
    {
        int flipped = 0;
        ForEach(new HorizontalFlip(probability), (before, after) =>
        {
            double[] mirrored = [.. before.Chunk(W).SelectMany(line => line.Reverse())];
            bool isFlipped = after.SequenceEqual(mirrored);
            Assert.That(isFlipped || after.SequenceEqual(before));
            flipped += isFlipped ? 1 : 0;
        });

        Assert.That(flipped, Is.InRange(min, max));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    [TestCase(20)]
    public void A_cutout_is_a_square_around_some_pixel_in_all_channels(int size)
    {
        var centers = new HashSet<(int, int)>();
        ForEach(new Cutout(size), (before, after) =>
        {
            (int, int)[] fitting = [.. Enumerable.Range(0, H * W).Select(at => (Row: at / W, Column: at % W))
                .Where(center => Enumerable.Range(0, before.Length).All(at =>
                {
                    // Rows and columns from center − size / 2 on, as in the paper's code, and not fewer than size.
                    int row = (at / W % H) - (center.Row - (size / 2)),
                        column = (at % W) - (center.Column - (size / 2));
                    bool isOut = row >= 0 && row < size && column >= 0 && column < size;
                    return after[at] == (isOut ? 0 : before[at]);
                }))];
            Assert.That(fitting, Is.Not.Empty);
            centers.Add(fitting[0]);
        });

        Assert.That(centers, size < 3 ? Has.Count.EqualTo(H * W) : Is.Not.Empty);
    }

    [Test]
    public void Normalization_brings_each_channel_to_mean_0_and_deviation_1()
    {
        Tensor images = Images();

        double[] after = Run(Normalize.Of(images), images)[0];

        for (int channel = 0; channel < C; channel++)
        {
            double[] values = [.. after.Where((_, at) => at / (H * W) % C == channel)];
            Assert.That(values.Average(), Is.EqualTo(0).Within(1e-12));
            Assert.That(values.Average(value => value * value), Is.EqualTo(1).Within(1e-12));
        }

        Assert.That(
            Run(new Normalize(2, 4), Tensor.From([2.0, 6, -2], 3, 1))[0], Is.EqualTo(new[] { 0.0, 1, -1 }));
        Assert.That(
            Run(new Normalize([1, 2], [1, 0.5]), Tensor.From([1.0, 2, 2, 3], 2, 2))[0],
            Is.EqualTo(new[] { 0.0, 0, 1, 2 }));
    }

    private static IEnumerable<TestCaseData> Columns()
    {
        yield return Case("zeros", Enumerable.Repeat(0.0, 9), 1);
        yield return Case("ones", Enumerable.Repeat(1.0, 9), 1);
        yield return Case("a number that is rounded", Enumerable.Repeat(0.1, 1001), 1);
        yield return Case("a large number", Enumerable.Repeat(1e17 / 3, 1001), 1);
        yield return Case("one sample", [5.0], 1);
        yield return Case("hardly different", [1.0, 1 + 1e-9], 0.5e-9);
        yield return Case("tiny numbers", [0.0, 2e-30], 1e-30);
        yield return Case("two numbers", [-3.0, 5.0], 4);

        static TestCaseData Case(string name, IEnumerable<double> values, double std) =>
            new TestCaseData(values.ToArray(), std).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Columns))]
    public void A_column_that_is_constant_is_not_scaled(double[] values, double std)
    {
        var beside =
            Normalize.Of(Tensor.From([.. values.SelectMany((value, i) => new[] { i, value })], values.Length, 2));

        Assert.That(beside.Std[1], Is.EqualTo(std).Within(1e-6 * std));
        Assert.That(
            Run(beside, Tensor.From([0, values[0]], 1, 2))[0][1],
            Is.EqualTo((values[0] - values.Average()) / std).Within(1e-6 + (1e-12 * Math.Abs(values[0]))));
    }

    [TestCaseSource(nameof(Random))]
    public void Each_batch_is_changed_in_another_way_and_the_same_seed_changes_the_same(Augmentation augmentation)
    {
        double[][] first = Run(augmentation, Images(), runs: 2), second = Run(augmentation, Images(), runs: 2);

        Assert.That(first[1], Is.Not.EqualTo(first[0]));
        Assert.That(second, Is.EqualTo(first));
        Assert.That(Run(augmentation, Images(), seed: 2)[0], Is.Not.EqualTo(first[0]));
    }

    [Test]
    public void A_function_that_is_built_again_goes_on_with_the_same_numbers()
    {
        var stream = new RandomStream(1);
        Tensor begin = stream.State.GetValue();
        double[] first = Once();
        stream.State.SetValue(begin);

        Assert.That(Once(), Is.EqualTo(first));

        double[] Once()
        {
            Input batch = Symbolic.Variable("batch", DType.Float64, [N, C, H, W]);
            using var f = Function.Compile([batch], [Augmentation.Apply([new RandomCrop(2)], batch, stream)]);
            return NdArray.From(f.Call(Images())[0]).Data;
        }
    }

    [TestCaseSource(nameof(Random))]
    public void The_number_of_threads_changes_nothing(Augmentation augmentation)
    {
        using var one = new CpuDevice(1);
        using var three = new CpuDevice(3);

        Assert.That(Run(augmentation, Images(), device: three), Is.EqualTo(Run(augmentation, Images(), device: one)));
    }

    [TestCaseSource(nameof(Random))]
    public void A_gpu_makes_of_images_what_the_cpu_makes(Augmentation augmentation)
    {
        Device gpu = CudaTestDevice.Open();
        foreach (DType dtype in new[] { DType.Float32, DType.Float64 })
        {
            Tensor images = Images().Cast(dtype);
            Assert.That(Run(augmentation, images, 2, device: gpu), Is.EqualTo(Run(augmentation, images, 2)));
        }
    }

    [Test]
    public void A_random_step_of_a_whole_list_draws_numbers_of_its_own()
    {
        // If both drew the same numbers, the second would undo each flip of the first.
        Augmentation twice = new Both(new HorizontalFlip(), new HorizontalFlip());

        Assert.That(Run(twice, Images())[0], Is.Not.EqualTo(Images().AsSpan<double>().ToArray()));
    }

    [Test]
    public void Settings_that_mean_nothing_are_refused()
    {
        Refused(() => new RandomCrop(-1), "RandomCrop pads by 0 pixels or more, not -1.");
        Refused(() => new HorizontalFlip(1.5), "A probability is from 0 to 1; 1.5 is none.");
        Refused(() => new Cutout(0), "Cutout takes out squares of 1 pixel or more, not 0.");
        Refused(() => new Normalize([1, 2], [1]),
            "Normalize has 2 means and 1 deviations: each channel or column needs both.");
        Refused(() => new Normalize([0, 1], [1, 0]),
            "Normalize takes a mean and a deviation greater than 0, not 1 and 0 (number 1, of a channel or column).");
        Refused(() => Normalize.Of(Tensor.From([1, 2, 3])),
            "Means and deviations are taken of samples in floating point, (n, channels, …), not of int32 (3).");
        Refused(() => Normalize.Of(Tensor.From([1.0, 2, 3, double.NaN], 2, 2)),
            "x has a value that is no finite number, NaN, in sample 1 (element 1 of it): "
            + "one such makes every parameter nan.");
        Refused(() => Run(new Normalize([0, 0, 0], [1, 1, 1]), Images()),
            "Normalize of 3 channels takes samples in floating point, (n, 3, …), and the Input layer takes "
            + "float64 (?, 2, 5, 4).");
        Refused(() => Run(new Cutout(3), Tensor.From([1.0, 2], 1, 2)),
            "Cutout takes images in floating point, (n, channels, height, width), "
            + "and the Input layer takes float64 (?, 2).");

        static void Refused(Func<object> act, string message) =>
            Assert.That(() => act(), Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
    }

    [Test]
    public void Normalizations_are_equal_when_their_numbers_are()
    {
        Normalize one = new([1, 2], [3, 4]), same = new([1, 2], [3, 4]);

        Assert.That(one, Is.EqualTo(same));
        Assert.That(one.GetHashCode(), Is.EqualTo(same.GetHashCode()));
        Assert.That(one, Is.Not.EqualTo(new Normalize([1, 2], [3, 5])));
        Assert.That($"{new Normalize([0.5, 2], [3, 4])}", Is.EqualTo("Normalize((0.5, 2), (3, 4))"));
    }

    /// <summary>Images in which every pixel has another number, none of them 0.</summary>
    private static Tensor Images() =>
        Tensor.From([.. Enumerable.Range(1, N * C * H * W).Select(i => (double)i)], N, C, H, W);

    private static void ForEach(Augmentation augmentation, Action<double[], double[]> check)
    {
        Tensor images = Images();
        double[] after = Run(augmentation, images)[0];
        foreach ((double[] one, double[] changed) in images.AsSpan<double>().ToArray().Chunk(C * H * W)
            .Zip(after.Chunk(C * H * W)))
        {
            check(one, changed);
        }
    }

    /// <summary>Returns a batch as augmented each time.</summary>
    private static double[][] Run(
        Augmentation augmentation, Tensor images, int runs = 1, ulong seed = 1, Device? device = null)
    {
        var stream = new RandomStream(seed);
        Input batch = Symbolic.Variable("batch", images.DType, images.Shape.With(0, Shape.Unknown));
        using var f = Function.Compile([batch], [Augmentation.Apply([augmentation], batch, stream)], device: device);
        return [.. Enumerable.Range(0, runs).Select(_ => NdArray.From(f.Call(images)[0]).Data)];
    }

    private sealed record Both(Augmentation First, Augmentation Second) : Augmentation
    {
        public override bool IsRandom => true;

        public override Variable Build(Variable samples, RandomStream random) =>
            Second.Build(First.Build(samples, random), random);
    }
}
