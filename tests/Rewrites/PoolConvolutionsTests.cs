using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class PoolConvolutionsTests
{
    private readonly Input _images = Tensor4("x");

    [TestCase(true)]
    [TestCase(false)]
    public void A_convolution_its_pooling_and_their_gradients_become_two_ops_that_give_the_same(bool isRectified)
    {
        SharedVariable w = Weights([7, 3, 3, 2], 1), b = Weights([7], 2), w2 = Weights([5, 7, 2, 2], 3);
        Variable hidden = MaxPool2D(Activation(Conv2D(_images, w, bias: b)), (2, 2));
        Variable y = MaxPool2D(Activation(Conv2D(hidden, w2)), (2, 2));
        Variable loss = Sum(y * y);

        AssertTheSame([loss, y, .. Grad(loss, [w, b, w2])], Count<Conv2DMaxPool>(2), Count<Conv2DMaxPoolGradients>(2));

        Variable Activation(Variable x) => isRectified ? Rectify(x) : x;
    }

    [TestCase(DType.BFloat16)]
    [TestCase(DType.Float16)]
    public void In_mixed_precision_a_gradient_is_rounded_before_it_reaches_the_maxima(DType stored)
    {
        // Small integers: all sums are exact, so that both ways round the same numbers.
        SharedVariable w = Whole([7, 3, 3, 2], 1), b = Whole([7], 2), w2 = Whole([5, 7, 2, 2], 3);
        Variable hidden = MaxPool2D(Rectify(Conv2D(Round(_images), w, bias: b)), (2, 2));
        Variable y = MaxPool2D(Conv2D(hidden, w2), (2, 2));
        Variable loss = Sum(y * y);

        AssertTheSame(
            [.. MixedPrecision.Apply([loss, y, .. Grad(loss, [w, b, w2])], stored)],
            Count<Conv2DMaxPool>(2), Count<Conv2DMaxPoolGradients>(2), Count<MaxPool2DGradient>(0));

        static SharedVariable Whole(int[] dimensions, int seed) => Shared(Tensor.From(
            [.. Drawn(dimensions, seed).AsSpan<float>().ToArray().Select(x => MathF.Round(3 * x))], dimensions));
    }

    [Test]
    public void What_is_pooled_and_wanted_otherwise_too_stays_two_ops()
    {
        SharedVariable w = Weights([4, 3, 2, 2], 4);
        Variable whole = Rectify(Conv2D(_images, w));

        AssertTheSame([MaxPool2D(whole, (2, 2)), Mean(whole)], Count<Conv2DMaxPool>(0), Count<MaxPool2D>(1));
    }

    [Test]
    public void Other_windows_strides_and_activations_stay_two_ops()
    {
        SharedVariable w = Weights([4, 3, 2, 2], 5);

        AssertTheSame([MaxPool2D(Conv2D(_images, w), (3, 3))], Count<Conv2DMaxPool>(0));
        AssertTheSame([MaxPool2D(Conv2D(_images, w), (2, 2), stride: (1, 1))], Count<Conv2DMaxPool>(0));
        AssertTheSame([MaxPool2D(Conv2D(_images, w, stride: (2, 2)), (2, 2))], Count<Conv2DMaxPool>(0));
        AssertTheSame([MaxPool2D(Tanh(Conv2D(_images, w)), (2, 2))], Count<Conv2DMaxPool>(0));
    }

    [Test]
    public void A_gradient_that_is_itself_an_output_stays()
    {
        SharedVariable w = Weights([4, 3, 2, 2], 6);
        Variable whole = Conv2D(_images, w), loss = Sum(MaxPool2D(whole, (2, 2)));

        AssertTheSame([.. Grad(loss, [whole, w])], Count<Conv2DMaxPoolGradients>(0));
    }

    private static Action<Function> Count<TOp>(int expected) where TOp : Op =>
        function => Assert.That(function.Nodes.Count(node => node.Op is TOp), Is.EqualTo(expected), typeof(TOp).Name);

    private static SharedVariable Weights(int[] dimensions, int seed) => Shared(Drawn(dimensions, seed));

    private static Tensor Drawn(int[] dimensions, int seed)
    {
        var random = new Random(seed);
        int count = dimensions.Aggregate((product, dimension) => product * dimension);
        return Tensor.From([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)], dimensions);
    }

    private void AssertTheSame(Variable[] outputs, params Action<Function>[] checks)
    {
        Tensor images = Drawn([3, 3, 11, 12], 7);
        using var plain = Function.Compile(
            [_images], outputs, options: new CompileOptions { Excluding = ["pool_convolutions"] });
        using var pooled = Function.Compile([_images], outputs);
        foreach ((Tensor expected, Tensor actual) in plain.Call(images).Zip(pooled.Call(images)))
        {
            Assert.That(actual.AsSpan<float>().ToArray(), Is.EqualTo(expected.AsSpan<float>().ToArray()).Within(2e-4));
        }

        Array.ForEach(checks, check => check(pooled));
    }
}
