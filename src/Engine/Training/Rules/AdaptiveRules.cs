using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Represents Adadelta: a' = rho · a + (1 − rho) · g²; u = g · √(d + epsilon) / √(a' + epsilon); p' = p − lr · u; d' =
/// rho · d + (1 − rho) · u². a and d begin at 0 (Zeiler: Adadelta. arXiv:1212.5701; Lasagne's form).
/// </summary>
public sealed record Adadelta : ParameterRule
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Adadelta(float learningRate = 1, float rho = 0.95f, float epsilon = 1e-6f) : base(learningRate) =>
        (Rho, Epsilon) = (Factor(rho), Positive(epsilon));

    /// <summary>Gets the decay factor of the averages.</summary>
    public float Rho { get; }

    /// <summary>Gets the small number that keeps the roots away from 0.</summary>
    public float Epsilon { get; }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state)
    {
        Variable rho = state.Value("rho", Rho);
        SharedVariable average = state.Zeros(parameter, "squares"), deltas = state.Zeros(parameter, "deltas");
        Variable a = (rho * average) + ((1 - rho) * Symbolic.Square(gradient));
        Variable u = gradient * Symbolic.Sqrt(deltas + Epsilon) / Symbolic.Sqrt(a + Epsilon);
        yield return new Update(average, a);
        yield return new Update(parameter, parameter - (learningRate * u));
        yield return new Update(deltas, (rho * deltas) + ((1 - rho) * Symbolic.Square(u)));
    }
}

/// <summary>Represents Adam's variants, which share averages of gradients and a counter of steps.</summary>
public abstract record AdamBase : UpdateRule
{
    private protected AdamBase(float learningRate, float beta1, float beta2, float epsilon) : base(learningRate) =>
        (Beta1, Beta2, Epsilon) = (Factor(beta1), Factor(beta2), Positive(epsilon));

    /// <summary>Gets the decay factor of the gradients' average.</summary>
    public float Beta1 { get; }

    /// <summary>Gets the decay factor of the measure of the gradients' size.</summary>
    public float Beta2 { get; }

    /// <summary>Gets the small number that keeps the divisor away from 0.</summary>
    public float Epsilon { get; }

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Variable beta1 = state.Value("beta1", Beta1), beta2 = state.Value("beta2", Beta2);
        SharedVariable steps = state.Zero("steps");
        Variable t = steps + 1;
        List<Update> updates = [new Update(steps, t)];
        foreach ((SharedVariable p, Variable g) in parameters.Zip(gradients))
        {
            SharedVariable mean = state.Zeros(p, "mean");
            Variable m = (beta1 * mean) + ((1 - beta1) * g);
            updates.Add(new Update(mean, m));
            updates.AddRange(Step(new Moment(p, g, m, t, beta1, beta2, learningRate), state));
        }

        return updates;
    }

    /// <summary>Returns the rule's own updates: of the parameter, and of the measure of the gradients' size.</summary>
    private protected abstract IEnumerable<Update> Step(Moment at, RuleState state);

    /// <summary>Returns 1 − beta ^ t, the bias correction of an average of t steps that begins at 0.</summary>
    private protected static Variable Bias(Variable beta, Variable t) => 1 - Symbolic.Power(beta, t);

    /// <summary>Returns beta · average + (1 − beta) · g².</summary>
    private protected static Variable Squares(Moment at, Variable average) =>
        (at.Beta2 * average) + ((1 - at.Beta2) * Symbolic.Square(at.Gradient));

    /// <summary>Represents a parameter in a step.</summary>
    private protected sealed record Moment(
        SharedVariable Parameter, Variable Gradient, Variable Mean, Variable Steps, Variable Beta1, Variable Beta2,
        Variable LearningRate);
}

/// <summary>
/// Represents Adamax, which is Adam with the largest gradient as its size: u' = max(beta2 · u, |g|); p' = p − lr / (1
/// − beta1^t) · m' / (u' + epsilon) (Kingma, Ba: Adam. ICLR 2015, section 7.1).
/// </summary>
public sealed record Adamax : AdamBase
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Adamax(float learningRate = 0.002f, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f)
        : base(learningRate, beta1, beta2, epsilon)
    {
    }

    private protected override IEnumerable<Update> Step(Moment at, RuleState state)
    {
        SharedVariable size = state.Zeros(at.Parameter, "size");
        Variable u = Symbolic.Maximum(at.Beta2 * size, Symbolic.Abs(at.Gradient));
        Variable rate = at.LearningRate / Bias(at.Beta1, at.Steps);
        return [new Update(size, u), new Update(at.Parameter, at.Parameter - (rate * at.Mean / (u + Epsilon)))];
    }
}

/// <summary>
/// Represents AMSGrad, which is Adam with a divisor that never shrinks: w' = max(w, v'); p' = p − lr · √(1 − beta2^t) /
/// (1 − beta1^t) · m' / (√w' + epsilon) (Reddi, Kale, Kumar: On the convergence of Adam and beyond. ICLR 2018;
/// Lasagne's form).
/// </summary>
public sealed record AmsGrad : AdamBase
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public AmsGrad(float learningRate = 0.001f, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f)
        : base(learningRate, beta1, beta2, epsilon)
    {
    }

    private protected override IEnumerable<Update> Step(Moment at, RuleState state)
    {
        SharedVariable squares = state.Zeros(at.Parameter, "squares"), max = state.Zeros(at.Parameter, "most");
        Variable v = Squares(at, squares), w = Symbolic.Maximum(max, v);
        Variable rate = at.LearningRate * Symbolic.Sqrt(Bias(at.Beta2, at.Steps)) / Bias(at.Beta1, at.Steps);
        return
        [
            new Update(squares, v), new Update(max, w),
            new Update(at.Parameter, at.Parameter - (rate * at.Mean / (Symbolic.Sqrt(w) + Epsilon))),
        ];
    }
}

/// <summary>
/// Represents AdamW, which is Adam with weight decay apart from the gradient: p' = p · (1 − lr · decay) − lr / (1 −
/// beta1^t) · m' / (√(v' / (1 − beta2^t)) + epsilon) (Loshchilov, Hutter: Decoupled weight decay regularization. ICLR
/// 2019; PyTorch's form). It decays all parameters, including biases. Use <see cref="RulesByName"/> for exceptions.
/// </summary>
public sealed record AdamW : AdamBase
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public AdamW(
        float learningRate = 0.001f, float decay = 0.01f, float beta1 = 0.9f, float beta2 = 0.999f,
        float epsilon = 1e-8f)
        : base(learningRate, beta1, beta2, epsilon) => Decay = NotNegative(decay);

    /// <summary>Gets the weight decay: a step subtracts lr · decay of each parameter.</summary>
    public float Decay { get; }

    private protected override IEnumerable<Update> Step(Moment at, RuleState state)
    {
        SharedVariable squares = state.Zeros(at.Parameter, "squares");
        Variable v = Squares(at, squares);
        Variable size = Symbolic.Sqrt(v / Bias(at.Beta2, at.Steps)) + Epsilon;
        Variable kept = at.Parameter * (1 - (at.LearningRate * state.Value("decay", Decay)));
        return
        [
            new Update(squares, v),
            new Update(at.Parameter, kept - (at.LearningRate / Bias(at.Beta1, at.Steps) * at.Mean / size)),
        ];
    }
}

/// <summary>
/// Represents Muon, a rule for weights: momentum, v' = m · v + g, with an orthogonalized step. The step is equally
/// large in all directions: p' = p · (1 − lr · decay) − lr · √max(1, outputs / inputs) · orthogonal(g + m · v') (Jordan
/// et al.: Muon, an optimizer for hidden layers in neural networks. 2024: five steps of Newton and Schulz). A
/// convolution's filters are the rows of a matrix. Parameters with fewer than two axes follow <see cref="Others"/>.
/// </summary>
public sealed record Muon : UpdateRule
{
    private const int Iterations = 5;
    private const double A = 3.4445, B = -4.7750, C = 2.0315, Epsilon = 1e-7;

    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Muon(float learningRate = 0.02f, float momentum = 0.95f, float decay = 0) : base(learningRate) =>
        (Momentum, Decay) = (Factor(momentum), NotNegative(decay));

    /// <summary>Gets the momentum m, the decay factor of the velocity.</summary>
    public float Momentum { get; }

    /// <summary>Gets the weight decay: a step subtracts lr · decay of each weight.</summary>
    public float Decay { get; }

    /// <summary>
    /// Gets or sets the rule for biases and other vectors. The ratio of its learning rate to Muon's stays constant.
    /// </summary>
    public UpdateRule Others { get; init; } = new AdamW(0.0003f);

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(state);
        Variable m = state.Value("momentum", Momentum), decay = state.Value("decay", Decay);
        int[] others = [.. Enumerable.Range(0, parameters.Count).Where(i => parameters[i].Rank < 2)];
        var updates = new List<Update>(RulesByName.PartOf(
            Others, LearningRate, [.. others.Select(i => parameters[i])], [.. others.Select(i => gradients[i])],
            learningRate, state.Of("others")));
        foreach ((SharedVariable p, Variable g) in parameters.Zip(gradients).Where(pair => pair.First.Rank >= 2))
        {
            SharedVariable velocity = state.Zeros(p, "velocity");
            Variable v = (m * velocity) + g;
            int rows = p.Shape[0], columns = p.Shape.Product(1, p.Rank);

            // Outputs are columns in a dense layer and rows in a convolution.
            double outputs = p.Rank == 2 ? columns : rows, inputs = p.Rank == 2 ? rows : columns;
            Variable step = Symbolic.Reshape(Orthogonal(g + (m * v), rows, columns), p.Shape);
            updates.Add(new Update(velocity, v));
            updates.Add(new Update(
                p, (p * (1 - (learningRate * decay)))
                    - (learningRate * Math.Sqrt(Math.Max(1, outputs / inputs)) * step)));
        }

        return updates;
    }

    /// <summary>Approximates U Vᵀ of a matrix U S Vᵀ: the singular values become numbers around 1.</summary>
    private static Variable Orthogonal(Variable gradient, int rows, int columns)
    {
        Variable x = Symbolic.Reshape(gradient, [rows, columns]);
        x /= Symbolic.Sqrt(Symbolic.Sum(Symbolic.Square(x))) + Epsilon;
        bool isTall = rows > columns;
        for (int i = 0; i < Iterations; i++)
        {
            Variable square = Symbolic.Dot(x, x, transposeA: isTall, transposeB: !isTall);
            Variable polynomial = (B * square) + (C * Symbolic.Dot(square, square));
            x = (A * x) + (isTall ? Symbolic.Dot(x, polynomial) : Symbolic.Dot(polynomial, x));
        }

        return x;
    }
}
