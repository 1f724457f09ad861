// After samples.cs: a network for the samples.
using var net = Net();
