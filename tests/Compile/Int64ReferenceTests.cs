using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// References compute in float64, which does not hold every int64. DebugMode stops no right program for that, and still
/// finds every wrong number that float64 holds.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class Int64ReferenceTests(bool isGpu)
{
    private const long Odd = (1L << 53) + 1, Most = long.MaxValue;

    private readonly CpuDevice _cpu = new(2);

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    private static IEnumerable<TestCaseData> Programs =>
    [
        Of("l + 1", l => l + 1, 2, long.MinValue, Odd + 1),
        Of("l + 1, fused", l => (l + 1) - 1, 1, Most, Odd),
        Of("l · int32", l => l * Constant(Tensor.From([3, 3, 3])), 3, Most - 2, 3 * Odd),
        Of("l²", l => Square(l), 1, 1, (1L << 54) + 1),
        Of("l² mod 10, fused", l => Mod(l * l, 10), 1, 1, 5),
        Of("|l|", l => Abs(l), 1, Most, Odd),
        Of("the greater of l and −1", l => Maximum(l, -1), 1, Most, Odd),
        Of("l within bounds", l => Clip(l, 0, 1L << 53), 1, 1L << 53, 1L << 53),
        Of("l mod 10", l => Mod(l, 10), 1, 7, 3),
        Of("−l − 1 by −1", l => IntDiv(-l - 1, -1), 2, long.MinValue, Odd + 1),
        Of("l = 2⁵³", l => Cast(Equal(l, 1L << 53), DType.Int64), 0, 0, 0),
        Of("l < l − 1", l => Cast(Less(l, l - 1), DType.Int64), 0, 0, 0),
        Of("the largest", l => Max(l), Most),
        Of("the smallest of those below −1", l => Min(-l), -Most),
        Of("the sum", l => Sum(l), unchecked(1 + Most + Odd)),
        Of("the sum that comes back", l => Sum(l - l), 0),
        Of("the product", l => Prod(l), unchecked(Most * Odd)),
        Of("running sums", l => CumSum(l), 1, long.MinValue, unchecked(1 + Most + Odd)),
        Of("the order", l => Sort(l), 1, Odd, Most),
        Of("indices in a sorted vector", l => Cast(SearchSorted(Constant(Tensor.From([1L, Odd, Most])), l), DType.Int64), 0, 2,
            1),
        Of("elements", l => l[Constant(Tensor.From([2, 1]))], Odd, Most),
        Of("what is chosen", l => Where(Greater(l, 1), l, 0), 0, Most, Odd),
    ];

    /// <summary>
    /// Sums and products of numbers that float64 holds, of which it does not hold what comes between.
    /// </summary>
    private static IEnumerable<TestCaseData> Between =>
    [
        Given("a sum that comes back", l => Sum(l), [(1L << 53) - 1, 2, -(1L << 52), -(1L << 52)], 1),
        Given("a running sum", l => CumSum(l)[3], [(1L << 53) - 1, 2, -(1L << 52), -(1L << 52)], 1),
        Given("a product that wraps", l => Prod(l), [3486784401L, 3486784401L, 3486784401L],
            unchecked(3486784401L * 3486784401L * 3486784401L)),
        Given("a square that wraps", l => l * l, [(1L << 33) + 1], (1L << 34) + 1),
        Given("a remainder of a square", l => Mod(l * l, 10), [100_000_003], 9),
        Given("a sum of squares", l => Sum((l * l) - (l * l)), [100_000_003, 3], 0),
    ];

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [TestCaseSource(nameof(Programs))]
    [TestCaseSource(nameof(Between))]
    public void A_right_program_raises_no_alarm(Func<Variable, Variable> program, long[] argument, long[] expected)
    {
        var l = new Input(new TensorType(DType.Int64, [argument.Length]), "l");
        foreach (Optimizer optimizer in Enum.GetValues<Optimizer>())
        {
            var options = new CompileOptions { Optimizer = optimizer, Mode = Mode.DebugMode };
            using var f = Function.Compile([l], [program(l)], device: Device, options: options);

            Assert.That(f.Call(Tensor.From(argument))[0].ToArray<long>(), Is.EqualTo(expected), $"{optimizer}");
        }
    }

    [TestCase(new[] { 5L, Odd, 7 }, new[] { 6L, Odd + 1, 9 }, 2, TestName = "beside a number that float64 rounds")]
    [TestCase(
        new[] { 5L, Odd, 7 }, new[] { 6L, 0, 8 }, -1, TestName = "of a number that float64 rounds nothing is known")]
    [TestCase(
        new[] { 5L, 6, (1L << 53) - 2 }, new[] { 6L, 7, 1L << 53 }, 2, TestName = "at the end of what float64 holds")]
    [TestCase(new[] { 5L }, new[] { long.MaxValue }, 0, TestName = "a result that is much too great")]
    public void A_wrong_number_that_float64_holds_is_found(long[] x, long[] given, int wrong)
    {
        NdArray operand = NdArray.From(Tensor.From(x)), one = NdArray.From(Tensor.Scalar(1L));
        var op = new Binary<Add>();
        TensorType[] types = [new TensorType(DType.Int64, operand.Shape)];
        var tolerance = new Tolerance(op, [operand, one], ReferenceEvaluator.Of(op, [operand, one], types), types)
        {
            IsLenient = true,
        };

        Assert.That(tolerance.FirstOutside(0, Tensor.From(given)), Is.EqualTo(wrong));
    }

    private static TestCaseData Of(string name, Func<Variable, Variable> program, params long[] expected) =>
        Given(name, program, [1, Most, Odd], expected);

    private static TestCaseData Given(
        string name, Func<Variable, Variable> program, long[] argument, params long[] expected) =>
        new TestCaseData(program, argument, expected).SetArgDisplayNames(name);
}
