#:project ../../src/Engine/Engine.csproj
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:property ManagePackageVersionsCentrally=false
#:property PublishAot=false

// Times predictions of networks from ONNX files beside the same networks built here and beside ONNX Runtime's CPU
// provider, in one run and in turns: dotnet run -c Release bench/peers/onnxruntime.cs. It prints the rows of the table
// of docs/results.md. OMP_NUM_THREADS sets the number of threads of each, 2 by default.
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Onnx;
using Engine.Training;
using Microsoft.ML.OnnxRuntime;
using static Engine.Ops.Symbolic;

const int Warming = 3, Runs = 15;
const double Group = 0.05;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int threads = int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out int asked) ? asked : 2;
string path = Path.Combine(Directory.CreateTempSubdirectory("onnxruntime").FullName, "network.onnx");
using var device = new CpuDevice(threads);
Console.WriteLine(
    $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}, {threads} threads each; min – median – max of {Runs} "
    + $"runs");
Console.WriteLine(
    "| network | batch | from the file | the same, built here | ONNX Runtime | ONNX Runtime / from the file |");
Console.WriteLine("|---|---|---|---|---|---|");
foreach ((string name, Func<Node> make) in new (string, Func<Node>)[] { ("LeNet-like", LeNet), ("VGG-like", Vgg),
    ("ResNet-like", ResNet) })
{
    foreach (int batch in (int[])[1, 64])
    {
        Compare(name, make(), batch);
    }
}

Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);

void Compare(string name, Node network, int batch)
{
    using var net = new NeuralNet(network) { Device = device, BatchIteratorTest = new BatchIterator(batch) };
    net.ExportOnnx(path);
    using OnnxModel model = OnnxModel.Load(path);
    Shape shape = model.Inputs[0].Shape.With(0, batch);
    var random = new Random(1);
    Tensor x = Tensor.From([.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() - 0.5f)])
        .Reshape(shape.Dimensions);
    using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };

    // Its threads would otherwise keep the cores busy for a while after each run, at the cost of who runs next.
    options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
    using var session = new InferenceSession(path, options);
    using OrtValue given =
        OrtValue.CreateTensorValueFromMemory(x.ToArray<float>(), [.. shape.Select(dimension => (long)dimension)]);
    using var run = new RunOptions();
    Action[] ways =
    [
        () => model.Run(device, x),
        () => net.PredictProba(x),
        () => session.Run(run, [model.Inputs[0].Name], [given], [model.Outputs[0].Name]).Dispose(),
    ];
    int[] calls = [.. ways.Select(way => (int)Math.Max(1, Group / Math.Max(Time(way, 2), 1e-6)))];
    double[][] seconds = [.. ways.Select(_ => new double[Runs])];
    for (int i = -Warming; i < Runs; i++)
    {
        for (int way = 0; way < ways.Length; way++)
        {
            // The call that is not timed gives the threads of the one before time to sleep.
            ways[way]();
            double each = Time(ways[way], calls[way]);
            if (i >= 0)
            {
                seconds[way][i] = each;
            }
        }
    }

    string[] times = [.. seconds.Select(all => Spread([.. all.Select(one => 1e3 * one)]) + " ms")];
    string ratio = Spread([.. seconds[2].Zip(seconds[0], (theirs, ours) => theirs / ours)]);
    Console.WriteLine($"| {name} | {batch} | {string.Join(" | ", times)} | {ratio} |");
}

// The ratios are those of neighboring runs.
static string Spread(double[] values)
{
    Array.Sort(values);
    return $"{values[0]:0.00} – {values[values.Length / 2]:0.00} – {values[^1]:0.00}";
}

static double Time(Action call, int times)
{
    long start = Stopwatch.GetTimestamp();
    for (int i = 0; i < times; i++)
    {
        call();
    }

    return Stopwatch.GetElapsedTime(start).TotalSeconds / times;
}

static Node LeNet() => new Input(1, 28, 28).Then(
    new Conv2D(6, 5, Rectify), new MaxPool2D(2), new Conv2D(16, 5, Rectify), new MaxPool2D(2), new Dense(120, Rectify),
    new Dense(84, Rectify), new Dense(10, Softmax));

static Node Vgg() => new Input(3, 32, 32).Then(
    Same(32), Same(32), new MaxPool2D(2), Same(64), Same(64), new MaxPool2D(2), Same(128), Same(128), new MaxPool2D(2),
    new Dense(256, Rectify), new Dense(10, Softmax));

static Node ResNet()
{
    Node node = new Input(3, 32, 32).Then(Same(16));
    foreach ((int filters, int stride) in new[] { (16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1) })
    {
        Node dimension = stride == 1 ? node : node.Then(new Conv2D(filters, 1, Linear) { Stride = stride });
        Node inner = node.Then(
            new Conv2D(filters, 3, Rectify) { Pad = 1, Stride = stride }, new Conv2D(filters, 3, Linear) { Pad = 1 });
        node = new Add().On(inner, dimension).Then(new Activation(Rectify));
    }

    return node.Then(new GlobalPool(), new Dense(10, Softmax));
}

static Conv2D Same(int filters) => new(filters, 3, Rectify) { Pad = 1 };
