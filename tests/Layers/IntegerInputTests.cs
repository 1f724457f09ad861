using Engine.Compile;
using Engine.Graph;
using Engine.Inspection;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Onnx;
using Engine.Training;
using static Engine.Ops.Operators;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Layers;

/// <summary>int32 samples reach the layers unchanged.</summary>
public class IntegerInputTests
{
    private const int Words = 30, Length = 4;

    [Test]
    public void A_table_of_words_is_learnt([Values] bool isCuda, [Values] bool isTransformed)
    {
        (Tensor x, int[] y) = Sentences(120);
        using var net = new NeuralNet(
            new Input(Length) { DType = DType.Int32 }, new Embedding(), new Flatten(), new Dense(2, Symbolic.Softmax))
        {
            Device = isCuda ? CudaTestDevice.Open() : null,
            Update = new Adam(0.05f),
            MaxEpochs = isCuda ? 1 : 30,
            BatchIteratorTrain = new BatchIterator(32)
            {
                Shuffle = true,
                Transform = isTransformed ? batch => batch : null,
            },
        };

        net.Fit(x, y);

        Assert.That(net.Predict(x).DType, Is.EqualTo(DType.Int32));
        Assert.That(net.TrainHistory[0].TrainLoss, Is.InRange(0.5, 1));
        Assert.That(isCuda || net.Score(x, y) > 0.95);
        Assert.That(
            NdArray.From(net.GetOutput("input0", x)).Data.Take(Length), Is.EqualTo(NdArray.From(x).Data.Take(Length)));
    }

    [Test]
    public void An_index_that_is_no_row_of_the_table_is_refused()
    {
        (Tensor x, int[] y) = Sentences(20);
        x.AsSpan<int>()[7] = Words;
        using var net = Net(new Embedding(), new Dense(2, Symbolic.Softmax));

        Assert.That(() => net.Fit(x, y), Throws.TypeOf<EngineException>().With.Message.Contains($"{Words}"));
    }

    /// <summary>They give the same results as for the same numbers in floating point.</summary>
    [Test]
    public void Layers_of_numbers_convert_what_they_take([Values] DType floatX, [Values] bool isTraining)
    {
        if (floatX is not (DType.Float32 or DType.Float64))
        {
            return;
        }

        Layer[][] chains =
        [
            [new Dense(3)],
            [new Flatten(), new Dense(3)],
            [new Conv2D(2, 2)],
            [new MaxPool2D(2)],
            [new AveragePool2D(2)],
            [new BatchNorm()],
            [new Dropout(0.5)],
            [new Activation(x => x / 3), new Dense(2)],
            [new Reshape(4), new Activation(Symbolic.Tanh)],
        ];
        int[] numbers = [.. Enumerable.Range(0, 12).Select(i => (i * 7 % 11) - 5)];
        foreach (Layer[] chain in chains)
        {
            Assert.That(
                Outputs(DType.Int32), Is.EqualTo(Outputs(null)).Within(1e-6), $"{chain[0].GetType().Name} of int32");

            double[] Outputs(DType? dtype)
            {
                var network = new Network(
                    [.. chain.Prepend(new Input(1, 2, 2) { DType = dtype }).Select(layer => ((string?)null, layer))],
                    floatX, seed: 3);
                NetworkOutputs trained = network.GetOutputs(network.Inputs, isTraining: true);
                using var f = isTraining
                    ? Function.Compile([network.Input], [trained.Output], trained.Updates)
                    : Function.Compile([network.Input], [network.Output]);
                Tensor y = f.Call(Tensor.From(numbers, 3, 1, 2, 2).Cast(network.Input.DType))[0];
                Assert.That(y.DType, Is.EqualTo(floatX));
                return NdArray.From(y).Data;
            }
        }
    }

    [Test]
    public void A_network_must_not_end_in_integers() => Assert.That(
        () => Net(new Flatten()).Initialize(),
        Throws.TypeOf<EngineException>().With.Message.Contains(
            "The last layer, 'flatten1', gives int32 (?, 4): a network ends with floating-point numbers"));

    [Test]
    public void There_is_no_saliency_of_integers()
    {
        (Tensor x, _) = Sentences(1);
        using var net = Net(new Embedding(), new Dense(2, Symbolic.Softmax));

        Assert.That(
            () => Saliency.Of(net, x, 0), Throws.TypeOf<EngineException>().With.Message
                .Contains("whole numbers have none"));
    }

    [Test]
    public void A_table_is_exported_to_ONNX()
    {
        (Tensor x, _) = Sentences(9);
        using var folder = new TempFolder();
        using var net = Net(new Embedding(), new Dense(2, Symbolic.Softmax));
        net.Initialize();

        net.ExportOnnx(folder.File("a.onnx"));

        OnnxRun.AssertSame(
            NdArray.From(net.PredictProba(x)), OnnxRun.Run(folder.File("a.onnx"), [("input0", x)]), 1e-5);
    }

    private static NeuralNet Net(params Layer[] layers) =>
        new([new Input(Length) { DType = DType.Int32 }, .. layers]) { MaxEpochs = 1, Regression = layers.Length == 1 };

    /// <summary>Draws sentences of words; a sentence has class 1 if its first word is an odd number.</summary>
    private static (Tensor X, int[] Y) Sentences(int count)
    {
        var random = new Random(1);
        int[] words = [.. Enumerable.Range(0, count * Length).Select(_ => random.Next(Words))];
        return (Tensor.From(words, count, Length), [.. Enumerable.Range(0, count).Select(i => words[i * Length] % 2)]);
    }

    private sealed class Embedding : Layer
    {
        public override Variable Build(Variable input, LayerScope scope) =>
            Symbolic.Gather(scope.Parameter("W", [Words, 5], new Normal(0.1)), input);
    }
}
