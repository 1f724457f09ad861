using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Launches of ops that others are joined to: epilogues of parts, faults of parts, rows at any address.
/// </summary>
[TestFixture]
public sealed class CudaLoweringTests
{
    private static readonly CpuDevice s_cpu = new(1);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    /// <summary>The root of each part's sum, or the root of the sum twice, would be another number.</summary>
    [TestCase(1, 20_000, TestName = "Parts_of_a_row_are_joined_before_the_epilogue")]
    [TestCase(0, 3_000, TestName = "Parts_of_columns_are_joined_before_the_epilogue")]
    public void Parts_are_joined_before_the_epilogue(int axis, int count)
    {
        Input x = Matrix("x");
        using Function cuda = Compile(CudaTestDevice.Open()), cpu = Compile(s_cpu);
        Tensor argument = Draw(1, axis == 1 ? [2, count] : [count, 2]);

        Assert.That(Values(cuda.Call(argument)[0]), Is.EqualTo(Values(cpu.Call(argument)[0])).Within(1e-4));
        Assert.That(cuda.Launches, Has.Count.EqualTo(2), "parts, and their sum with the root");

        Function Compile(Engine.Devices.Device device) =>
            Function.Compile([x], [Sqrt(Sum(Square(x), [axis])) + 3], device: device);
    }

    [Test]
    public void A_fault_of_an_op_with_an_epilogue_is_reported([Values] bool synchronous)
    {
        Input x = Matrix("x"), labels = IntVector("labels");
        SharedVariable first = Shared(Draw(2, 6, 5)), second = Shared(Draw(3, 5, 4)), bias = Shared(Draw(4, 4));
        Variable hidden = Rectify(Dot(x, first));
        Variable loss = Mean(CategoricalCrossEntropy(Softmax(Dot(hidden, second) + bias), labels));
        using var function = Function.Compile(
            [x, labels], [loss, .. Grad(loss, [first, second, bias])], device: CudaTestDevice.Open(synchronous));
        Tensor rows = Draw(5, 3, 6);
        Assert.That(
            () => function.Call(rows, Tensor.From([0, 9, 1])),
            Throws.TypeOf<EngineException>().With.Message.Contains("9"), "in the first call");
        float expected = function.Call(rows, Tensor.From([0, 3, 1]))[0].AsSpan<float>()[0];

        Assert.That(
            () => function.Call(rows, Tensor.From([0, 4, 1])),
            Throws.TypeOf<EngineException>().With.Message.Contains("4"));
        Assert.That(
            function.Call(rows, Tensor.From([0, 3, 1]))[0].AsSpan<float>()[0], Is.EqualTo(expected));
        Assert.That(
            function.Launches.SelectMany(launch => launch.Kernels).Select(kernel => kernel.Name),
            Has.Some.Contains("denseCrossEntropy"));
    }

    /// <summary>The launches after the fault read the losses: all are written.</summary>
    [Test]
    public void A_label_of_no_class_is_reported_in_the_first_call([Values] bool isSoftmax, [Values] bool hasGradient)
    {
        Input x = Matrix("x"), labels = IntVector("labels");
        Variable loss = Mean(CategoricalCrossEntropy(isSoftmax ? Softmax(x) : x, labels));
        using var function = Function.Compile(
            [x, labels], hasGradient ? [loss, Grad(loss, x)] : [loss], device: CudaTestDevice.Open());

        Assert.That(
            () => function.Call(Draw(6, 3, 4), Tensor.From([0, 9, 1])),
            Throws.TypeOf<EngineException>().With.Message.Contains("9"));
    }

    /// <summary>Rows of 16 bytes that begin at no multiple of 16 bytes are not copied by vectors of 16.</summary>
    [Test]
    public void Rows_at_any_address_are_multiplied([Values(0, 1, 2, 3)] int offset)
    {
        Input flat = Vector("flat"), w = Matrix("w"), start = IntScalar("start");
        using Function cuda = Compile(CudaTestDevice.Open()), cpu = Compile(s_cpu);
        Tensor[] arguments = [Draw(6, 40 + offset), Draw(7, 4, 4), Tensor.Scalar(3)];

        Assert.That(Values(cuda.Call(arguments)[0]), Is.EqualTo(Values(cpu.Call(arguments)[0])).Within(1e-5));
        Assert.That(
            cuda.Launches.SelectMany(launch => launch.Kernels).Select(kernel => kernel.Name),
            Has.Some.Contains("of rows"));

        Function Compile(Engine.Devices.Device device) => Function.Compile(
            [flat, w, start],
            [Dot(TakeRows(Reshape(flat[offset..(offset + 40)], 10, 4), start, Constant(5, DType.Int32)), w)],
            device: device);
    }

    private static double[] Values(Tensor tensor) => NdArray.From(tensor).Data;

    private static Tensor Draw(int seed, params int[] dimensions)
    {
        var random = new Random(seed);
        return Tensor.From([.. Enumerable.Range(0, dimensions.Aggregate(1, (a, b) => a * b))
            .Select(_ => random.NextSingle() - 0.5f)]).Reshape(dimensions);
    }
}
