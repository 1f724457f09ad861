using System.Globalization;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Returns x itself; no gradient flows through it.</summary>
internal sealed record DisconnectedGrad : View, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => SamplesOf(new DisconnectedGrad(), random);

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    internal static IEnumerable<Sample> SamplesOf(Op op, Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(op, new Arg(shape)) { HasGradient = false };
        yield return new Sample(op, Arg.Int(shape, -9, 9)) { HasGradient = false };
    }

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs) => inputs[0].Shape;
}

/// <summary>Returns x itself; its gradient is zero.</summary>
internal sealed record ZeroGrad : View, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => DisconnectedGrad.SamplesOf(new ZeroGrad(), random);

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.Zero(node.Inputs[0])];

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs) => inputs[0].Shape;
}

/// <summary>Returns x itself; its gradient is clipped to two bounds, element by element.</summary>
internal sealed record GradClip(double Min, double Max) : View, ISampled
{
    public override string Name => string.Create(CultureInfo.InvariantCulture, $"gradClip{{{Min}, {Max}}}");

    public static IEnumerable<Sample> Samples(Random random) =>
        DisconnectedGrad.SamplesOf(new GradClip(-0.1, 0.1), random)
            .Append(new Sample(new GradClip(-10, 10), new Arg([Arg.Dimension(random)])));

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.Clip(outputGrads[0]!, Min, Max)];

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs) => inputs[0].Shape;
}

/// <summary>Returns x itself; its gradient is multiplied by a number.</summary>
internal sealed record GradScale(double Factor) : View, ISampled
{
    public override string Name => string.Create(CultureInfo.InvariantCulture, $"gradScale{{{Factor}}}");

    public static IEnumerable<Sample> Samples(Random random) =>
        DisconnectedGrad.SamplesOf(new GradScale(-0.5), random)
            .Append(new Sample(new GradScale(1), new Arg([Arg.Dimension(random)])));

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [outputGrads[0]! * Factor];

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs) => inputs[0].Shape;
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns x itself, which <see cref="Grad(Variable, Variable)"/> treats as a constant: a cost that depends on x
    /// only through it counts as disconnected from x. Theano's <c>disconnected_grad</c>, other libraries' stop
    /// gradient.
    /// </summary>
    public static Variable DisconnectedGrad(Variable x) => new DisconnectedGrad().Call(x);

    /// <summary>
    /// Returns x itself and makes the gradient that flows back through it zero; x counts as connected. Theano's
    /// <c>zero_grad</c>.
    /// </summary>
    public static Variable ZeroGrad(Variable x) => new ZeroGrad().Call(x);

    /// <summary>
    /// Returns x itself and multiplies the gradient that flows back through it by a number. With -1, a step that lowers
    /// the cost raises it for what comes before x. Theano's <c>grad_scale</c>.
    /// </summary>
    public static Variable GradScale(Variable x, double factor) => new GradScale(factor).Call(x);

    /// <summary>
    /// Returns x itself and clips the gradient that flows back through it to two bounds, element by element. Theano's
    /// <c>grad_clip</c>.
    /// </summary>
    /// <exception cref="EngineException">The lower bound is greater than the upper one.</exception>
    public static Variable GradClip(Variable x, double min, double max) => min <= max
        ? new GradClip(min, max).Call(x)
        : throw new EngineException(string.Create(
            CultureInfo.InvariantCulture,
            $"The gradient of '{x}' ({x.Type}) cannot be kept between {min} and {max}: the first is the greater."));
}
