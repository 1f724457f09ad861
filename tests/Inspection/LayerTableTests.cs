using Engine.Devices.Cpu;
using Engine.Inspection;
using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Inspection;

public class LayerTableTests
{
    private static readonly CpuDevice s_cpu = new(1);

    private static NeuralNet Source() => new(
        ("input", new Input(1, 32, 32)),
        ("conv1", new Conv2D(16, 3)), ("pool1", new MaxPool2D(2)),
        ("conv2", new Conv2D(32, 2)), ("pool2", new MaxPool2D(2)),
        ("conv3", new Conv2D(64, 2)), ("pool3", new MaxPool2D(2)),
        ("hidden4", new Dense(200)), ("output", new Dense(10, Symbolic.Softmax)))
    { Device = s_cpu };

    [Test]
    public void Parameters_arithmetic_and_memory_are_those_counted_by_hand()
    {
        using NeuralNet net = Source();

        var table = LayerTable.Of(net);

        Assert.That(table.Layers.Select(layer => layer.Parameters), Is.EqualTo(new long[]
        {
            0, 16 * (9 + 1), 0, 32 * ((16 * 4) + 1), 0, 64 * ((32 * 4) + 1), 0, 200 * (576 + 1), 10 * (200 + 1),
        }));
        Assert.That(table.Parameters, Is.EqualTo(net.LearnableParameters).And.EqualTo(127_906));
        Assert.That(table.ParameterBytes, Is.EqualTo(4 * 127_906));

        // Convolutions and products: two for each weight and output. One for each element of the nonlinearity, and of
        // the bias in dense layers; for pooling one for each element it reads; for softmax five.
        Assert.That(table.Layers.Select(layer => layer.Flops), Is.EqualTo(new long[]
        {
            0, (16 * 900 * 2 * 9) + (16 * 900), 16 * 900, (32 * 196 * 2 * 64) + (32 * 196), 32 * 196,
            (64 * 36 * 2 * 128) + (64 * 36), 64 * 36, (2 * 576 * 200) + 400, (2 * 200 * 10) + 10 + 50,
        }));
        Assert.That(table.Layers.Select(layer => layer.OutputBytes), Is.EqualTo(new long[]
        {
            4096, 57_600, 14_400, 25_088, 6_272, 9_216, 2_304, 800, 40,
        }));
    }

    [Test]
    public void Capacity_and_coverage_are_nolearns()
    {
        using NeuralNet net = Source();

        IReadOnlyList<LayerInfo> layers = LayerTable.Of(net).Layers;

        // nolearn: a convolution adds (filter - 1) · the product of earlier pools to the field; pools add nothing.
        int[] filtered = [32, 3, 3, 5, 5, 9, 9, 32, 32];
        Assert.That(layers.Select(layer => layer.FilteredField!.Value.Width), Is.EqualTo(filtered));
        double[] capacity = [100, 100, 100, 100 * 4 / 5.0, 80, 100 * 8 / 9.0, 100 * 8 / 9.0, 100, 100];
        Assert.That(layers.Select(layer => layer.Capacity!.Value.Height), Is.EqualTo(capacity).Within(1e-12));
        double[] coverage = [100, 9.375, 9.375, 15.625, 15.625, 28.125, 28.125, 100, 100];
        Assert.That(layers.Select(layer => layer.Coverage!.Value.Width), Is.EqualTo(coverage).Within(1e-12));
        Assert.That(layers.Select(layer => layer.Field!.Value), Is.EqualTo(
            new[] { 32, 3, 4, 6, 8, 12, 16, 32, 32 }.Select(dimension => (dimension, dimension))));
    }

    [Test]
    public void What_nolearn_warns_of_is_said_and_colored_as_there()
    {
        // Ten 3x3 convolutions see 21 pixels, and the weights of the last one 3 of them.
        using var net = new NeuralNet(
        [
            new Input(1, 16, 24),
            .. Enumerable.Range(0, 10).Select(_ => new Conv2D(1, 3) { Pad = "same" }),
            new Dense(2),
        ])
        { Device = s_cpu };

        var table = LayerTable.Of(net);

        Assert.That(table.Layers.Where(layer => layer.IsCoverageHigh).Select(layer => layer.Name), Is.EqualTo(
            new[] { "conv2d8", "conv2d9", "conv2d10" }));
        Assert.That(table.Layers.Where(layer => layer.IsCapacityLow).Select(layer => layer.Name), Is.EqualTo(
            new[] { "conv2d9", "conv2d10" }));
        Assert.That($"{table}", Does.EndWith(
            """
            conv2d8: coverage of the image too high (> 100 %).
            conv2d9: capacity too low (< 1/6) and coverage too high (> 100 %).
            conv2d10: capacity too low (< 1/6) and coverage too high (> 100 %).

            """));
        string colored = table.Print(hasColors: true);
        Assert.That(colored, Does.Contain("  \e[36mconv2d8\e[0m ").And.Contain("  \e[31mconv2d9\e[0m "));
        Assert.That(colored.Replace("\e[36m", "").Replace("\e[31m", "").Replace("\e[0m", ""), Is.EqualTo($"{table}"));
    }

    [Test]
    public void A_network_that_takes_no_images_has_no_fields()
    {
        using var net = new NeuralNet(new Input(4), new Dense(3), new Dropout(0.5), new Dense(2, Symbolic.Softmax))
        {
            Device = s_cpu,
        };

        var table = LayerTable.Of(net);

        Assert.That(table.HasFields, Is.False);
        Assert.That($"{table}", Is.EqualTo(
            """
            #  name      kind     output  parameters  FLOPs  memory
            -  --------  -------  ------  ----------  -----  ------
            0  input0    Input    4                            16 B
            1  dense1    Dense    3               15     30    12 B
            2  dropout2  Dropout  3                            12 B
            3  dense3    Dense    2                8     24     8 B

            23 learnable parameters; all parameters take 92 B; one sample takes 54 FLOPs and 48 B of outputs.

            """));
    }

    /// <summary>Networks whose fields do not come from alternating filters and pools.</summary>
    private static readonly TestCaseData[] s_seeing =
    [
        new(new Conv2D(2, (3, 2)), new MaxPool2D((2, 3)), new Conv2D(2, (2, 3))),
        new(new Conv2D(2, 3) { Stride = (2, 1) }, new BatchNorm(), new Conv2D(2, (3, 1)) { Pad = "same" }),
        new(new AveragePool2D(3) { Stride = 2 }, new Activation(x => Symbolic.LeakyRectify(x)), new Conv2D(1, 3)),
        new(new MaxPool2D(2) { Stride = 1 }, new Dropout(0.5), new MaxPool2D(3) { Pad = 1, Stride = 2 }),
    ];

    [TestCaseSource(nameof(s_seeing))]
    public void The_receptive_field_is_what_changes_an_output(Layer first, Layer second, Layer third)
    {
        const int Height = 17, Width = 19;
        using var net = new NeuralNet(new Input(1, Height, Width), first, second, third)
        {
            Regression = true,
            Device = s_cpu,
        };
        net.Initialize();
        var random = new Random(3);
        net.SetParameters(net.GetParameters().Select(parameter => KeyValuePair.Create(
            parameter.Key, Positive(parameter.Value.Shape, random))));
        Tensor image = Positive([1, 1, Height, Width], random);
        IReadOnlyList<LayerInfo> layers = LayerTable.Of(net).Layers;

        foreach (LayerInfo layer in layers.Skip(1))
        {
            (int rows, int columns) = (layer.OutputShape[1], layer.OutputShape[2]);
            int middle = (rows / 2 * columns) + (columns / 2);
            float before = net.GetOutput(layer.Name, image).AsSpan<float>()[middle];
            var changing = new List<(int Row, int Column)>();
            for (int pixel = 0; pixel < Height * Width; pixel++)
            {
                Tensor changed = image.Rows(0, 1);
                changed.AsSpan<float>()[pixel] += 100;
                if (net.GetOutput(layer.Name, changed).AsSpan<float>()[middle] != before)
                {
                    changing.Add((pixel / Width, pixel % Width));
                }
            }

            (int Height, int Width) seen = (
                changing.Max(pixel => pixel.Row) - changing.Min(pixel => pixel.Row) + 1,
                changing.Max(pixel => pixel.Column) - changing.Min(pixel => pixel.Column) + 1);
            Assert.That(seen, Is.EqualTo(layer.Field!.Value), layer.Name);
        }
    }

    [Test]
    public void What_looks_at_a_whole_row_of_pixels_may_look_at_all_of_the_image()
    {
        using var net = new NeuralNet(
            new Input(2, 5, 6),
            new Activation(Symbolic.Softmax),
            new Activation(x => Symbolic.Subtract(x, Symbolic.Mean(x, [2], keepDims: true))))
        { Regression = true, Device = s_cpu };

        Assert.That(LayerTable.Of(net).Layers.Select(layer => layer.Field), Has.All.EqualTo((5, 6)));
    }

    private static Tensor Positive(Shape shape, Random random)
    {
        var tensor = new Tensor(DType.Float32, shape);
        foreach (ref float value in tensor.AsSpan<float>())
        {
            value = 0.5f + random.NextSingle();
        }

        return tensor;
    }
}
