using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Input = Engine.Graph.Input;
using Normal = Engine.Layers.Normal;

namespace Engine.Training;

/// <summary>Specifies the kind of units of a <see cref="RestrictedBoltzmannMachine"/>.</summary>
public enum BoltzmannUnit
{
    /// <summary>0 or 1: 1 with probability σ(a), where a is the sum of the unit's inputs.</summary>
    Binary,

    /// <summary>
    /// A normally distributed number with mean a and variance 1, for standardized data. Visible units only.
    /// </summary>
    Gaussian,

    /// <summary>max(0, a + noise of variance σ(a)) (Nair, Hinton: ICML 2010). Hidden units only.</summary>
    Rectified,
}

/// <summary>
/// Represents a restricted Boltzmann machine. Each unit is connected to all units of the other kind, visible or hidden,
/// and to none of its own. The energy is E(v, h) = −v·b − h·c − v·W·h, with ½ |v − b|² in place of −v·b if visible
/// units are Gaussian. It is trained by contrastive divergence (Hinton: Neural Computation 14, 2002; his Practical
/// guide, 2010), or with persistent chains (Tieleman: ICML 2008).
/// </summary>
/// <remarks>
/// Any number of threads may use a machine. Transform, Reconstruct, Back and FreeEnergy run at the same time, and
/// beside Fit: each sees the parameters of one moment between two batches. A second Fit beside Fit is refused at once,
/// by an <see cref="EngineException"/> that names the thread that trains. Dispose ends a training after its epoch, and
/// waits for it and for all readers.
/// </remarks>
public sealed class RestrictedBoltzmannMachine : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<IDisposable> _owned = [];
    private readonly Gate _gate = new(order: 0);
    private readonly ChangeTurns _turns;
    private SharedVariable? _w, _b, _c;
    private Function? _hidden, _visible, _energy, _back;

    /// <summary>Creates a machine with numbers of visible and hidden units.</summary>
    /// <exception cref="EngineException">A number of units is not positive.</exception>
    public RestrictedBoltzmannMachine(int visible, int hidden)
    {
        if (visible < 1 || hidden < 1)
        {
            throw new EngineException(
                $"A Boltzmann machine has at least 1 visible and 1 hidden unit, not {visible} and {hidden}.");
        }

        (Visible, Hidden) = (visible, hidden);
        _turns = new ChangeTurns(
            nameof(RestrictedBoltzmannMachine), "Boltzmann machine", nameof(Transform),
            () => $"The Boltzmann machine ({visible}, {hidden}) was disposed of: "
                + "dispose of it when no thread uses it any more.");
    }

    /// <summary>Gets the number of visible units.</summary>
    public int Visible { get; }

    /// <summary>Gets the number of hidden units.</summary>
    public int Hidden { get; }

    /// <summary>Gets or sets the kind of visible units: binary or Gaussian.</summary>
    public BoltzmannUnit VisibleUnits { get; init; } = BoltzmannUnit.Binary;

    /// <summary>Gets or sets the kind of hidden units: binary or rectified.</summary>
    public BoltzmannUnit HiddenUnits { get; init; } = BoltzmannUnit.Binary;

    /// <summary>Gets or sets how many times a step samples visible and hidden units: the k of CD-k.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>
    /// Gets or sets whether the chains continue from batch to batch instead of beginning with the data. They follow
    /// small steps only: set a smaller <see cref="LearningRate"/> or <see cref="Momentum"/>.
    /// </summary>
    public bool IsPersistent { get; init; }

    /// <summary>Gets or sets the learning rate.</summary>
    public float LearningRate { get; init; } = 0.1f;

    /// <summary>Gets or sets the momentum.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Gets or sets the factor of ½ Σ w² in the loss.</summary>
    public double L2 { get; init; } = 0.0001;

    /// <summary>Gets or sets the number of samples in a step, and of persistent chains.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>
    /// Gets or sets the number of steps in an epoch; null for as many as the samples fill. Each epoch begins with
    /// another order of the samples, and so does each further round in it.
    /// </summary>
    public int? BatchesPerEpoch { get; init; }

    /// <summary>Gets or sets the initial weights.</summary>
    public Initializer W { get; init; } = new Normal(0.01);

    /// <summary>Gets or sets the seed of all random numbers.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Gets or sets the device; null for <see cref="Device.Default"/>.</summary>
    public Device? Device { get; init; }

    /// <summary>Gets the weights, (visible, hidden).</summary>
    public SharedVariable Weights =>
        Made(ref _w, () => Initial.Shared(new InitialValue(W, [Visible, Hidden]), "W", Seed));

    /// <summary>Gets the visible units' biases, (visible).</summary>
    public SharedVariable VisibleBiases => Made(ref _b, () => Initial.Shared(Initial.Zeros(Visible), "b"));

    /// <summary>Gets the hidden units' biases, (hidden).</summary>
    public SharedVariable HiddenBiases => Made(ref _c, () => Initial.Shared(Initial.Zeros(Hidden), "c"));

    /// <summary>
    /// Returns the mean of hidden units given visible ones, (n, hidden) from (n, visible). If they are binary, it is a
    /// probability.
    /// </summary>
    public Variable HiddenMean(Variable v) => Mean(HiddenUnits, Symbolic.Dot(v, Weights) + HiddenBiases);

    /// <summary>Returns the mean of visible units given hidden ones, (n, visible) from (n, hidden).</summary>
    public Variable VisibleMean(Variable h) =>
        Mean(VisibleUnits, Symbolic.Dot(h, Weights, transposeB: true) + VisibleBiases);

    /// <summary>
    /// Computes F(v) = −log Σₕ exp(−E(v, h)) for each sample, (n): −v·b − Σ softplus(c + v·W), or ½ |v − b|² for −v·b.
    /// The sample with the lower free energy is the more probable of two; exp of the difference is the ratio.
    /// </summary>
    /// <exception cref="EngineException">Hidden units are not binary.</exception>
    public Variable FreeEnergy(Variable v)
    {
        if (HiddenUnits != BoltzmannUnit.Binary)
        {
            throw new EngineException(
                $"Free energy is of machines whose hidden units are binary, not {HiddenUnits}.{Origin.Current}");
        }

        Variable hidden = Symbolic.Sum(Symbolic.Softplus(Symbolic.Dot(v, Weights) + HiddenBiases), [1]);
        return (VisibleUnits == BoltzmannUnit.Gaussian
            ? Symbolic.Sum(Symbolic.Square(v - VisibleBiases), [1]) * 0.5
            : -Symbolic.Sum(v * VisibleBiases, [1])) - hidden;
    }

    /// <summary>
    /// Returns a step of training as updates, for your own function. The step makes the data in x more probable and the
    /// machine's own samples less probable.
    /// </summary>
    /// <param name="x">Samples, (n, visible).</param>
    /// <param name="learningRate">The learning rate, a scalar.</param>
    /// <returns>The mean squared error of reconstruction, and the updates.</returns>
    public (Variable Error, IReadOnlyList<Update> Updates) Step(Variable x, Variable learningRate)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(learningRate);
        CheckSettings();
        var stream = new RandomStream(Seed);
        var updates = new List<Update>();
        Variable h0 = HiddenMean(x);
        SharedVariable? chains = IsPersistent
            ? Kept(Symbolic.Shared(new Tensor(DType.Float32, [BatchSize, Visible]), "chains"))
            : null;
        Variable h = chains is null ? Drawn(HiddenUnits, Symbolic.Dot(x, Weights) + HiddenBiases, stream)
            : Drawn(HiddenUnits, Symbolic.Dot(chains, Weights) + HiddenBiases, stream);
        Variable v = x, mean = x;
        for (int step = 0; step < Steps; step++)
        {
            // Persistent chains must be sampled. Other chains have less noise with means (Practical guide, section 3).
            Variable sums = Symbolic.Dot(h, Weights, transposeB: true) + VisibleBiases;
            mean = Mean(VisibleUnits, sums);
            v = IsPersistent ? Drawn(VisibleUnits, sums, stream) : mean;
            if (step < Steps - 1)
            {
                h = Drawn(HiddenUnits, Symbolic.Dot(v, Weights) + HiddenBiases, stream);
            }
        }

        if (chains is not null)
        {
            updates.Add(new Update(chains, v));
        }

        Variable n = Symbolic.Cast(Symbolic.DimensionOf(x, 0), DType.Float32),
            m = Symbolic.Cast(Symbolic.DimensionOf(v, 0), DType.Float32);
        Variable hk = HiddenMean(v);
        (SharedVariable Parameter, Variable Gradient)[] gradients =
        [
            (Weights, (Symbolic.Dot(v, hk, transposeA: true) / m) - (Symbolic.Dot(x, h0, transposeA: true) / n)
                + (Weights * L2)),
            (VisibleBiases, Symbolic.Mean(v, [0]) - Symbolic.Mean(x, [0])),
            (HiddenBiases, Symbolic.Mean(hk, [0]) - Symbolic.Mean(h0, [0])),
        ];
        foreach ((SharedVariable parameter, Variable gradient) in gradients)
        {
            SharedVariable velocity =
                Kept(Symbolic.Shared(new Tensor(DType.Float32, parameter.Shape), $"{parameter.Name}.velocity"));
            Variable next = (velocity * Momentum) - (learningRate * gradient);
            updates.Add(new Update(velocity, next));
            updates.Add(new Update(parameter, parameter + next));
        }

        // With persistent chains, the reconstruction is one step from the data.
        Variable rebuilt = IsPersistent ? VisibleMean(h0) : mean;
        return (Symbolic.Mean(Symbolic.Square(rebuilt - x)), updates);
    }

    /// <summary>Trains on samples, (n, visible) float32. An incomplete last batch is ignored.</summary>
    /// <param name="x">The samples: from 0 to 1 if visible units are binary, standardized if they are Gaussian.</param>
    /// <param name="epochs">The number of epochs.</param>
    /// <param name="report">Receives each epoch's number and mean squared error of reconstruction.</param>
    /// <param name="cancellationToken">Ends the training after the current epoch.</param>
    /// <returns>The mean squared error of reconstruction of each epoch.</returns>
    /// <exception cref="EngineException">
    /// The samples do not fit, there are not enough for a batch, or another thread is training the machine.
    /// </exception>
    /// <exception cref="DivergenceException">
    /// The error, or a parameter, is nan or infinite after an epoch. The machine is as it was before that epoch.
    /// </exception>
    public IReadOnlyList<double> Fit(
        Tensor x, int epochs = 10, Action<int, double>? report = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        Check(x);
        CheckSettings();
        int batches = BatchesPerEpoch ?? (x.Shape[0] / BatchSize);
        if (x.Shape[0] < BatchSize)
        {
            throw new EngineException(
                $"There are {x.Shape[0]} samples, fewer than a batch of {BatchSize}: make BatchSize less.");
        }

        using (_turns.Begin(nameof(Fit), isTraining: true))
        {
            using SharedVariable data = Symbolic.Shared(x.Cast(DType.Float32), "x");
            Input rows = Symbolic.IntVector("rows"), rate = Symbolic.Scalar("rate");
            (Variable error, IReadOnlyList<Update> updates) = Step(Symbolic.Gather(data, rows), rate);
            using var function = Function.Compile([rows, rate], [error], updates, device: Device ?? Device.Default);
            var errors = new List<double>();
            var random = new Random((int)Seed);
            int[] order = [.. Enumerable.Range(0, x.Shape[0])];
            for (int epoch = 1; epoch <= epochs && !cancellationToken.IsCancellationRequested
                && !_turns.IsDisposed; epoch++)
            {
                Tensor[] before = [.. Parameters.Select(parameter => parameter.GetValue())];
                double sum = 0;
                int at = order.Length;
                for (int batch = 0; batch < batches; batch++, at += BatchSize)
                {
                    if (at + BatchSize > order.Length)
                    {
                        random.Shuffle(order);
                        at = 0;
                    }

                    sum += NdArray.From(function.Call(
                        Tensor.From(order[at..(at + BatchSize)]), Tensor.Scalar(LearningRate))[0]).Data[0];
                }

                if (!double.IsFinite(sum)
                    || Parameters.Any(parameter => parameter.GetValue().FirstNotFinite() is not null))
                {
                    foreach ((SharedVariable parameter, Tensor value) in Parameters.Zip(before))
                    {
                        parameter.SetValue(value);
                    }

                    throw Diverged(epoch);
                }

                errors.Add(sum / batches);
                report?.Invoke(epoch, errors[^1]);
            }

            return errors;
        }
    }

    /// <summary>
    /// Returns the means of hidden units, (n, hidden), given visible ones. The next machine of several is trained on
    /// them.
    /// </summary>
    /// <exception cref="EngineException">The samples do not fit.</exception>
    public Tensor Transform(Tensor x) => Call(ref _hidden, HiddenMean, Check(x));

    /// <summary>
    /// Returns the reconstruction of samples: the means of visible units given the means of hidden ones.
    /// </summary>
    /// <exception cref="EngineException">The samples do not fit.</exception>
    public Tensor Reconstruct(Tensor x) => Call(ref _visible, v => VisibleMean(HiddenMean(v)), Check(x));

    /// <summary>Returns the means of visible units given hidden ones, (n, visible) from (n, hidden).</summary>
    /// <exception cref="EngineException">The values do not fit.</exception>
    public Tensor Back(Tensor hidden)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        return hidden.Shape.Rank == 2 && hidden.Shape[1] == Hidden
            ? Call(ref _back, VisibleMean, hidden)
            : throw new EngineException(
            $"A Boltzmann machine of {Hidden} hidden units takes their values, (n, {Hidden}), not {hidden.Shape}.");
    }

    /// <summary>Returns the free energy of each sample, (n).</summary>
    /// <exception cref="EngineException">The samples do not fit, or hidden units are not binary.</exception>
    public Tensor FreeEnergy(Tensor x) => Call(ref _energy, FreeEnergy, Check(x));

    /// <summary>
    /// Frees the parameters and the functions. It first waits for readers, and for a training of another thread, which
    /// ends after its epoch. Later calls are refused.
    /// </summary>
    /// <exception cref="EngineException">It is called within Fit, by its report.</exception>
    public void Dispose()
    {
        if (!_turns.BeginDisposal())
        {
            return;
        }

        using ChangeTurns.Scope change = new(_turns);

        // This waits for earlier readers; later ones are refused.
        _gate.Change().Dispose();
        foreach (IDisposable? owned in (IDisposable?[])[_hidden, _visible, _energy, _back, _w, _b, _c, .. _owned])
        {
            owned?.Dispose();
        }
    }

    private static Variable Mean(BoltzmannUnit unit, Variable sums) => unit switch
    {
        BoltzmannUnit.Binary => Symbolic.Sigmoid(sums),
        BoltzmannUnit.Rectified => Symbolic.Rectify(sums),
        _ => sums,
    };

    private static Variable Drawn(BoltzmannUnit unit, Variable sums, RandomStream stream) => unit switch
    {
        BoltzmannUnit.Binary => Symbolic.Cast(Symbolic.Less(stream.Uniform(sums), Symbolic.Sigmoid(sums)), sums.DType),
        BoltzmannUnit.Rectified =>
            Symbolic.Rectify(sums + (stream.Normal(sums) * Symbolic.Sqrt(Symbolic.Sigmoid(sums)))),
        _ => sums + stream.Normal(sums),
    };

    private SharedVariable[] Parameters => [Weights, VisibleBiases, HiddenBiases];

    /// <summary>Returns the error that ends a training whose values are no numbers any more.</summary>
    private DivergenceException Diverged(int epoch) => new(FormattableString.Invariant(
        $"The training of a Boltzmann machine of {Visible} {VisibleUnits} and {Hidden} {HiddenUnits} units has ended in epoch {epoch}: ")
        + FormattableString.Invariant(
            $"the error of reconstruction or a parameter is nan or infinite. The learning rate is {LearningRate:G4}. Try ")
        + FormattableString.Invariant($"LearningRate = {LearningRate / 10:G2}")
        + (VisibleUnits == BoltzmannUnit.Gaussian
            ? ", and samples of mean 0 and variance 1"
            : ", and samples from 0 to 1")
        + $". The machine is as it was before epoch {epoch}.")
    {
        Epoch = epoch,
        Batch = null,
        Layer = null,
        LearningRate = LearningRate,
    };

    private void CheckSettings()
    {
        string? wrong = VisibleUnits == BoltzmannUnit.Rectified ? "VisibleUnits are binary or Gaussian, not rectified"
            : HiddenUnits == BoltzmannUnit.Gaussian ? "HiddenUnits are binary or rectified, not Gaussian"
            : Steps < 1 ? $"Steps is at least 1, not {Steps}"
            : BatchSize < 1 ? $"BatchSize is at least 1, not {BatchSize}"
            : BatchesPerEpoch < 1 ? $"BatchesPerEpoch is at least 1, not {BatchesPerEpoch}"
            : null;
        if (wrong is not null)
        {
            throw new EngineException($"A Boltzmann machine cannot be trained so: {wrong}.");
        }
    }

    private Tensor Check(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Shape.Rank == 2 && x.Shape[1] == Visible ? x : throw new EngineException(
            $"A Boltzmann machine of {Visible} visible units takes samples of (n, {Visible}), not {x.Shape}.");
    }

    private Tensor Call(ref Function? function, Func<Variable, Variable> of, Tensor x)
    {
        using Gate.Reading reading = _gate.Read();
        _turns.ThrowIfDisposed();
        return Made(ref function, Compiled).Call(x.Cast(DType.Float32))[0];

        Function Compiled()
        {
            Input v = Symbolic.Matrix("v");
            return Function.Compile([v], [of(v)], device: Device ?? Device.Default);
        }
    }

    /// <summary>Returns what the first thread that needs it creates.</summary>
    private T Made<T>(ref T? made, Func<T> create) where T : class
    {
        lock (_lock)
        {
            return made ??= create();
        }
    }

    private SharedVariable Kept(SharedVariable variable)
    {
        lock (_lock)
        {
            _owned.Add(variable);
            return variable;
        }
    }
}
