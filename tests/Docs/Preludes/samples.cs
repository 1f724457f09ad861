// Samples, and a function that makes a network for them, trained for two epochs.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

var noise = new Random(1);
int[] y = [.. Enumerable.Range(0, 200).Select(i => i % 10)];
Tensor x = Tensor.From([.. Enumerable.Range(0, 200 * 1024).Select(_ => noise.NextSingle())], 200, 1024);

NeuralNet Net(int hidden = 8, float rate = 0.01f) => new(new Input(1024), new Dense(hidden), new Dense(10, Softmax))
{
    Update = new NesterovMomentum(rate), MaxEpochs = 2,
};
