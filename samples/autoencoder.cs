#:project ../src/Engine/Engine.csproj

// An autoencoder: it compresses images to two numbers and restores them; its first half is a separate network with the
// same parameters.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

var image = new Input(1, 8, 8) { Name = "image" };
Node code = image.Then(new Dense(32, Tanh), new Dense(2, Linear) { Name = "code" });
Node back = code.Then(new Dense(32, Tanh), new Dense(16), new Reshape(4, 2, 2), new Upscale(4),
    new Conv2D(1, 3, Linear) { Pad = "same", Name = "back" });
using var whole = new Network(back);
using var encoder = new Network(code) { SharesWith = whole };
using var autoencoder = new NeuralNet(whole)
{
    Regression = true, Update = new Adam(0.01f), MaxEpochs = 40, TrainSplit = new TrainSplit(0.1f),
};

// A disk somewhere in the picture; two numbers are its position.
var random = new Random(4);
Tensor disks = Tensor.From([.. Enumerable.Range(0, 400).SelectMany(_ => Disk(1 + (5 * random.NextDouble()), 1 + (5 * random.NextDouble())))], 400, 1, 8, 8);
autoencoder.Fit(disks, disks);
Console.WriteLine($"error {autoencoder.TrainHistory[0].ValidLoss:F3} at first, {autoencoder.TrainHistory[^1].ValidLoss:F3} at last");

using var half = new NeuralNet(encoder) { Regression = true };
half.Initialize();
foreach ((double x, double y) in ((double, double)[])[(1.5, 1.5), (5.5, 1.5), (3.5, 5.5)])
{
    Tensor disk = Tensor.From(Disk(x, y), 1, 1, 8, 8);
    float[] codes = half.Predict(disk).AsSpan<float>().ToArray(), made = autoencoder.Predict(disk).AsSpan<float>().ToArray();
    Console.WriteLine($"\na disk at {x}, {y} has the code {codes[0]:F2}, {codes[1]:F2}; as it was, and what comes of the code:");
    for (int row = 0; row < 8; row++)
    {
        Console.WriteLine($"{Row(Disk(x, y), row)}   {Row(made, row)}");
    }
}

static string Row(float[] pixels, int row) =>
    string.Concat(pixels[(row * 8)..((row + 1) * 8)].Select(pixel => " .:oO@"[(int)Math.Clamp(pixel * 5.999f, 0, 5)]));

static float[] Disk(double x, double y) =>
    [.. from row in Enumerable.Range(0, 8)
        from column in Enumerable.Range(0, 8)
        select (float)(1 / (1 + Math.Exp(4 * (Math.Sqrt(((column - x) * (column - x)) + ((row - y) * (row - y))) - 1.8))))];
