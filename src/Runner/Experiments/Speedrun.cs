using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using BatchNorm = Engine.Layers.BatchNorm;
using Conv2D = Engine.Layers.Conv2D;
using Flatten = Engine.Layers.Flatten;
using Input = Engine.Layers.Input;
using MaxPool2D = Engine.Layers.MaxPool2D;

namespace Engine.Runner.Experiments;

/// <summary>
/// The recipe of K. Jordan: 94 % on CIFAR-10 in 3.29 seconds on a single GPU (arXiv:2404.00498): a whitening first
/// layer, frozen except for its biases; convolutions that begin as identities; BatchNorm without scales, whose biases
/// learn fast; label smoothing; Nesterov's momentum with a learning rate that rises and falls; Lookahead; and a test
/// that also uses each image mirrored and moved.
/// </summary>
internal sealed class Speedrun : IDisposable
{
    /// <summary>The published learning rate, for sums over 1,024 images.</summary>
    public const double UsualRate = 11.5;

    private const double Momentum = 0.85, WeightDecay = 0.0153, BiasFactor = 64, Smoothing = 0.2;
    private const double RiseEnds = 0.23, RateStart = 0.2, RateEnd = 0.07, OutputScale = 1.0 / 9;
    private const int WhitenSize = 2, WhitenBiasEpochs = 3, LookaheadSteps = 5;

    private readonly Device _device;
    private readonly double _learningRate;
    private readonly Function _step, _lookahead, _logits;
    private readonly List<SharedVariable> _owned = [];

    /// <param name="widths">The filters of the three groups.</param>
    /// <param name="images">The uint8 images from which the first layer is computed.</param>
    /// <param name="batch">The images per step.</param>
    /// <param name="seed">The seed of the weights.</param>
    /// <param name="device">The device.</param>
    /// <param name="learningRate">The largest learning rate.</param>
    public Speedrun(
        IReadOnlyList<int> widths, Tensor images, int batch, ulong seed, Device device, double learningRate = UsualRate)
    {
        (_device, Batch, _learningRate) = (device, batch, learningRate);
        int side = images.Shape[2], filters = 2 * 3 * WhitenSize * WhitenSize;
        var layers = new List<Layer>
        {
            new Input(3, side, side),
            new Conv2D(filters, WhitenSize, Symbolic.Gelu) { Name = "whiten", FlipFilters = false },
        };
        for (int group = 0; group < widths.Count; group++)
        {
            layers.AddRange(
            [
                Conv($"conv{group + 1}a", widths[group]), new MaxPool2D(2), Norm($"norm{group + 1}a"), new Activation(
                    Symbolic.Gelu),
                Conv($"conv{group + 1}b", widths[group]), Norm($"norm{group + 1}b"), new Activation(Symbolic.Gelu),
            ]);
        }

        int left = (((side - 1) / 2) / 2) / 2;
        layers.AddRange(
            [new MaxPool2D(left), new Flatten(),
                new Dense(10, Symbolic.Linear) { Name = "output", B = null, W = Usual }]);
        Network = new Network([.. layers]) { Seed = seed };
        Set("whiten.W",
            Whitening.Filters(SpeedrunImages.Normalized(images.Rows(0, Math.Min(images.Shape[0], 5000))), WhitenSize));
        _step = MakeStep();
        _lookahead = MakeLookahead();
        Graph.Input x = Symbolic.Tensor4("x");
        _logits = Function.Compile([x], [Network.GetOutput(x) * OutputScale], device: device);
    }

    /// <summary>Returns uniform weights of variance 1 / (3 · inputs).</summary>
    private static HeUniform Usual => new(Math.Sqrt(1.0 / 3));

    public Network Network { get; }

    public int Batch { get; }

    /// <summary>Runs a training step.</summary>
    /// <param name="x">Normalized images.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="at">The step's number, from 0 on.</param>
    /// <param name="all">The number of steps.</param>
    /// <param name="epoch">The epoch's number, from 0 on.</param>
    /// <returns>The mean loss of an image.</returns>
    public double Step(Tensor x, Tensor labels, int at, int all, int epoch)
    {
        float loss = _step.Call(
            x, labels, Tensor.Scalar((float)RateAt(at, all)), Tensor.Scalar(epoch < WhitenBiasEpochs ? 1f : 0f))[0]
                .AsSpan<float>()[0];
        if ((at + 1) % LookaheadSteps == 0)
        {
            _lookahead.Call(Tensor.Scalar((float)(Math.Pow(0.95, LookaheadSteps) * Math.Pow((at + 1.0) / all, 3))));
        }

        return loss;
    }

    /// <summary>Ends the training: the weights become those that Lookahead has followed.</summary>
    public void End() => _lookahead.Call(Tensor.Scalar(1f));

    /// <summary>Returns a step's learning rate as a part of the largest.</summary>
    internal static double RateAt(int at, int all)
    {
        double peak = Math.Max(1, (int)(RiseEnds * all));
        return at < peak
            ? RateStart + ((1 - RateStart) * at / peak)
            : 1 + ((RateEnd - 1) * (at - peak) / Math.Max(1, all - peak));
    }

    /// <summary>
    /// Returns the classes of uint8 images; each is used as it is and mirrored, and both also moved by a pixel in two
    /// directions.
    /// </summary>
    public int[] Predict(Tensor images, bool isAugmented = true)
    {
        int count = images.Shape[0];
        int[] classes = new int[count];
        for (int start = 0; start < count; start += 500)
        {
            int[] rows = [.. Enumerable.Range(start, Math.Min(500, count - start))];
            float[]? sum = null;
            foreach ((int move, double weight) in isAugmented
                ? ((int, double)[])[(0, 0.5), (-1, 0.25), (1, 0.25)]
                : [(0, 1.0)])
            {
                foreach (bool isMirrored in isAugmented ? (bool[])[false, true] : [false])
                {
                    float[] logits = _logits.Call(SpeedrunImages.Cut(images, rows, _ => (move, move, isMirrored)))[0]
                        .AsSpan<float>().ToArray();
                    sum ??= new float[logits.Length];
                    for (int i = 0; i < sum.Length; i++)
                    {
                        sum[i] += (float)weight * logits[i];
                    }
                }
            }

            int width = sum!.Length / rows.Length;
            for (int i = 0; i < rows.Length; i++)
            {
                ReadOnlySpan<float> scores = sum.AsSpan(i * width, width);
                int best = 0;
                for (int k = 1; k < width; k++)
                {
                    best = scores[k] > scores[best] ? k : best;
                }

                classes[start + i] = best;
            }
        }

        return classes;
    }

    public void Dispose()
    {
        _step.Dispose();
        _lookahead.Dispose();
        _logits.Dispose();
        _owned.ForEach(variable => variable.Dispose());
        Network.Dispose();
    }

    private static Conv2D Conv(string name, int filters) =>
        new(filters, 3, Symbolic.Linear)
        {
            Name = name,
            Pad = "same",
            B = null,
            FlipFilters = false,
            W = new Identities(),
        };

    private static BatchNorm Norm(string name) => new() { Name = name, Gamma = null, Alpha = 0.4, Epsilon = 1e-12 };

    private void Set(string name, Tensor value) =>
        Network.Parameters.Single(parameter => parameter.Name == name).Variable.SetValue(value);

    private Function MakeStep()
    {
        Graph.Input x = Symbolic.Tensor4("x"), y = Symbolic.IntVector("y"), rate = Symbolic.Scalar("rate"),
            whiten = Symbolic.Scalar("whiten");
        NetworkOutputs outputs = Network.GetOutputs([x], isTraining: true);
        Variable scores = outputs.Output * OutputScale;
        Variable losses = (Symbolic.CategoricalCrossEntropy(Symbolic.Softmax(scores), y) * (1 - Smoothing))
            - (Symbolic.Mean(Symbolic.LogSoftmax(scores), [1]) * Smoothing);

        // The paper's rates are for sums over 1,024 images.
        double scale = 1024 * (1 + (1 / (1 - Momentum))), maxRate = _learningRate / scale,
            decay = WeightDecay * Batch / scale;
        Parameter[] learned =
            [.. Network.Parameters.Where(parameter => parameter.IsTrainable && parameter.Name != "whiten.W")];
        IReadOnlyList<Variable> gradients =
            Symbolic.Grad(Symbolic.Sum(losses), [.. learned.Select(parameter => parameter.Variable)]);
        var updates = new List<Update>(outputs.Updates);
        foreach ((Parameter parameter, Variable gradient) in learned.Zip(gradients))
        {
            SharedVariable w = parameter.Variable,
                velocity = Symbolic.Shared(new Tensor(DType.Float32, w.Shape), $"{w.Name}.velocity");
            _owned.Add(velocity);
            double own = maxRate * (parameter.Name.EndsWith(".beta", StringComparison.Ordinal) ? BiasFactor : 1);
            Variable grown = gradient + (w * (decay / own)), next = (velocity * Momentum) + grown;
            Variable step = (grown + (next * Momentum)) * (rate * own);
            updates.Add(new Update(velocity, next));
            updates.Add(new Update(w, w - (parameter.Name == "whiten.b" ? step * whiten : step)));
        }

        return Function.Compile([x, y, rate, whiten], [Symbolic.Mean(losses)], updates, device: _device);
    }

    /// <summary>Moves the slow weights a part of the way to the weights, and sets the weights to them.</summary>
    private Function MakeLookahead()
    {
        Graph.Input kept = Symbolic.Scalar("kept");
        var updates = new List<Update>();
        foreach (Parameter parameter in Network.Parameters.Where(parameter => parameter.Name != "whiten.W"))
        {
            SharedVariable w = parameter.Variable, followed = Symbolic.Shared(w.GetValue(), $"{w.Name}.followed");
            _owned.Add(followed);
            Variable next = (followed * kept) + (w * (1 - kept));
            updates.Add(new Update(followed, next));
            updates.Add(new Update(w, next));
        }

        return Function.Compile([kept], [], updates, device: _device);
    }

    /// <summary>
    /// Returns filters of which the first pass their channel on, one for each channel; the others are random.
    /// </summary>
    private sealed record Identities : Initializer
    {
        protected override void Fill(Span<double> values, Shape shape, ulong seed)
        {
            NdArray drawn = NdArray.From(Usual.Draw(shape, DType.Float64, seed));
            drawn.Data.CopyTo(values);
            int taps = shape.Product(2, shape.Rank), filter = shape[1] * taps,
                middle = (shape[2] / 2 * shape[3]) + (shape[3] / 2);
            for (int i = 0; i < Math.Min(shape[0], shape[1]); i++)
            {
                values.Slice(i * filter, filter).Clear();
                values[(i * filter) + (i * taps) + middle] = 1;
            }
        }
    }
}
