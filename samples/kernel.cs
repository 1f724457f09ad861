#:project ../src/Engine/Engine.csproj

// A custom CUDA kernel as an op with a gradient, and a network that uses it. The CPU runs the reference.
using Engine;
using Engine.Compile;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;

var swish = new CudaKernelOp(
    "swish",
    """
    extern "C" __global__ void swish(const float* x, float* y, int count)
    {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < count) {
            y[i] = x[i] / (1 + expf(-x[i]));
        }
    }
    """,
    reference: (x, y) =>
    {
        for (int i = 0; i < y[0].Data.Length; i++)
        {
            y[0].Data[i] = x[0].Data[i] / (1 + Math.Exp(-x[0].Data[i]));
        }
    })
{
    Gradient = (x, y, g) => [g[0]! * (y[0] + (Sigmoid(x[0]) * (1 - y[0])))],
};

// The gradient is compared with differences of the reference; a wrong one throws.
VerifyGrad(x => swish.Call(x[0]), [Tensor.From([-2.0, -0.1, 0.5, 3.0])]);
Console.WriteLine("The gradient of swish is that of its reference.");

// The ops around it are planned with it.
var input = Vector("input");
using var f = Function.Compile([input], [Exp(swish.Call(Tanh(input) * 2)) + 1]);
Console.WriteLine($"exp(swish(2 tanh 1)) + 1 = {f.Call(Tensor.From([1f]))[0].AsSpan<float>()[0]:F6}");
Console.WriteLine(string.Join("; ", f.Nodes.Select(node => node.Op.Name)));
Console.WriteLine();

// A network with the op: is a point of the square inside the circle?
var random = new Random(1);
float[] points = [.. Enumerable.Range(0, 2 * 1000).Select(_ => (random.NextSingle() * 2) - 1)];
int[] inside = [.. points.Chunk(2).Select(p => (p[0] * p[0]) + (p[1] * p[1]) < 0.6f ? 1 : 0)];
using var net = new NeuralNet(new Input(2), new Dense(16, x => swish.Call(x)), new Dense(2, Softmax))
{
    Update = new NesterovMomentum(learningRate: 0.1f), MaxEpochs = 20,
};
net.Fit(Tensor.From(points, 1000, 2), inside);
Console.WriteLine($"{net.Score(Tensor.From(points, 1000, 2), inside):P1} of the points are told right.");
