#:project ../src/Engine/Engine.csproj

// The level of nolearn: a network in one expression, then Fit, Score and Predict.
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

// CIFAR-10 if it is available, otherwise a drawn set of ten classes.
Cifar10Set data = Cifar10.Load(new() { AllowDownload = false, SyntheticSize = (2_000, 500) });
Cifar10Images train = data.Train.First(2_000), test = data.Test.First(500);
Console.WriteLine($"Data: {data.Source}.");

using var net = new NeuralNet(
    new Input(1, 32, 32),
    new Conv2D(16, 3), new MaxPool2D(2), new Conv2D(32, 2), new MaxPool2D(2),
    new Dense(64), new Dropout(0.2f), new Dense(10, Softmax))
{
    Update = new NesterovMomentum(learningRate: 0.02f, momentum: 0.9f), BatchIteratorTrain = new BatchIterator(32),
    MaxEpochs = 12, Seed = 42, Verbose = 1,
};
net.Fit(train.Grayscale(), train.Labels);
float accuracy = net.Score(test.Grayscale(), test.Labels);
Console.WriteLine($"Of {test.Count} images it had not seen, {accuracy:P1} were told right.");

// The confusion matrix: a row for each true class, a column for each predicted class.
int[] truth = test.Labels.AsSpan<int>().ToArray(), taken = net.Predict(test.Grayscale()).AsSpan<int>().ToArray();
int width = data.ClassNames.Max(name => name.Length);
Console.WriteLine();
for (int row = 0; row < 10; row++)
{
    var counts = Enumerable.Range(0, 10).Select(column => truth.Zip(taken).Count(pair => pair == (row, column)));
    Console.WriteLine(data.ClassNames[row].PadRight(width) + string.Concat(counts.Select(count => $"{count,5}")));
}
