// A small data set: from CIFAR-10 if it is present, otherwise drawn.
using Engine;
using Engine.Data;

Cifar10Set whole = Cifar10.Load(new() { AllowDownload = false, SyntheticSize = (400, 100) });
Cifar10Set data = whole with { Train = whole.Train.First(400), Test = whole.Test.First(100) };
