using Engine;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

// Is a point of the square inside the circle?
var random = new Random(1);
float[] points = [.. Enumerable.Range(0, 2 * 1000).Select(_ => (random.NextSingle() * 2) - 1)];
int[] inside = [.. points.Chunk(2).Select(p => (p[0] * p[0]) + (p[1] * p[1]) < 0.6f ? 1 : 0)];

using var net = new NeuralNet(new Input(2), new Dense(16, Tanh), new OwnResidual(16), new Dense(2, Softmax))
{
    Update = new Adam(learningRate: 0.01f),
    MaxEpochs = 20,
    Verbose = 1,
};
net.Fit(Tensor.From(points, 1000, 2), inside);
Console.WriteLine($"{net.Score(Tensor.From(points, 1000, 2), inside):P1} of the points are told right.");

/// <summary>
/// Represents a custom layer: x + tanh(x W + b). Build adds its ops to the graph, and asks for its parameters by name.
/// </summary>
internal sealed class OwnResidual(int units) : Layer
{
    public override Variable Build(Variable input, LayerScope scope)
    {
        Variable w = scope.Parameter("W", [units, units], new GlorotUniform());
        Variable b = scope.Parameter("b", [units], new Full());
        return input + Tanh(Dot(input, w) + b);
    }
}
