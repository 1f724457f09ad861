using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Provides the update rules as functions, for graphs written by hand: they return a function's <c>updates</c>. Use
/// them with <c>using static Engine.Training.Updates;</c>. Each call creates its own state, which begins at 0.
/// </summary>
public static class Updates
{
    /// <summary>Returns the updates of <see cref="Training.Sgd"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Sgd(
        Variable loss, IReadOnlyList<SharedVariable> parameters, float learningRate) =>
        new Sgd(learningRate).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.Momentum"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Momentum(
        Variable loss, IReadOnlyList<SharedVariable> parameters, float learningRate, float momentum = 0.9f) =>
        new Momentum(learningRate, momentum).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.NesterovMomentum"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> NesterovMomentum(
        Variable loss, IReadOnlyList<SharedVariable> parameters, float learningRate, float momentum = 0.9f) =>
        new NesterovMomentum(learningRate, momentum).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.Adagrad"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Adagrad(
        Variable loss, IReadOnlyList<SharedVariable> parameters, float learningRate = 1, float epsilon = 1e-6f) =>
        new Adagrad(learningRate, epsilon).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.RmsProp"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> RmsProp(
        Variable loss,
        IReadOnlyList<SharedVariable> parameters,
        float learningRate = 1,
        float rho = 0.9f,
        float epsilon = 1e-6f) =>
        new RmsProp(learningRate, rho, epsilon).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.Adam"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Adam(
        Variable loss,
        IReadOnlyList<SharedVariable> parameters,
        float learningRate = 0.001f,
        float beta1 = 0.9f,
        float beta2 = 0.999f,
        float epsilon = 1e-8f) =>
        new Adam(learningRate, beta1, beta2, epsilon).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.Adadelta"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Adadelta(
        Variable loss,
        IReadOnlyList<SharedVariable> parameters,
        float learningRate = 1,
        float rho = 0.95f,
        float epsilon = 1e-6f) =>
        new Adadelta(learningRate, rho, epsilon).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.Adamax"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Adamax(
        Variable loss,
        IReadOnlyList<SharedVariable> parameters,
        float learningRate = 0.002f,
        float beta1 = 0.9f,
        float beta2 = 0.999f,
        float epsilon = 1e-8f) =>
        new Adamax(learningRate, beta1, beta2, epsilon).BuildFixed(loss, parameters);

    /// <summary>Returns the updates of <see cref="Training.AmsGrad"/>.</summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> AmsGrad(
        Variable loss,
        IReadOnlyList<SharedVariable> parameters,
        float learningRate = 0.001f,
        float beta1 = 0.9f,
        float beta2 = 0.999f,
        float epsilon = 1e-8f) =>
        new AmsGrad(learningRate, beta1, beta2, epsilon).BuildFixed(loss, parameters);

    /// <summary>
    /// Returns the updates of any rule: <c>Updates.Of(new Lookahead(new Adam()), loss, parameters)</c>.
    /// </summary>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public static IReadOnlyList<Update> Of(UpdateRule rule, Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule.BuildFixed(loss, parameters);
    }
}
