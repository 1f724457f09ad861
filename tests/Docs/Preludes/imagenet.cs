// After images.cs: a network for those images, and weights for them.
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

using var net = new NeuralNet(new Input(1, 32, 32), new Conv2D(4, 3), new MaxPool2D(4), new Dense(10, Softmax))
{
    MaxEpochs = 2,
};
float[] sampleWeights = [.. labels.Select(label => 1f + label)];
