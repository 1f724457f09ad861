using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Arguments to which no result belongs, and the sentences that say so before anything is built.</summary>
[TestFixture]
public sealed class ArgumentTests
{
    private static readonly CpuDevice s_cpu = new(2);

    private static readonly RandomStream s_stream = new(5);

    private static IEnumerable<TestCaseData> Refused =>
    [
        Of(() => AdaptivePool(Images(4, 4), [70_000, 70_000]),
            "adaptivePool of 'x' (float32 (1, 1, 4, 4)): (1, 1, 70000, 70000) would be"),
        Of(() => AdaptivePool(Images(4), [2_000_000_000]), "(1, 1, 2000000000, 2) would be 4,000,000,000 elements"),
        Of(() => Resize(Images(4, 4), [70_000, 70_000]),
            "resize of 'x' (float32 (1, 1, 4, 4)): (1, 1, 70000, 70000) would be"),
        Of(() => Resize(Images(4, 4), [70_000, 70_000], ResizeMode.Linear), "4,900,000,000 elements"),
        Of(() => Concat(0, [.. Enumerable.Repeat(Images(4), 9), Vector("y")]), "float32 (1, 1, 4) and 2 more: "),
        Of(() => MatMul(Variable("x", DType.Float32, [2, 3, 4]), Variable("y", DType.Float32, [3, 4, 5])),
            "matMul cannot take float32 (2, 3, 4) and float32 (3, 4, 5): the dimensions 2 and 3 of axis 0 do not "
            + "broadcast."),
        Of(() => UnravelIndex(IntVector("x"), [2, Shape.Unknown])[0],
            "unravelIndex needs the dimensions behind the first, not (2, ?)"),
        Of(() => RavelMultiIndex([IntVector("x"), IntVector("y")], [2, Shape.Unknown]),
            "ravelMultiIndex needs the dimensions"),
        Of(() => s_stream.Binomial([3], 1.5), "A probability is from 0 to 1, not 1.5."),
        Of(() => s_stream.Binomial([3], double.NaN), "A probability is from 0 to 1, not NaN."),
        Of(() => s_stream.Binomial([3], 0.5, trials: -1), "-1 numbers cannot be drawn"),
        Of(() => s_stream.Binomial([Shape.Unknown]), "name a variable of that shape"),
        Of(() => s_stream.Multinomial(Vector("p"), trials: -3), "-3 numbers cannot be drawn"),
        Of(() => s_stream.Multinomial(Scalar("p")), "by probabilities (…, classes), not by 'p' (float32 ())."),
        Of(() => s_stream.Choice(Variable("p", DType.Float32, [0]), 2),
            "by probabilities (…, classes), not by 'p' (float32 (0))."),
        Of(() => s_stream.Choice(Vector("p"), -1), "-1 numbers cannot be drawn"),
        Of(() => s_stream.Choice(0, [3]), "There are no 3 of 0 to choose."),
        Of(() => s_stream.Choice(-5, []), "There are no 1 of -5 to choose."),
        Of(() => s_stream.Choice(5, [Shape.Unknown], replace: false), "name a variable of that shape"),
        Of(() => s_stream.TruncatedNormal([3], -2), "at most some standard deviations from the mean, not -2."),
        Of(() => s_stream.TruncatedNormal([3], double.NaN), "not NaN."),
        Of(() => Vector("x") is var x ? Grad(Sum(Summed.Call(x)), x) : throw new InvalidOperationException(),
            "The gradient of summed with respect to its input 0, a float32 (?), cannot be a float32 ()."),
    ];

    private static OpFromGraph Summed { get; } = Vector("a") is var a
        ? new OpFromGraph([a], [a * 2], "summed", (_, _, grads) => [Sum(grads[0])])
        : throw new InvalidOperationException();

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [TestCaseSource(nameof(Refused))]
    public void What_has_no_result_is_refused_in_a_sentence(Func<Variable> expression, string message) =>
        Assert.That(expression, Throws.TypeOf<EngineException>().With.Message.Contains(message));

    [Test]
    public void A_copy_swaps_only_what_the_function_uses()
    {
        SharedVariable used = Shared(Tensor.Scalar(1f), "used"), other = Shared(Tensor.Scalar(2f), "other");
        using var f = Function.Compile([], [used + 1], device: s_cpu);

        Assert.That(
            () => f.Copy(new Dictionary<SharedVariable, SharedVariable> { [other] = used }),
            Throws.TypeOf<EngineException>().With.Message.EqualTo(
                "'other' (float32 ()) cannot be replaced: the function does not use it."));
    }

    /// <summary>Windows of an adaptive pool have different lengths, overlap, or are one element each.</summary>
    [Test]
    public void An_adaptive_pool_and_its_gradient_are_those_of_its_windows(
        [Values(1, 2, 5, 7, 12)] int dimension, [Values(1, 3, 4, 7, 20)] int windows, [Values] PoolMode mode)
    {
        Input x = Variable("x", DType.Float64, [2, 1, dimension, 2]);
        Variable pooled = AdaptivePool(x, [windows, 2], mode);
        Variable expected = Concat(2, [.. Enumerable.Range(0, windows).Select(i =>
        {
            Variable window = x[.., .., (i * dimension / windows)..((((i + 1) * dimension) + windows - 1) / windows)];
            return mode switch
            {
                PoolMode.Max or PoolMode.MaxToAll => Max(window, [2], keepDims: true),
                PoolMode.Sum => Sum(window, [2], keepDims: true),
                _ => Mean(window, [2], keepDims: true),
            };
        })]);
        Variable weights = Sin(Reshape(ARange(4 * windows), [2, 1, windows, 2]));
        Variable[] both = [.. ((Variable[])[pooled, expected]).SelectMany(
            y => (Variable[])[y, Grad(Sum(y * Cast(weights, DType.Float64)), x)])];
        using var f = Function.Compile([x], both, device: s_cpu);

        // Some elements are equal.
        Tensor[] results = f.Call(
            Tensor.From([.. Enumerable.Range(0, 4 * dimension).Select(i => (double)(i * 7 % 5))], 2, 1, dimension, 2));

        for (int i = 0; i < 2; i++)
        {
            Assert.That(results[i].Shape, Is.EqualTo(results[i + 2].Shape));
            Assert.That(results[i].ToArray<double>(), Is.EqualTo(results[i + 2].ToArray<double>()).Within(1e-12));
        }
    }

    private static Input Images(params int[] plane) => Variable("x", DType.Float32, [1, 1, .. plane]);

    private static TestCaseData Of(Func<Variable> expression, string message) =>
        new TestCaseData(expression, message).SetArgDisplayNames(message);
}
