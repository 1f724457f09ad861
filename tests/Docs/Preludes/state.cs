// After samples.cs: the state of one such network, in a file.
using (NeuralNet other = Net())
{
    other.Fit(x, y);
    other.SaveState("training.state");
}
