using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Masks in index expressions: constants of any rank, which have the dimensions that they are for.</summary>
public sealed class MaskTests
{
    private static readonly Variable s_mask =
        Constant(Tensor.From(new[,] { { true, false, true }, { false, true, false } }));

    private static readonly (string Name, Func<Input, Variable> Make, string Message)[] s_refused =
    [
        ("another dimension", x => x[.., new[] { true, false }],
            "is indexed by the mask 'bool (2)' (bool (2)): a mask has the dimensions"),
        ("a longer mask", x => x[.., new[] { true, false, false, false }],
            "a mask has the dimensions of the axes that it is for"),
        ("other dimensions", x => x[Constant(Tensor.From(new bool[3, 2]))],
            "'x' (float32 (2, 3)) is indexed by the mask"),
        ("more axes", x => x[0, s_mask], "'x' (float32 (2, 3)) has 2 axes: an index expression has at most as many"),
        ("a computed mask", x => x[Greater(x, 0)], "how many elements that is depends on values"),
        ("a mask without dimensions", x => x[Constant(1, DType.Bool)], "how many elements that is depends on values"),
    ];

    private static IEnumerable<TestCaseData> Refused =>
        s_refused.Select(each => new TestCaseData(each.Make, each.Message).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Refused))]
    public void A_mask_that_does_not_fit_is_refused_in_a_sentence(Func<Input, Variable> make, string message) =>
        Assert.That(
            () => make(Variable("x", DType.Float32, [2, 3])), Throws.TypeOf<EngineException>().With.Message
                .Contains(message));

    [Test]
    public void It_is_refused_by_the_call_that_tells_the_dimensions()
    {
        Input x = Matrix("x");
        using var f = Function.Compile([x], [x[.., new[] { true, false, false, false }]]);
        Assert.That(
            () => f.Call(new Tensor(DType.Float32, [2, 3])),
            Throws.TypeOf<EngineException>().With.Message.Contains("its 6 elements do not fill the shape (2, 4)"));
        Assert.That(f.Call(new Tensor(DType.Float32, [2, 4]))[0].Shape, Is.EqualTo(new Shape(2, 1)));
    }

    [Test]
    public void The_gradient_goes_to_what_a_mask_selects()
    {
        Input x = Matrix("x");
        Assert.That(
            Grad(Sum(Square(x[s_mask])), x).Eval((x, Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3))).ToArray<float>(),
            Is.EqualTo([2f, 0, 6, 0, 10, 0]));
    }
}
