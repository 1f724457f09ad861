#:project ../src/Engine/Engine.csproj

// Two networks in one graph: a generator learns to draw normally distributed numbers from the verdicts of a
// discriminator.
using Engine;
using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Layers.Input;
using Variable = Engine.Graph.Variable;

const int Batch = 128;
using var generator = new Network(new Input(4), new Dense(16, Tanh), new Dense(1, Linear)) { Seed = 1 };
using var judge = new Network(new Input(1), new Dense(16, Tanh), new Dense(16, Tanh), new Dense(1, Sigmoid)) { Seed = 2 };

// Noise is drawn on the device, new at each run of a function.
var noise = new RandomStream(3);
Variable real = (noise.Normal([Batch, 1]) * 0.5) + 3, fake = generator.GetOutput(noise.Normal([Batch, 4]));
Variable ofReal = judge.GetOutput(real), ofFake = judge.GetOutput(fake);
Variable judgeLoss = -(Mean(Log(ofReal)) + Mean(Log(1 - ofFake))), generatorLoss = -Mean(Log(ofFake));
using var judgeStep = Function.Compile([], [judgeLoss], Updates.Adam(judgeLoss, judge.Trainable, 0.01f, beta1: 0.5f));
using var generatorStep = Function.Compile([], [generatorLoss], Updates.Adam(generatorLoss, generator.Trainable, 0.003f, beta1: 0.5f));
using var draw = Function.Compile([], [fake]);

for (int step = 0; step <= 1500; step++)
{
    Tensor[] judged = judgeStep.Call(), made = generatorStep.Call();
    if (step % 300 == 0)
    {
        double[] drawn = [.. Enumerable.Range(0, 20).SelectMany(_ => draw.Call()[0].AsSpan<float>().ToArray()).Select(x => (double)x)];
        double mean = drawn.Average(), std = Math.Sqrt(drawn.Average(x => (x - mean) * (x - mean)));
        Console.WriteLine(
            $"step {step,4}: judge {judged[0].AsSpan<float>()[0]:F2}, generator {made[0].AsSpan<float>()[0]:F2}, "
            + $"drawn {mean:F2} ± {std:F2} (3.00 ± 0.50 wanted)");
    }
}
