using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// At the limits of the number range, a function gives the same result everywhere: on both devices, as written and
/// rewritten, folded to a constant, and by the references with which DebugMode compares it.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class ReferenceTests(bool isGpu)
{
    private const double Nan = double.NaN;

    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    private static IEnumerable<TestCaseData> Programs =>
    [
        Of("the sum of integers wraps", x => Sum(x), Ints(int.MaxValue, int.MaxValue, 5), 3),
        Of(
            "a long sum of integers wraps", x => Sum(x), Ints([.. Enumerable.Repeat(int.MaxValue, 10001)]),
            int.MaxValue - 10000),
        Of("sums of columns wrap", x => Sum(Reshape(x, [2, 2]), [0]), Ints(int.MinValue, 7, -1, 8), int.MaxValue, 15),
        Of("|smallest integer| is itself", x => Abs(x), Ints(int.MinValue, -3), int.MinValue, 3),
        Of("-smallest integer is itself", x => -x, Ints(int.MinValue, -3), int.MinValue, 3),
        Of("a square wraps", x => Square(x), Ints(50000, 65536, 65537), -1794967296, 0, 131073),
        Of("products wrap, of which float64 loses digits", x => x * x, Ints(int.MaxValue, 1234567891), 1, -1521747479),
        Of("products of constants wrap", x => x * 65536 * 65536, Ints(1, 3), 0, 0),
        Of("fused sums and products wrap", x => ((x + 2147483000) * x) - x, Ints(1000), 351000),
        Of("a sum that wraps is less", x => Less(x + 1, x), Ints(int.MaxValue, 5), 1, 0),
        Of("an integer becomes a byte by its low bits", x => Cast(x, DType.UInt8), Ints(300, -1, 256, 7), 44, 255, 0,
            7),
        Of(
            "a number becomes the nearest byte", x => Cast(x, DType.UInt8), Floats(300, -1.5, 255.9, 2.9, Nan, -1e30),
            255, 0, 255, 2, 0, 0),
        Of(
            "a number becomes the nearest integer", x => Cast(x, DType.Int32), Floats(3e9, -3e9, Nan, 2.9, -2.9, 1e38),
            int.MaxValue, int.MinValue, 0, 2, -2, int.MaxValue),
        Of(
            "a number becomes the nearest integer within others", x => Cast(x, DType.Int32) - 1, Floats(3e9, -3e9, Nan),
            int.MaxValue - 1, int.MaxValue, -1),
        Of("integers are compared as float32 has them", x => Equal(x, x + 0.0), Ints(16777217, 5), 1, 1),
        Of(
            "integers are equal to numbers of float32 that they become",
            x => Equal(x, Constant(Tensor.From([16777216f, 16777216f]))), Ints(16777217, 16777219), 1, 0),
        Of(
            "the largest of a window with NaN is NaN", x => MaxPool2D(Reshape(x, [1, 1, 2, 2]), (2, 2)),
            Floats(1, Nan, 3, 2), Nan),
        Of(
            "so it is of convolved images",
            x => MaxPool2D(Conv2D(Reshape(x, [1, 1, 2, 4]), Constant(Tensor.From([1f], 1, 1, 1, 1))), (2, 2)),
            Floats(1, Nan, 3, 2, 5, 6, 7, 8), Nan, 8),
        Of("the largest of numbers and NaN is NaN", x => Max(x), Floats(1, Nan, 3), Nan),
        Of(
            "what overflows on the way may be finite", x => AveragePool2D(Reshape(x, [1, 1, 2, 2]), (2, 2)),
            Floats(3e38, 3e38, 3e38, 3e38), 3e38),
        Of("what overflows is infinite", x => Square(x) * 0.5, Floats(1e30), double.PositiveInfinity),
        Of("of what cancels the last digits are lost", x => Sum(x) * 0, Floats(1e8, 1, -1e8, 3), 0),
    ];

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [Test]
    public void A_difference_that_overflows_on_the_way_to_nothing_raises_no_alarm()
    {
        Input y = Matrix("y"), g = Matrix("g");
        using var f = Function.Compile(
            [y, g], [new SoftmaxGrad().Call(y, g)], device: Device,
            options: new CompileOptions { Mode = Mode.DebugMode });

        Assert.That(() => f.Call(Tensor.From([0f, 1], 1, 2), Tensor.From([-3e38f, 3e38f], 1, 2)), Throws.Nothing);
    }

    [TestCaseSource(nameof(Programs))]
    public void A_program_means_the_same_everywhere(
        Func<Variable, Variable> program, Tensor argument, double[] expected)
    {
        var x = new Input(new TensorType(argument.DType, argument.Shape), "x");
        foreach (Optimizer optimizer in Enum.GetValues<Optimizer>())
        {
            foreach (Mode mode in (Mode[])[Mode.Mode, Mode.DebugMode])
            {
                var options = new CompileOptions { Optimizer = optimizer, Mode = mode };
                using var given = Function.Compile([x], [program(x)], device: Device, options: options);
                using var folded =
                    Function.Compile([], [program(Constant(argument))], device: Device, options: options);

                foreach (Tensor actual in (Tensor[])[given.Call(argument)[0], folded.Call()[0]])
                {
                    Assert.That(
                        NdArray.From(actual).Data,
                        Is.EqualTo(expected.Select(value => actual.DType == DType.Float32 ? (float)value : value)),
                        $"{optimizer}, {mode}");
                }
            }
        }
    }

    private static Tensor Ints(params int[] values) => Tensor.From(values);

    private static Tensor Floats(params double[] values) => Tensor.From(values).Cast(DType.Float32);

    private static TestCaseData Of(
        string name, Func<Variable, Variable> program, Tensor argument, params double[] expected) =>
        new TestCaseData(program, argument, expected).SetArgDisplayNames(name);
}
