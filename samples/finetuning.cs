#:project ../src/Engine/Engine.csproj

// Fine-tuning: what a network learned in one task helps with another. Its first layers are loaded from a file under
// other names, are frozen at first, and then learn slowly.
using Engine;
using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

var random = new Random(5);
(Tensor many, int[] manyKinds) = Samples(600, kinds: 6);
using var teacher = new NeuralNet(
    ("input", new Input(12)), ("features1", new Dense(32, Tanh)), ("features2", new Dense(16, Tanh)), ("six", new Dense(6, Softmax)))
{ Update = new Adam(0.01f), MaxEpochs = 20 };
teacher.Fit(many, manyKinds);
Parameters.Save("teacher.safetensors", teacher.GetParameters());
Console.WriteLine($"the teacher tells six kinds apart: {teacher.TrainHistory[^1].ValidAccuracy:P0}");

// Thirty samples of two of the kinds are few for training.
(Tensor few, int[] fewKinds) = Samples(30, kinds: 2);
(Tensor test, int[] testKinds) = Samples(400, kinds: 2);
foreach (bool isTaught in new[] { false, true })
{
    using NeuralNet pupil = Pupil();
    if (isTaught)
    {
        LoadReport report = pupil.LoadParameters(
            "teacher.safetensors", new LoadOptions { IsPartial = true, Rename = [("features?.*", "body?.*")] });
        Console.WriteLine($"\n{report}");
        pupil.Freeze("body*");
        Console.WriteLine($"{pupil.LearnableParameters} numbers are learned at first,");
    }

    pupil.Fit(few, fewKinds);
    if (isTaught)
    {
        pupil.Unfreeze("body*");
        Console.WriteLine($"{pupil.LearnableParameters} then, those of body1 and body2 at a tenth of the rate.");
        pupil.Fit(few, fewKinds);
    }

    Console.WriteLine($"{(isTaught ? "taught" : "from scratch")}: {pupil.Score(test, testKinds):P0} of 400 are right");
}

static NeuralNet Pupil() => new(
    ("input", new Input(12)),
    ("body1", new Dense(32, Tanh) { RateFactor = 0.1 }), ("body2", new Dense(16, Tanh) { RateFactor = 0.1 }),
    ("two", new Dense(2, Softmax)))
{ Update = new Adam(0.01f), MaxEpochs = 15, TrainSplit = new TrainSplit(0), Seed = 7 };

(Tensor X, int[] Y) Samples(int count, int kinds)
{
    int[] labels = [.. Enumerable.Range(0, count).Select(i => i % kinds)];
    return (Tensor.From(
        [.. from kind in labels from t in Enumerable.Range(0, 12) select (float)(Math.Sin((0.5 + (0.25 * kind)) * t) + (1.2 * (random.NextDouble() - 0.5)))],
        count, 12), labels);
}
