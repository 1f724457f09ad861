using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>Represents stochastic gradient descent: p' = p − lr · g.</summary>
public sealed record Sgd : ParameterRule
{
    /// <summary>Creates the rule with this learning rate.</summary>
    public Sgd(float learningRate) : base(learningRate)
    {
    }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state) =>
        [new Update(parameter, parameter - (learningRate * gradient))];
}

/// <summary>Represents gradient descent with momentum: v' = m · v − lr · g; p' = p + v'. v begins at 0.</summary>
public sealed record Momentum : ParameterRule
{
    /// <summary>Creates the rule with this learning rate and momentum.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Momentum(float learningRate, float momentum = 0.9f) : base(learningRate) => Inertia = Factor(momentum);

    /// <summary>Gets the momentum m, the decay factor of the velocity.</summary>
    public float Inertia { get; }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state)
    {
        Variable m = state.Value("momentum", Inertia);
        SharedVariable velocity = state.Zeros(parameter, "velocity");
        Variable v = (m * velocity) - (learningRate * gradient);
        yield return new Update(velocity, v);
        yield return new Update(parameter, parameter + v);
    }
}

/// <summary>
/// Represents Nesterov's momentum in Lasagne's form, with the gradient at the parameters themselves: v' = m · v − lr ·
/// g; p' = p + m · v' − lr · g. v begins at 0 (Sutskever, Martens, Dahl, Hinton: On the importance of initialization
/// and momentum in deep learning. ICML 2013; this form: Bengio, Boulanger-Lewandowski, Pascanu, arXiv:1212.0901).
/// </summary>
public sealed record NesterovMomentum : ParameterRule
{
    /// <summary>Creates the rule with this learning rate and momentum.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public NesterovMomentum(float learningRate, float momentum = 0.9f)
        : base(learningRate) => Momentum = Factor(momentum);

    /// <summary>Gets the momentum m, the decay factor of the velocity.</summary>
    public float Momentum { get; }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state)
    {
        Variable m = state.Value("momentum", Momentum);
        SharedVariable velocity = state.Zeros(parameter, "velocity");
        Variable step = learningRate * gradient;
        Variable v = (m * velocity) - step;
        yield return new Update(velocity, v);
        yield return new Update(parameter, parameter + (m * v) - step);
    }
}

/// <summary>
/// Represents Adagrad: a' = a + g²; p' = p − lr · g / √(a' + epsilon). a begins at 0 (Duchi, Hazan, Singer: Adaptive
/// subgradient methods. JMLR 12, 2011).
/// </summary>
public sealed record Adagrad : ParameterRule
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Adagrad(float learningRate = 1, float epsilon = 1e-6f) : base(learningRate) => Epsilon = Positive(epsilon);

    /// <summary>Gets the small number that keeps the root away from 0.</summary>
    public float Epsilon { get; }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state)
    {
        SharedVariable sum = state.Zeros(parameter, "squares");
        Variable a = sum + Symbolic.Square(gradient);
        yield return new Update(sum, a);
        yield return new Update(parameter, parameter - (learningRate * gradient / Symbolic.Sqrt(a + Epsilon)));
    }
}

/// <summary>
/// Represents RMSProp: a' = rho · a + (1 − rho) · g²; p' = p − lr · g / √(a' + epsilon). a begins at 0 (Tieleman,
/// Hinton: Lecture 6.5 of Neural networks for machine learning. Coursera 2012).
/// </summary>
public sealed record RmsProp : ParameterRule
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public RmsProp(float learningRate = 1, float rho = 0.9f, float epsilon = 1e-6f) : base(learningRate)
    {
        Rho = Factor(rho);
        Epsilon = Positive(epsilon);
    }

    /// <summary>Gets the decay factor of the average.</summary>
    public float Rho { get; }

    /// <summary>Gets the small number that keeps the root away from 0.</summary>
    public float Epsilon { get; }

    /// <inheritdoc/>
    protected override IEnumerable<Update> Step(
        SharedVariable parameter, Variable gradient, Variable learningRate, RuleState state)
    {
        Variable rho = state.Value("rho", Rho);
        SharedVariable average = state.Zeros(parameter, "squares");
        Variable a = (rho * average) + ((1 - rho) * Symbolic.Square(gradient));
        yield return new Update(average, a);
        yield return new Update(parameter, parameter - (learningRate * gradient / Symbolic.Sqrt(a + Epsilon)));
    }
}

/// <summary>
/// Represents Adam: t' = t + 1; m' = beta1 · m + (1 − beta1) · g; v' = beta2 · v + (1 − beta2) · g²; p' = p − lr · √(1
/// − beta2^t') / (1 − beta1^t') · m' / (√v' + epsilon). All begin at 0 (Kingma, Ba: Adam. ICLR 2015, in the order of
/// computation given at the end of its section 2).
/// </summary>
public sealed record Adam : UpdateRule
{
    /// <summary>Creates the rule with these settings.</summary>
    /// <exception cref="EngineException">A setting is outside its range.</exception>
    public Adam(float learningRate = 0.001f, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-8f)
        : base(learningRate)
    {
        Beta1 = Factor(beta1);
        Beta2 = Factor(beta2);
        Epsilon = Positive(epsilon);
    }

    /// <summary>Gets the decay factor of the gradients' average.</summary>
    public float Beta1 { get; }

    /// <summary>Gets the decay factor of the squares' average.</summary>
    public float Beta2 { get; }

    /// <summary>Gets the small number that keeps the divisor away from 0.</summary>
    public float Epsilon { get; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        Variable beta1 = state.Value("beta1", Beta1), beta2 = state.Value("beta2", Beta2);
        SharedVariable steps = state.Zero("steps");
        Variable t = steps + 1;
        Variable rate = learningRate * Symbolic.Sqrt(1 - Symbolic.Power(beta2, t)) / (1 - Symbolic.Power(beta1, t));
        List<Update> updates = [new Update(steps, t)];
        foreach ((SharedVariable p, Variable g) in parameters.Zip(gradients))
        {
            SharedVariable mean = state.Zeros(p, "mean"), square = state.Zeros(p, "squares");
            Variable m = (beta1 * mean) + ((1 - beta1) * g);
            Variable v = (beta2 * square) + ((1 - beta2) * Symbolic.Square(g));
            updates.Add(new Update(mean, m));
            updates.Add(new Update(square, v));
            updates.Add(new Update(p, p - (rate * m / (Symbolic.Sqrt(v) + Epsilon))));
        }

        return updates;
    }
}
