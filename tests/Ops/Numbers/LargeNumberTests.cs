using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Results for rows of large, nearly equal numbers have all digits, on both devices.</summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class LargeNumberTests(bool isGpu)
{
    private readonly CpuDevice _cpu = new(2);

    private static readonly double[] s_sizes = [-1e30, -1e6, -80, -60, 0, 60, 80, 1e3, 1e6, 1e15, 1e30];

    private Device Device => isGpu ? CudaTestDevice.Open() : _cpu;

    private static IEnumerable<TestCaseData> Functions =>
    [
        Of(LogSoftmax, -Math.Log(2)),
        Of(x => Log(Softmax(x)), -Math.Log(2)),
        Of(Softmax, 0.5),
        Of(x => Grad(Sum(Log(Sum(Exp(x), [1]))), x), 0.5),
        Of(x => Exp(x) / Sum(Exp(x), [1], keepDims: true), 0.5),
        Of(x => Grad(Sum(Gather(Transpose(LogSoftmax(x)), Labels)), x), 0.5, -0.5),
        Of(x => Grad(Sum(CategoricalCrossEntropy(Softmax(x), Labels)), x), -0.5, 0.5),
        Of(x => CategoricalCrossEntropy(Softmax(x), Labels), Math.Log(2)),
    ];

    private static Variable Labels => Constant(Tensor.From([0]));

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [TestCaseSource(nameof(Functions))]
    public void A_row_of_two_equal_numbers_gives_what_any_two_do(Func<Input, Variable> of, double[] expected)
    {
        foreach (DType dtype in (DType[])[DType.Float32, DType.Float64])
        {
            var x = new Input(new TensorType(dtype, [1, 2]), "x");
            using var f = Function.Compile([x], [of(x)], device: Device);
            double ulp = dtype == DType.Float32 ? 1e-7 : 3e-16;
            foreach (double size in s_sizes)
            {
                Tensor row = Tensor.From([size, size], 1, 2).Cast(dtype);

                double[] y = NdArray.From(f.Call(row)[0]).Data;

                for (int i = 0; i < y.Length; i++)
                {
                    double value = expected[Math.Min(i, expected.Length - 1)];
                    Assert.That(y[i], Is.EqualTo(value).Within(ulp), $"{dtype} of {size}");
                }
            }
        }
    }

    [Test]
    public void A_logarithm_of_a_share_near_1_keeps_its_digits()
    {
        Input x = Matrix("x");
        using var f = Function.Compile([x], [LogSoftmax(x)], device: Device);

        float[] y = f.Call(Tensor.From([1000f, 980, 3, 0, -30, -31], 2, 3))[0].AsSpan<float>().ToArray();

        Assert.That(y[0], Is.EqualTo(-2.0611536e-9).Within(1e-4).Percent);
        Assert.That(y[3], Is.EqualTo(-1.2800100e-13).Within(1e-4).Percent);
    }

    [Test]
    public void A_gradient_is_shortened_to_a_norm_whose_square_float32_does_not_hold()
    {
        Input g = Vector("g");
        Variable[] shortened =
            [GradientClip.Norm(5).Apply([g])[0], .. GradientClip.TotalNorm(5).Apply([g, g * 0])];
        using var f = Function.Compile([g], shortened, device: Device);

        foreach (float size in (float[])[3, 3e18f, 3e25f, 3e36f])
        {
            Tensor[] clipped = f.Call(Tensor.From([size, size / 3 * 4]));
            Assert.That(clipped[0].AsSpan<float>().ToArray(), Is.EqualTo(new[] { 3f, 4 }).Within(1e-5));
            Assert.That(clipped[1].AsSpan<float>().ToArray(), Is.EqualTo(new[] { 3f, 4 }).Within(1e-5));
        }
    }

    [Test]
    public void A_binary_cross_entropy_of_what_is_nearly_certain_keeps_its_digits()
    {
        Input x = Vector("x"), y = Vector("y");
        using var f = Function.Compile([x, y], [BinaryCrossEntropy(Sigmoid(x), y)], device: Device);

        float[] loss = f.Call(Tensor.From([20f, -20, 1000, 20]), Tensor.From([1f, 0, 1, 0]))[0].AsSpan<float>()
            .ToArray();

        Assert.That(loss, Is.EqualTo(new[] { 2.0611537e-9f, 2.0611537e-9f, 0, 20 }).Within(1e-4).Percent);
    }

    private static TestCaseData Of(Func<Input, Variable> of, params double[] expected)
    {
        string name = Printer.Tree(of(new Input(new TensorType(DType.Float32, [1, 2]), "x"))).ReplaceLineEndings(" ");
        return new TestCaseData(of, expected).SetArgDisplayNames(name);
    }
}
