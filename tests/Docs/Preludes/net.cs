// After samples.cs: one such network.
using var net = Net();
