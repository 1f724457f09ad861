#:project ../src/Engine/Engine.csproj

// A deep belief network: Boltzmann machines learn the structure of pictures without labels; a network with few labels
// begins with their weights. The machines' reconstruction of a picture is printed beside it.
using Engine;
using Engine.Training;

const int Side = 6, Unlabeled = 600, Labeled = 60;
var random = new Random(2);
int[] kinds = [.. Enumerable.Range(0, Unlabeled).Select(i => i % 3)];
Tensor pictures = Tensor.From([.. kinds.SelectMany(Picture)], Unlabeled, Side * Side);

// One machine: how well it reconstructs its training pictures, and which of two pictures it finds more probable.
using var machine = new RestrictedBoltzmannMachine(Side * Side, 16) { LearningRate = 0.1f, Momentum = 0.5f, BatchSize = 20, Steps = 2 };
IReadOnlyList<double> errors = machine.Fit(pictures, 30);
Console.WriteLine($"error of reconstruction: {errors[0]:F3} at first, {errors[^1]:F3} at last");
float[] noise = [.. Enumerable.Range(0, Side * Side).Select(_ => (float)random.Next(2))];
Console.WriteLine(
    $"free energy: {machine.FreeEnergy(pictures).AsSpan<float>()[0]:F1} of a picture, {machine.FreeEnergy(Tensor.From(noise, 1, Side * Side)).AsSpan<float>()[0]:F1} of noise");

// Several machines, then labels of the first few pictures; and the same from random weights.
foreach (int epochs in (int[])[20, 0])
{
    using var net = new DeepBeliefNetwork(-1, 24, 12, -1)
    {
        RealValuedVis = false, UseReLu = false, EpochsPretrain = epochs, Epochs = 12, LearnRates = 0.3f, LearnRatesPretrain = 0.1f, MinibatchSize = 10,
        MomentumPretrain = 0.5f,
    };
    net.Fit(pictures.Rows(0, Labeled), kinds[..Labeled]);
    Console.WriteLine($"{(epochs > 0 ? "with machines first" : "from random weights")}: {net.Score(pictures, kinds):P0} of all pictures are right");
    if (epochs > 0)
    {
        Show(pictures.Rows(0, 3), net.Reconstruct(pictures.Rows(0, 3)));
    }
}

// Two horizontal bars, two vertical bars, or a frame; a tenth of the pixels is wrong.
float[] Picture(int kind)
{
    int at = random.Next(3);
    return [.. from y in Enumerable.Range(0, Side)
               from x in Enumerable.Range(0, Side)
               let isOn = kind switch { 0 => y == at || y == at + 3, 1 => x == at || x == at + 3, _ => x is 0 or Side - 1 || y is 0 or Side - 1 }
               select isOn == random.NextDouble() >= 0.1 ? 1f : 0f];
}

static void Show(Tensor before, Tensor after)
{
    (float[] left, float[] right) = (before.AsSpan<float>().ToArray(), after.AsSpan<float>().ToArray());
    for (int row = 0; row < before.Shape[0] * Side; row++)
    {
        string Line(float[] values) => new([.. values.AsSpan(row * Side, Side).ToArray().Select(value => " .+#"[Math.Clamp((int)(value * 4), 0, 3)])]);
        Console.WriteLine($"  {Line(left)}   {Line(right)}{(row % Side == Side - 1 ? "\n" : "")}");
    }
}
