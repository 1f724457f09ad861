// A small data set: part of CIFAR-10 if it is available, else generated images.
using Engine;
using Engine.Data;

Cifar10Set whole = Cifar10.Load(new() { AllowDownload = false, SyntheticSize = (400, 100) });
Cifar10Set data = whole with { Train = whole.Train.First(400), Test = whole.Test.First(100) };
