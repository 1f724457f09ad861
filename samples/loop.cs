#:project ../src/Engine/Engine.csproj

// Your own training loop: the network, a trainer, and batches; the program does everything between them.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

using var network = new Network(new Input(2), new Dense(32, Tanh), new Dense(32, Tanh), new Dense(2, Softmax)) { Seed = 1 };
using var trainer = new Trainer(network) { Update = new Lookahead(new Adam(0.01f)) };
(Tensor x, Tensor y) = Rings(400);
(Tensor testX, Tensor testY) = Rings(200);
var batches = new BatchIterator(40) { Shuffle = true };
for (int epoch = 1; epoch <= 15; epoch++)
{
    double loss = 0;
    foreach (Batch batch in batches.Over(x, y, epoch))
    {
        loss = trainer.Step(batch);
    }

    if (epoch % 3 == 0)
    {
        trainer.LearningRate *= 0.7;
        Console.WriteLine($"epoch {epoch,2}: last batch {loss:F3}, test {trainer.Loss(testX, testY):F3}, next rate {trainer.LearningRate:G2}");
    }
}

// The same parameters with nolearn's interface.
using var net = new NeuralNet(network);
net.Initialize();
Console.WriteLine($"{net.Score(testX, testY):P0} of 200 are right");

static (Tensor X, Tensor Y) Rings(int count)
{
    var random = new Random(count);
    int[] ring = [.. Enumerable.Range(0, count).Select(i => i % 2)];
    float[] points = [.. ring.SelectMany(which =>
    {
        double angle = 2 * Math.PI * random.NextDouble(), radius = 0.5 + which + (0.3 * random.NextDouble());
        return new[] { (float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)) };
    })];
    return (Tensor.From(points, count, 2), Tensor.From(ring));
}
