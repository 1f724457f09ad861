// A frame around the initializer of a network.
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;

using var network = new NeuralNet(new Input(4), new Dense(2, Softmax))
{
    // the snippet
};
