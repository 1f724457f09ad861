using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Loops and branches on CUDA give the CPU's results, launch by launch and recorded as a graph.</summary>
[TestFixture]
public sealed class CudaLoopTests
{
    private static readonly CpuDevice s_cpu = new(1);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [Test]
    public void A_recurrent_network_has_the_values_and_gradients_of_the_cpu()
    {
        Tensor w = Draw(1, 4, 5), u = Draw(2, 5, 5), x = Draw(3, 6, 3, 4), h0 = Draw(4, 3, 5);
        Compare(runs: 3, [x, h0], device =>
        {
            Input xs = Tensor3("x"), first = Matrix("h0");
            SharedVariable ws = Shared(w, "w"), us = Shared(u, "u");
            Variable h = Scan(step => Tanh(Dot(step[0], ws) + Dot(step[1], us)), [xs], [first], goBackwards: true)[0];
            return ([xs, first], [h, .. Grad(Sum(h * h), [ws, us, xs, first])]);
        });
    }

    [Test]
    public void Taps_conditions_and_draws_are_those_of_the_cpu() =>
        Compare(runs: 2, [Draw(1, 9), Draw(2, 2)], device =>
        {
            Input x = Vector("x"), first = Vector("first");
            var stream = new RandomStream(7);
            ScanOutputs made = Scan(
                step =>
                {
                    StepOutputs next = (step[0] * step[1]) + step[3] + (step[2] * 0.5) + stream.Uniform(Shape.Scalar);
                    return next.EndingWith(Greater(next.Outputs[0], 4));
                },
                [new ScanSequence(x, 0, 1)], [new OutputInfo(first, -2, -1)]);
            return ([x, first], [made[0], made.Steps!, .. Grad(Sum(made[0]), [first, x])]);
        });

    [Test]
    public void The_host_chooses_what_is_launched()
    {
        foreach (int condition in (int[])[0, 1])
        {
            List<string> computed = [];
            Compare(runs: 2, [Tensor.Scalar(condition), Draw(1, 5)], device =>
            {
                Input c = IntScalar("c"), x = Vector("x");
                Variable a = Print(Exp(x), value => computed.Add($"{device.IsGpu} a {value.AsSpan<float>()[0]:F3}"));
                Variable b = Print(x * 3, value => computed.Add($"{device.IsGpu} b {value.AsSpan<float>()[0]:F3}"));
                return ([c, x], [IfElse(c, a, b), Map(row => IfElse(c, row, -row), x)]);
            });
            Assert.That(
                computed.Distinct().ToArray(), Has.Length.EqualTo(2).And.All.Contains(condition == 1 ? "a" : "b"));
        }
    }

    /// <summary>A graph of the loop would repeat the launches of its first recording.</summary>
    [Test]
    public void The_host_chooses_anew_at_each_step_of_a_loop()
    {
        Input first = Variable("first", DType.Int32, Shape.Scalar);
        using var collatz = Function.Compile(
            [first],
            [Scan(
                n => IfElse(Equal(n[0] % 2, 0), Cast(n[0] / 2, DType.Int32), (3 * n[0]) + 1), [], [first],
                nSteps: 8)[0]],
            device: CudaTestDevice.Open(synchronous: false));

        foreach ((int number, int[] expected) in (ReadOnlySpan<(int, int[])>)[
            (3, [10, 5, 16, 8, 4, 2, 1, 4]), (8, [4, 2, 1, 4, 2, 1, 4, 2]), (6, [3, 10, 5, 16, 8, 4, 2, 1])])
        {
            Assert.That(collatz.Call(Tensor.Scalar(number))[0].AsSpan<int>().ToArray(), Is.EqualTo(expected));
        }
    }

    [Test]
    public void What_is_required_fails_the_call()
    {
        Device cuda = CudaTestDevice.Open();
        Input x = Vector("x");
        using var f =
            Function.Compile([x], [Map(row => Require(row, "rows are positive", Greater(row, 0)), x)], device: cuda);
        Assert.That(f.Call(Tensor.From([1f, 2]))[0].AsSpan<float>().ToArray(), Is.EqualTo([1f, 2]));
        Assert.That(
            () => f.Call(Tensor.From([1f, -2])),
            Throws.TypeOf<EngineException>().With.Message.Contains("rows are positive"));
    }

    private static void Compare(
        int runs, Tensor[] arguments, Func<Device, (Input[] Inputs, Variable[] Outputs)> build)
    {
        using Function cpu = Build(s_cpu), cuda = Build(CudaTestDevice.Open(synchronous: false));
        for (int run = 0; run < runs; run++)
        {
            foreach ((Tensor actual, Tensor expected) in cuda.Call(arguments).Zip(cpu.Call(arguments)))
            {
                Assert.That(actual.Shape, Is.EqualTo(expected.Shape));
                Assert.That(NdArray.From(actual).Data, Is.EqualTo(NdArray.From(expected).Data).Within(1e-5));
            }
        }

        Function Build(Device device)
        {
            (Input[] inputs, Variable[] outputs) = build(device);
            return Function.Compile(inputs, outputs, device: device);
        }
    }

    private static Tensor Draw(int seed, params int[] dimensions)
    {
        var random = new Random(seed);
        return Tensor.From([.. Enumerable.Range(0, dimensions.Aggregate(1, (a, b) => a * b))
            .Select(_ => (float)random.NextDouble() - 0.4f)]).Reshape(dimensions);
    }
}
