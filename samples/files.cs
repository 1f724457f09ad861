#:project ../src/Engine/Engine.csproj

// Parameters in files: safetensors and NumPy's npz, in and out; and the whole network out, as ONNX.
using Engine;
using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

NeuralNet Make(ulong seed) => new(
    ("input", new Input(1, 8, 8)),
    ("conv", new Conv2D(4, 3)), ("pool", new MaxPool2D(2)),
    ("output", new Dense(2, Softmax)))
{
    Seed = seed, MaxEpochs = 30, Update = new NesterovMomentum(learningRate: 0.1f),
};

// Vertical and horizontal bars.
var random = new Random(1);
int[] lies = [.. Enumerable.Range(0, 400).Select(i => i % 2)];
float[] pixels = [.. lies.SelectMany(l =>
{
    int at = random.Next(8);
    return Enumerable.Range(0, 64)
        .Select(p => ((l == 1 ? p / 8 : p % 8) == at ? 1f : 0) + (0.2f * random.NextSingle()));
})];
Tensor images = Tensor.From(pixels, 400, 1, 8, 8);

using NeuralNet trained = Make(seed: 1);
trained.Fit(images, lies);
Console.WriteLine($"trained:     {trained.Score(images, lies):P0} right");

string folder = Directory.CreateTempSubdirectory("engine-sample-").FullName;
foreach (string name in new[] { "bars.safetensors", "bars.npz" })
{
    string file = Path.Combine(folder, name);
    Parameters.Save(file, trained.GetParameters());

    using NeuralNet other = Make(seed: 2);
    other.Initialize();
    float before = other.Score(images, lies);
    other.SetParameters(Parameters.Load(file));
    bool isSame = other.PredictProba(images).Bytes.SequenceEqual(trained.PredictProba(images).Bytes);
    Console.WriteLine($"another:     {before:P0} right; with {name}: {other.Score(images, lies):P0}, "
        + (isSame ? "the same probabilities bit by bit" : "other probabilities"));
}

trained.ExportOnnx(Path.Combine(folder, "bars.onnx"));
foreach (string file in Directory.GetFiles(folder).Order())
{
    Console.WriteLine($"{Path.GetFileName(file),-18} {new FileInfo(file).Length,6} bytes");
}

foreach ((string name, Tensor value) in Parameters.Load(Path.Combine(folder, "bars.npz")))
{
    Console.WriteLine($"{name,-9} {value}");
}

Directory.Delete(folder, recursive: true);
