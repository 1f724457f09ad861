using System.Diagnostics;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Onnx;
using Engine.Training;
using Microsoft.ML.OnnxRuntime;
using static Engine.Ops.Symbolic;
using Conv2D = Engine.Layers.Conv2D;
using MaxPool2D = Engine.Layers.MaxPool2D;

namespace Engine.Tests.Onnx;

/// <summary>
/// Compares the speed of networks from files with the same networks built here and with ONNX Runtime. Runs only if it
/// is named.
/// </summary>
[Explicit("It measures, and wants a machine to itself: --filter Name~beside_ONNX_Runtime.")]
public class OnnxSpeedTests
{
    private const int Threads = 2, Times = 15;

    [TestCase("LeNet-like", 1)]
    [TestCase("LeNet-like", 64)]
    [TestCase("VGG-like", 1)]
    [TestCase("VGG-like", 64)]
    [TestCase("ResNet-like", 1)]
    [TestCase("ResNet-like", 64)]
    public void Predictions_beside_ONNX_Runtime(string name, int batch)
    {
        using var log = new StreamWriter(Console.OpenStandardOutput());
        log.WriteLine(Line(name, batch));
    }

    /// <summary>Returns the medians of alternating calls, in milliseconds.</summary>
    internal static string Line(string name, int batch)
    {
        using var folder = new TempFolder();
        using var device = new CpuDevice(Threads);
        using var net = new NeuralNet(Network(name)) { Device = device, BatchIteratorTest = new BatchIterator(batch) };
        net.ExportOnnx(folder.File("a.onnx"));
        using OnnxModel model = OnnxModel.Load(folder.File("a.onnx"));
        Shape shape = model.Inputs[0].Shape.With(0, batch);
        var random = new Random(1);
        Tensor x = Tensor.From([.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() - 0.5f)]).Reshape(shape.Sides);
        using var options = new SessionOptions { IntraOpNumThreads = Threads, InterOpNumThreads = 1 };
        using var session = new InferenceSession(folder.File("a.onnx"), options);
        using OrtValue given = OrtValue.CreateTensorValueFromMemory(x.AsSpan<float>().ToArray(), [.. shape.Select(side => (long)side)]);
        using var run = new RunOptions();
        Action[] ways =
        [
            () => model.Run(device, x),
            () => net.PredictProba(x),
            () => session.Run(run, [model.Inputs[0].Name], [given], [model.Outputs[0].Name]).Dispose(),
        ];
        double[][] times = [.. ways.Select(_ => new double[Times])];
        for (int i = -3; i < Times; i++)
        {
            for (int way = 0; way < ways.Length; way++)
            {
                long start = Stopwatch.GetTimestamp();
                ways[way]();
                if (i >= 0)
                {
                    times[way][i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                }
            }
        }

        double[] medians = [.. times.Select(all => all.Order().ElementAt(Times / 2))];
        return InvariantText.Of(
            $"{name}, batch {batch}: from the file {medians[0]:F2} ms, built here {medians[1]:F2} ms, ONNX Runtime {medians[2]:F2} ms, ratio {medians[2] / medians[0]:F2}");
    }

    private static Node Network(string name)
    {
        switch (name)
        {
            case "LeNet-like":
                return new Input(1, 28, 28).Then(
                    new Conv2D(6, 5, Rectify), new MaxPool2D(2), new Conv2D(16, 5, Rectify), new MaxPool2D(2), new Dense(120, Rectify),
                    new Dense(84, Rectify), new Dense(10, Softmax));
            case "VGG-like":
                return new Input(3, 32, 32).Then([
                    .. new[] { 32, 64, 128 }.SelectMany(filters => (Layer[])
                        [Same(filters), Same(filters), new MaxPool2D(2)]), new Dense(256, Rectify), new Dense(10, Softmax)]);
            default:
                Node node = new Input(3, 32, 32).Then(Same(16));
                foreach ((int filters, int stride) in new[] { (16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1) })
                {
                    Node side = stride == 1 ? node : node.Then(new Conv2D(filters, 1, Linear) { Stride = stride });
                    Node inner = node.Then(new Conv2D(filters, 3, Rectify) { Pad = 1, Stride = stride }, new Conv2D(filters, 3, Linear) { Pad = 1 });
                    node = new Engine.Layers.Add().On(inner, side).Then(new Activation(Rectify));
                }

                return node.Then(new GlobalPool(), new Dense(10, Softmax));
        }
    }

    private static Conv2D Same(int filters) => new(filters, 3, Rectify) { Pad = 1 };
}
