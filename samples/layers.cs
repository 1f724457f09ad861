#:project ../src/Engine/Engine.csproj

// The level of Lasagne: layers with names, including custom layers, and the output of each.
using Engine;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

using var net = new NeuralNet(
    ("point", new Input(2)),
    ("wide", new Dense(32, Tanh) { W = new GlorotUniform(Gain: 2) }),
    ("bend1", new Residual(32)),
    ("bends", new Stack(new Residual(32), new Residual(32))),
    ("class", new Dense(2, Softmax)))
{
    Update = new Adam(learningRate: 0.01f), MaxEpochs = 60, Seed = 3, TrainSplit = new TrainSplit(0.1f),
};

// Two intertwined spirals.
var random = new Random(1);
int[] arm = [.. Enumerable.Range(0, 600).Select(i => i % 2)];
float[] points = [.. arm.SelectMany(which => Spiral(random.NextDouble(), which))];
net.Fit(Tensor.From(points, 600, 2), arm);

Console.WriteLine($"Parameters: {string.Join(", ", net.GetParameters().Select(parameter => parameter.Key))}");
foreach (LayerSummary layer in net.Layers)
{
    Console.WriteLine($"{layer.Name,-6} {layer.Kind,-9} {layer.OutputShape}");
}

foreach (int epoch in new[] { 1, 20, 40, 60 })
{
    EpochRecord record = net.TrainHistory[epoch - 1];
    Console.WriteLine($"epoch {epoch,2}: loss {record.TrainLoss:F3}, validation accuracy {record.ValidAccuracy:P0}");
}

// The network's output over the plane: a character for each position, by the probability of the second spiral.
const int Rows = 24, Columns = 64;
float[] plane = [.. from row in Enumerable.Range(0, Rows)
                    from column in Enumerable.Range(0, Columns)
                    from dimension in new[] { (2f * column / (Columns - 1)) - 1, 1 - (2f * row / (Rows - 1)) }
                    select dimension];
float[] probabilities = net.PredictProba(Tensor.From(plane, Rows * Columns, 2)).AsSpan<float>().ToArray();
for (int row = 0; row < Rows; row++)
{
    Console.WriteLine(string.Concat(Enumerable.Range(0, Columns)
        .Select(column => " .:oO@"[(int)(probabilities[(2 * ((row * Columns) + column)) + 1] * 5.999f)])));
}

// A layer's output is available by its name.
Tensor inner = net.GetOutput("bend1", Tensor.From([0.5f, -0.5f], 1, 2));
Console.WriteLine($"bend1 gives {inner.Shape} for a point, from {inner.AsSpan<float>().ToArray().Min():F2}");

static float[] Spiral(double along, int which)
{
    double angle = (along * 3 * Math.PI) + (which * Math.PI), radius = 0.05 + (0.9 * along);
    return [(float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle))];
}

// A layer is a description; Build adds its ops to the graph, and asks for its parameters by name.
internal sealed class Residual(int units) : Layer
{
    public override Variable Build(Variable input, LayerScope scope)
    {
        Variable w = scope.Parameter("W", [units, units], new GlorotUniform());
        Variable b = scope.Parameter("b", [units], new Full());
        return input + Tanh(Dot(input, w) + b);
    }
}

// A layer made of layers builds each with a child of its scope, so each has its own parameters: bends.0.W, bends.1.W.
internal sealed class Stack(params Layer[] layers) : Layer
{
    public override Variable Build(Variable input, LayerScope scope)
    {
        for (int i = 0; i < layers.Length; i++)
        {
            input = layers[i].Build(input, scope.Child($"{i}"));
        }

        return input;
    }
}
