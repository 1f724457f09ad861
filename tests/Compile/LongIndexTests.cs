using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Inspection;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>int64 indices and labels: those beyond int32 are refused as they were given.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class LongIndexTests(bool isGpu)
{
    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    private static IEnumerable<TestCaseData> Uses =>
    [
        Of("gather", "index", (x, i) => Gather(x, i)),
        Of("the gradient of a gather", "index", (x, i) => Grad(Sum(Square(Gather(x, i))), x)),
        Of("elements of lines", "index", (x, i) => TakeAlongAxis(x, DimShuffle(i, 0, NewAxis))),
        Of("scatter", "index", (x, i) => Scatter(x, DimShuffle(i, 0, NewAxis), Constant(1f))),
        Of("an index expression", "index", (x, i) => x[.., i]),
        Of("what is set", "index", (x, i) => SetSubtensor(x[i], 0)),
        Of("labels", "label", (x, i) => CategoricalCrossEntropy(Softmax(x), i)),
    ];

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [TestCaseSource(nameof(Uses))]
    public void An_index_beyond_int32_is_named(string what, Func<Variable, Variable, Variable> use)
    {
        Input x = Matrix("x"), i = Vector("i", DType.Int64), same = Vector("same", DType.Int32);
        using var f = Function.Compile([x, i], [use(x, i)], device: Device);
        using var small = Function.Compile([x, same], [use(x, same)], device: Device);
        Tensor values = Tensor.From([1f, 2, 3, 4], 2, 2);
        foreach (long wrong in (long[])[
            4294967296, -4294967296, 4294967297, int.MaxValue + 1L, long.MaxValue, long.MinValue])
        {
            Assert.That(
                () => f.Call(values, Tensor.From([1L, wrong])), Throws.TypeOf<EngineException>().With.Message.Matches(
                    $@"^The {what} {wrong} lies outside every axis: no axis is longer than 2147483647\. Built at .*LongIndexTests\.cs:\d+\.$"));
        }

        Assert.That(
            f.Call(values, Tensor.From([1L, 0]))[0].Bytes.ToArray(),
            Is.EqualTo(small.Call(values, Tensor.From([1, 0]))[0].Bytes.ToArray()));
    }

    [Test]
    public void A_label_beyond_int32_is_named()
    {
        (Tensor points, int[] labels) = Toy.Clouds(9);
        long[] wrong = [.. labels];
        wrong[4] = 4294967296;
        using NeuralNet net = NeuralNetTests.Small(1);
        Assert.That(() => net.Fit(points, Tensor.From(wrong)), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "The label of sample 4 is 4294967296, but the network has "));
        net.Initialize();
        Assert.That(() => ConfusionMatrix.Of(net, points, Tensor.From(wrong)),
            Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "The label of sample 4 is 4294967296: labels go from 0"));
    }

    private static TestCaseData Of(string name, string what, Func<Variable, Variable, Variable> use) =>
        new TestCaseData(what, use).SetArgDisplayNames(name);
}
