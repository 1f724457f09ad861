#:project ../src/Engine/Engine.csproj

// A Siamese network: one layer in two places learns whether two drawings are of the same kind, and so a distance
// between any two.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

Input left = new(8) { Name = "left" }, right = new(8) { Name = "right" };
var twin = new Sequence(new Dense(16, Tanh), new Dense(2, Linear)) { Name = "twin" };
var distance = new Merge((a, b) => Sqrt(Sum(Square(a - b), [1], keepDims: true) + 1e-6)) { Name = "distance" };
using var net = new NeuralNet(distance.On(twin.On(left), twin.On(right)))
{
    Regression = true, Objective = Contrastive, Update = new Adam(0.01f), MaxEpochs = 30, TrainSplit = new TrainSplit(0),
};

// Four kinds of signals, with noise; a pair is of the same kind (0) or not (1).
var random = new Random(2);
int[] first = [.. Enumerable.Range(0, 400).Select(_ => random.Next(4))];
int[] second = [.. first.Select((kind, i) => i % 2 == 0 ? kind : (kind + random.Next(1, 4)) % 4)];
Tensors pairs = new() { ["left"] = Signals(first), ["right"] = Signals(second) };
net.Fit(pairs, Tensor.From([.. first.Zip(second, (a, b) => a == b ? 0f : 1f)]));

Console.WriteLine($"Parameters: {string.Join(", ", net.GetParameters().Select(pair => pair.Key))}");
Console.WriteLine($"loss {net.TrainHistory[0].TrainLoss:F3} at first, {net.TrainHistory[^1].TrainLoss:F3} at last");

// Distances between newly drawn kinds: small on the diagonal.
for (int a = 0; a < 4; a++)
{
    string[] row = [.. Enumerable.Range(0, 4).Select(b => Distance(a, b).ToString("F2"))];
    Console.WriteLine($"kind {a}: {string.Join("  ", row)}");
}

double Distance(int a, int b) => net.Predict(new Tensors { ["left"] = Signals([a]), ["right"] = Signals([b]) }).AsSpan<float>()[0];

// Hadsell, Chopra, LeCun: Dimensionality reduction by learning an invariant mapping. CVPR 2006.
static Variable Contrastive(Variable distance, Variable isOther) =>
    ((1 - isOther) * Square(distance)) + (isOther * Square(Maximum(1 - distance, 0)));

Tensor Signals(int[] kinds) => Tensor.From(
    [.. from kind in kinds from t in Enumerable.Range(0, 8) select (float)(Math.Sin((kind + 1) * t * 0.7) + (0.3 * (random.NextDouble() - 0.5)))],
    kinds.Length, 8);
