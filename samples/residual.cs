#:project ../src/Engine/Engine.csproj

// A residual network for images: blocks as layers, written once and stacked, and their inputs and outputs in a table.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

var image = new Input(1, 16, 16) { Name = "image" };
Node features = image.Then(
    Conv(8), new BatchNorm(), new Activation(Rectify),
    Block("block1", 8), Block("block2", 16, stride: 2), Block("block3", 16),
    new GlobalPool { Name = "mean" });
using var net = new NeuralNet(new Dense(3, Softmax) { Name = "class" }.On(features))
{
    Update = new AdamW(0.005f), MaxEpochs = 4, TrainSplit = new TrainSplit(0.2f), BatchIteratorTrain = new(32) { Shuffle = true },
};

// Horizontal bars, vertical bars, and checks.
var random = new Random(1);
int[] kinds = [.. Enumerable.Range(0, 300).Select(i => i % 3)];
float[] pixels = [.. kinds.SelectMany(Picture)];
net.Fit(Tensor.From(pixels, 300, 1, 16, 16), kinds);

Console.WriteLine(net.Network);
Console.WriteLine($"{net.LearnableParameters} learnable parameters");
foreach (EpochRecord record in net.TrainHistory)
{
    Console.WriteLine($"epoch {record.Epoch}: loss {record.TrainLoss:F3}, validation accuracy {record.ValidAccuracy:P0}");
}

static Conv2D Conv(int filters, int stride = 1) =>
    new(filters, 3, Linear) { Pad = "same", Stride = stride, B = null, W = new HeNormal(Initializer.ReluGain) };

// Two convolutions, whose input is added to their output, through a 1x1 convolution if the shapes differ.
static Residual Block(string name, int filters, int stride = 1) =>
    new(Conv(filters, stride), new BatchNorm(), new Activation(Rectify), Conv(filters), new BatchNorm())
    {
        Name = name,
        Nonlinearity = Rectify,
        Shortcut = stride == 1 ? null : new Conv2D(filters, 1, Linear) { Stride = stride, B = null },
    };

float[] Picture(int kind)
{
    int shift = random.Next(4);
    return [.. from y in Enumerable.Range(0, 16)
               from x in Enumerable.Range(0, 16)
               let isOn = kind switch { 0 => (y + shift) % 4 < 2, 1 => (x + shift) % 4 < 2, _ => ((x + shift) % 4 < 2) == (y % 4 < 2) }
               select (isOn ? 0.5f : -0.5f) + (float)(random.NextDouble() - 0.5)];
}
