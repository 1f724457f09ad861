using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Kernels of different grids and blocks in one launch: each finds its own blocks and threads, in all dimensions.
/// </summary>
[TestFixture]
public sealed class HorizontalFusionTests
{
    /// <summary>Independent outputs of these inputs.</summary>
    private static readonly (string Name, Func<Input, Input, Input, Variable[]> Outputs)[] s_cases =
    [
        // Several parts along the depth, several tiles along both sides.
        ("products of different depths", (a, b, _) =>
            [Dot(a, b), Dot(a, a, transposeB: true), Dot(b, b, transposeA: true), Dot(b, a)]),

        // A convolution's block has as many threads as its tiles need, a product's block has 256.
        ("a small convolution and a product", (a, b, x) =>
            [Dot(a, b), Conv2D(x, Constant(Tensor.From(Numbers(2, 18), 2, 1, 3, 3)))]),
        ("sums beside a convolution", (a, b, x) =>
            [Sum(a, [0]), Conv2D(x, Constant(Tensor.From(Numbers(2, 9), 1, 1, 3, 3))), Tanh(b)]),
    ];

    private static IEnumerable<TestCaseData> Cases =>
        s_cases.Select(each => new TestCaseData(each.Outputs).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Cases))]
    public void Each_computes_what_it_does_alone(Func<Input, Input, Input, Variable[]> outputs)
    {
        Input a = Matrix("a"), b = Matrix("b"), x = Tensor4("x");
        Variable[] all = outputs(a, b, x);
        Input[] inputs = [.. FunctionGraph.Leaves(all).OfType<Input>().Distinct()];
        Tensor[] arguments = [.. inputs.Select(input => input.Name switch
        {
            "a" => Tensor.From(Numbers(3, 40 * 700), 40, 700),
            "b" => Tensor.From(Numbers(4, 700 * 40), 700, 40),
            _ => Tensor.From(Numbers(5, 2 * 5 * 5), 2, 1, 5, 5),
        })];
        using var cpu = new CpuDevice(1);
        using var joined = Function.Compile(inputs, all, device: CudaTestDevice.Open());
        using var expected = Function.Compile(inputs, all, device: cpu);

        Tensor[] actual = joined.Call(arguments), alone = expected.Call(arguments);

        Assert.That(joined.Launches.Any(launch => launch.Name.Contains(" + ")), "nothing was joined");
        for (int i = 0; i < actual.Length; i++)
        {
            Assert.That(
                NdArray.From(actual[i]).Data, Is.EqualTo(NdArray.From(alone[i]).Data).Within(1e-4), $"output {i}");
        }
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
