using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class FuseTests
{
    private readonly Input _x = Matrix("x"), _y = Vector("y");

    [Test]
    public void A_chain_with_broadcasting_is_one_op() =>
        AssertOps([Tanh(_x + _y) * 2], ["fused{add + tanh + multiply}"]);

    [Test]
    public void What_is_used_twice_is_computed_once_and_stored()
    {
        Variable sum = _x + _y;

        AssertOps([sum, Exp(sum)], ["fused{add + exp}"]);
    }

    [Test]
    public void A_chain_that_only_a_reduction_uses_makes_its_elements() =>
        AssertOps([Sum(Square(_x - _y), [1])], ["sum{1} of fused{subtract + square}", "reshape"]);

    [Test]
    public void One_that_is_used_otherwise_too_is_stored()
    {
        Variable squares = Square(_x - _y);

        AssertOps([Sum(squares, [1]), squares], ["fused{subtract + square}", "sum{1}", "reshape"]);
    }

    [Test]
    public void The_cpu_makes_no_elements_of_short_runs() =>
        AssertOps([Sum(Square(_x - _y), [0])], ["fused{subtract + square}", "sum{0}", "reshape"]);

    [Test]
    public void A_gpu_makes_them_and_stores_what_is_made_of_the_result()
    {
        using var h100 = new AbsentCudaDevice(90);

        AssertOps([Sum(Square(_x - _y), [0]) * 3], ["sum{0} of fused{subtract + square} + fused{multiply}"], h100);
        AssertOps([Rectify(Dot(_x, Transpose(_x)) + 1)], ["dot{a, bT} + fused{add + rectify}"], h100);
    }

    [TestCase(8, 3, "conv2D")]
    [TestCase(32, 3, "conv2D{winograd2}")]
    [TestCase(16, 1, "conv2D")]
    public void A_convolution_s_activation_and_its_gradient_s_are_epilogues(int channels, int dimension, string name)
    {
        Input images = Tensor4("images"), filters = Tensor4("filters"), bias = Tensor3("bias");
        Variable hidden = Rectify(images * bias), y = Rectify(Conv2D(hidden, filters, flipFilters: false) + bias);
        using var f = Function.Compile([images, filters, bias], [y, Grad(Sum(y), hidden) * hidden]);

        f.Prepare(
            new Tensor(DType.Float32, [2, channels, 20, 20]),
            new Tensor(DType.Float32, [channels, channels, dimension, dimension]),
            new Tensor(DType.Float32, [channels, 1, 1]));

        string[] names = [.. f.Nodes.Select(node => node.Op.Name)];
        Assert.That(names, Has.Some.EqualTo($"{name} + fused{{add + rectify + rectifyGrad}}"));
        Assert.That(names, Has.Some.EqualTo(name.Replace("conv2D", "conv2DInputGradient") + " + fused{multiply}"));
    }

    [Test]
    public void The_cpu_does_not_store_the_elements_of_a_reduction_of_a_convolution()
    {
        Input images = Tensor4("images"), filters = Tensor4("filters");
        Variable y = Conv2D(images, filters);
        using var f = Function.Compile([images, filters], [Sum(y, [2, 3]), Sum(Square(y), [2, 3])]);

        f.Prepare(new Tensor(DType.Float32, [1, 3, 20, 20]), new Tensor(DType.Float32, [4, 3, 3, 3]));

        string[] names = [.. f.Nodes.Select(node => node.Op.Name)];
        Assert.That(names, Has.Some.EqualTo("conv2D"));
        Assert.That(names, Has.Some.EqualTo("sum{2, 3} of fused{square}"));
    }

    private void AssertOps(Variable[] outputs, string[] ops, Device? device = null)
    {
        using var f = Function.Compile([_x, _y], [.. outputs, _y * 1], device: device);

        f.Prepare(new Tensor(DType.Float32, [4, 300]), new Tensor(DType.Float32, [300]));

        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(ops));
    }
}
