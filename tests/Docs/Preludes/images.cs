// A few images and labels for training and testing: from CIFAR-10 if it is present, otherwise drawn.
using Engine;
using Engine.Data;

Cifar10Set prelude = Cifar10.Load(new() { AllowDownload = false, SyntheticSize = (100, 50) });
Tensor images = prelude.Train.First(100).Grayscale(), testImages = prelude.Test.First(50).Grayscale();
int[] labels = prelude.Train.Labels.AsSpan<int>()[..100].ToArray();
int[] testLabels = prelude.Test.Labels.AsSpan<int>()[..50].ToArray();
