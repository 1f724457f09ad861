// After samples.cs: the state of such a network, in a file.
using (NeuralNet other = Net())
{
    other.Fit(x, y);
    other.SaveState("training.state");
}
