#:project ../src/Engine/Engine.csproj

// ONNX: a network that was trained elsewhere is read from its file, run, trained further, and given another last layer.
using Engine;
using Engine.Layers;
using Engine.Onnx;
using Engine.Training;
using static Engine.Ops.Symbolic;

var random = new Random(3);
(Tensor few, int[] fewKinds) = Samples(60, kinds: 4);
(Tensor many, int[] manyKinds) = Samples(400, kinds: 4);
(Tensor test, int[] testKinds) = Samples(400, kinds: 4);

// Elsewhere: a LeNet with little training. In PyTorch, torch.onnx.export would write it.
using (var elsewhere = new NeuralNet(
    new Input(1, 16, 16), new Conv2D(6, 5, Tanh) { Name = "conv1" }, new MaxPool2D(2), new Conv2D(16, 3, Tanh) { Name = "conv2" },
    new MaxPool2D(2), new Dense(32, Tanh) { Name = "hidden" }, new Dense(4, Softmax) { Name = "kinds" })
{ MaxEpochs = 3, Update = new Adam(0.003f) })
{
    elsewhere.Fit(few, fewKinds);
    elsewhere.ExportOnnx("lenet.onnx");
}

using OnnxModel model = OnnxModel.Load("lenet.onnx");
Console.WriteLine($"{model.Inputs[0]} to {model.Outputs[0]}, by {model.Producer}, opset {model.OpSet}");
Console.WriteLine($"{model.Parameters.Count} weights, {model.Parameters.Sum(weight => weight.Shape.Count)} numbers");
Tensor probabilities = model.Run(test.Rows(0, 2))[0];
Console.WriteLine($"two samples give {probabilities.Shape}");

// As a network of this library: the convolutions are frozen, the rest is trained further.
using NeuralNet net = NeuralNet.FromOnnx("lenet.onnx");
Console.WriteLine($"as it came: {net.Score(test, testKinds):P0} of 400 are right");
net.Freeze("onnx.conv*");
net.MaxEpochs = 15;
net.Fit(many, manyKinds);
Console.WriteLine($"trained on: {net.Score(test, testKinds):P0}");

// The output of its hidden layer, with a new layer for another question: is the line thin?
int[] areThin = [.. testKinds.Select(kind => kind % 2)];
using var other = new NeuralNet(model.ToNode("hidden/Tanh").Then(new Dense(2, Softmax) { Name = "thin" }))
{ MaxEpochs = 15, Update = new Adam(0.003f) };
other.Fit(many, [.. manyKinds.Select(kind => kind % 2)]);
Console.WriteLine($"another question: {other.Score(test, areThin):P0}");
other.ExportOnnx("thin.onnx");

// Lines along rows or columns, thick or thin, in noise.
(Tensor X, int[] Y) Samples(int count, int kinds)
{
    int[] labels = [.. Enumerable.Range(0, count).Select(i => i % kinds)];
    float[] pixels = new float[count * 256];
    for (int i = 0; i < count; i++)
    {
        int place = random.Next(1, 13), width = labels[i] % 2 == 0 ? 3 : 1;
        for (int at = 0; at < 256; at++)
        {
            int along = labels[i] / 2 == 0 ? at / 16 : at % 16;
            pixels[(i * 256) + at] = (float)(random.NextDouble() * 0.9) + (along >= place && along < place + width ? 0.5f : 0);
        }
    }

    return (Tensor.From(pixels, count, 1, 16, 16), labels);
}
