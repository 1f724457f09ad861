using Engine.Devices.Cpu;
using Engine.Inspection;
using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Inspection;

public class OcclusionTests
{
    private static readonly CpuDevice s_cpu = new(1);

    [TestCase(3, 0f, false)]
    [TestCase(4, 0.25f, true)]
    [TestCase(99, 0f, false)]
    public void The_map_has_what_the_network_says_of_each_covered_image(int square, float value, bool isFlat)
    {
        const int Height = 6, Width = 5;
        Layer[] layers = isFlat
            ? [new Input(2 * Height * Width), new Dense(3, Symbolic.Softmax)]
            : [new Input(2, Height, Width), new Conv2D(2, 2), new Dense(3, Symbolic.Softmax)];
        using var net = new NeuralNet(layers) { Device = s_cpu };
        net.Initialize();
        var random = new Random(4);
        Tensor image = Tensor.From(
            [.. Enumerable.Range(0, 2 * Height * Width).Select(_ => random.NextSingle() - 0.5f)], 2, Height, Width);

        Tensor map = Occlusion.Map(net, image, label: 1, square, value);

        Assert.That(map.Shape, Is.EqualTo(Shape.Create(Height, Width)));
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                NdArray covered = NdArray.From(image);
                foreach (int[] at in NdArray.Indices(image.Shape))
                {
                    (int down, int across) = (at[1] - (y - (square / 2)), at[2] - (x - (square / 2)));
                    if (down >= 0 && down < square && across >= 0 && across < square)
                    {
                        covered[at] = value;
                    }
                }

                Tensor sample = covered.ToTensor(DType.Float32);
                sample = isFlat ? sample.Reshape(1, 2 * Height * Width) : sample.Reshape(1, 2, Height, Width);
                float expected = net.PredictProba(sample).AsSpan<float>()[1];
                Assert.That(map.AsSpan<float>()[(y * Width) + x], Is.EqualTo(expected).Within(1e-6f), $"({y}, {x})");
            }
        }

        int different = map.AsSpan<float>().ToArray().Distinct().Count();
        Assert.That(different, square == 99 ? Is.EqualTo(1) : Is.GreaterThan(20));
    }

    /// <summary>
    /// A large image is covered only at some places, each of which stands for those around it, up to the edges.
    /// </summary>
    [TestCase(2, 1)]
    [TestCase(4, 3)]
    [TestCase(9, 1)]
    public void A_step_has_the_values_at_the_middles_of_its_pieces(int step, int square)
    {
        const int Height = 6, Width = 5;
        using var net = new NeuralNet(new Input(1, Height, Width), new Conv2D(2, 2), new Dense(3, Symbolic.Softmax))
        {
            Device = s_cpu,
        };
        net.Initialize();
        Tensor image =
            Tensor.From([.. Enumerable.Range(0, Height * Width).Select(i => MathF.Sin(i))], 1, Height, Width);

        float[] each = Occlusion.Map(net, image, 1, square).AsSpan<float>().ToArray();
        float[] some = Occlusion.Map(net, image, 1, square, value: 0, step).AsSpan<float>().ToArray();

        for (int at = 0; at < some.Length; at++)
        {
            int y = Math.Min((at / Width / step * step) + (step / 2), Height - 1),
                x = Math.Min((at % Width / step * step) + (step / 2), Width - 1);
            Assert.That(some[at], Is.EqualTo(each[(y * Width) + x]).Within(1e-6f), $"{at}");
        }
    }

    [Test]
    public void What_does_not_fit_is_said()
    {
        using var net = new NeuralNet(new Input(1, 4, 4), new Dense(3, Symbolic.Softmax)) { Device = s_cpu };
        var image = new Tensor(DType.Float32, [1, 4, 4]);

        var other = new Tensor(DType.Float32, [1, 4, 5]);
        Assert.That(() => Occlusion.Map(net, other, 0), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("The image is float32 (1, 4, 5) and must be (channels, height, width) with the "
                + "16 values of a sample (?, 1, 4, 4)."));
        Assert.That(() => Occlusion.Map(net, image, 3), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("There is no output 3 to look at: the network gives (?, 3)."));
        Assert.That(() => Occlusion.Map(net, image, 0, square: 0), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("The square to cover the image with has a side of at least 1, not 0."));
        Assert.That(() => Occlusion.Map(net, image, 0, value: float.NaN), Throws.InstanceOf<EngineException>());
    }
}
