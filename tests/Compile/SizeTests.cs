using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using Engine.Rewrites;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// Sizes near the limit of 32 bits and beyond, planned without memory: impossible sizes are refused with a message,
/// never by an overflow, and possible ones are launched in a way that the hardware accepts.
/// </summary>
public class SizeTests
{
    private static readonly int[] s_dimensions =
        [46_341, 2_097_121, 3_000_001, 134_217_729, 1_000_000_000, Shape.MaxElements, int.MaxValue];

    private static readonly (string Name, Func<Variable> Make)[] s_planned =
    [
        ("columns of many rows moved", () => Transpose(F(3_000_000, 16))),
        ("many matrices turned", () => DimShuffle(F(1_000_000, 2, 2), 0, 2, 1)),
        ("a product of many columns", () => Dot(F(3, 2), F(2, 600_000_000))),
        ("a product of many rows", () => Dot(F(600_000_000, 2), F(2, 3))),
        ("a product for narrow tiles", () => Dot(F(16, 5), F(5, 2_000_000))),
        ("a long inner dimension", () => Dot(F(2, 1_000_000_000), F(1_000_000_000, 2))),
        ("a product stored by an epilogue", () => Tanh(Dot(F(46_340, 8), F(8, 43_000)) + F(43_000))),
        ("a convolution of many filters", () => Conv2D(F(1, 1, 4, 4), F(5_000_000, 1, 3, 3))),
        ("a convolution of many images", () => Conv2D(F(50_000_000, 1, 4, 4), F(2, 1, 3, 3))),
        ("columns of 2 GiB for the gradient of images", () =>
        {
            Input x = F(64, 64, 114, 114);
            return Grad(Sum(Conv2D(x, F(64, 64, 7, 7), stride: (2, 2))), x);
        }),
        ("a convolution and its pooling", () =>
            MaxPool2D(Tanh(Conv2D(F(1, 1, 16_386, 16_386), F(1, 1, 3, 3))), (2, 2))),
        ("a pooling of many planes", () => MaxPool2D(F(100_000_000, 4, 2, 2), (2, 2))),
        ("a sum of many rows", () => Sum(F(1_000_000_000, 2), [1])),
        ("a sum of many columns", () => Sum(F(2, 1_000_000_000), [0])),
        ("a softmax of many rows", () => Softmax(F(600_000_000, 3))),
    ];

    private static readonly (string Name, Func<Variable> Make, string Message)[] s_refused =
    [
        ("a broadcast", () => Sum(F(50_000, 1) * F(1, 50_000)),
            "multiply cannot take float32 (50000, 1) and float32 (1, 50000): (50000, "
            + "50000) would be 2,500,000,000 elements, and 2,000,000,000 is the most that an array has."),
        ("a product", () => Dot(F(50_000, 1), F(1, 50_000)), "dot cannot take"),
        ("an input", () => F(65_536, 65_536), "(65536, 65536) would be 4,294,967,296 elements"),
        ("four dimensions", () => F(65_536, 65_536, 65_536, 65_536), "would be 18,446,744,073,709,551,616 elements"),
        ("a negative dimension", () => F(2, -5), "(2, -5) has a negative dimension."),
        ("a join", () => Concat(0, F(1_500_000_000), F(1_500_000_000)), "concat cannot take"),
        ("nothing of many", () => F(0, 65_536, 65_536), "(0, 65536, 65536) would be"),
        ("a window's step", () => MaxPool2D(F(1, 1, 2, 2), (2, 2), (int.MaxValue, 1)), "go up to 33,554,432 pixels"),
        ("a window", () => MaxPool2D(F(1, 1, 2, 2), (60_000, 60_000), padding: (59_999, 59_999)),
            "2,000,000,000 in all"),
        ("a padding", () => Conv2D(F(1, 1, 2, 2), F(1, 1, 2, 2), padding: (int.MaxValue, 0)),
            "go up to 33,554,432 pixels"),
        ("a padded axis", () => Pad(F(5), [(int.MaxValue, 5)]), "and a size is below 2³¹"),
        ("numbers in steps", () => ARange(0, 3e9),
            "An ARange from 0 to 3000000000 by 1 would have 3,000,000,000 numbers"),
        ("endless numbers", () => ARange(0, double.PositiveInfinity), "An ARange from 0 to Infinity by 1"),
        ("numbers between two", () => LinSpace(0, 1, int.MaxValue), "A LinSpace cannot be of 2147483647 numbers"),
        ("a reshape", () => Reshape(F(1_000_000), [65_536, 65_536, -1]), "do not fill the shape (65536, 65536, ?)"),
    ];

    private static IEnumerable<TestCaseData> Planned =>
        s_planned.Select(each => new TestCaseData(each.Make).SetArgDisplayNames(each.Name));

    private static IEnumerable<TestCaseData> Refused =>
        s_refused.Select(each => new TestCaseData(each.Make, each.Message).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Planned))]
    public void What_can_be_is_planned_for_a_GPU_and_for_the_CPU(Func<Variable> make)
    {
        using var gpu = new LoweringDevice();
        using var plan = new Plan(Rewritten(make(), gpu), gpu, new CompileOptions(), _ => gpu.Allocate(8));
        using var cpu = new CpuDevice(threads: 2);
        FunctionGraph graph = Rewritten(make(), cpu);
        var layout = Layout.Create(graph, Schedule.Create(graph, cpu.RunsAtOnce), cpu);

        Assert.That(
            gpu.Launches.Select(launch => launch.Grid), Is.Not.Empty.And.All.Matches<Dim3>(grid => grid.IsGrid));
        Assert.That(layout.Memory.ArenaBytes, Is.Positive);
    }

    [TestCaseSource(nameof(Refused))]
    public void What_cannot_be_is_refused_in_a_sentence(Func<Variable> make, string message) => Assert.That(
        () => make(), Throws.InstanceOf<EngineException>().With.Message.Contains(message));

    [Test]
    public void A_size_that_is_computed_does_not_wrap_round_to_another()
    {
        Input n = Size("n");
        using var cpu = new CpuDevice(threads: 1);
        using var f = Function.Compile([n], [Sum(Zeros(n * 65_537))], device: cpu);

        Assert.That(f.Call(Tensor.Scalar(2))[0].AsSpan<float>()[0], Is.Zero);
        Assert.That(
            () => f.Call(Tensor.Scalar(65_536)), Throws.InstanceOf<EngineException>().With.Message.Contains(
                "of the sizes 65536 and 65537 comes 4,295,032,832, and a size is below 2³¹"));
    }

    /// <summary>Every op on its own examples, with one dimension of this length.</summary>
    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void No_op_overflows(Type type)
    {
        using var gpu = new LoweringDevice();
        using var cpu = new CpuDevice(threads: 2);
        foreach (Sample sample in OpTable.Samples(type, seed: 1).Where(sample => sample.Error is null))
        {
            foreach (int dimension in sample.Args.SelectMany(arg => arg.Shape).Distinct().ToArray())
            {
                foreach (int length in s_dimensions)
                {
                    Assert.That(() => Plan(sample, dimension, length, gpu, cpu), Throws.Nothing,
                        $"{sample.Op}: {dimension} is {length}");
                }
            }
        }

        Assert.That(gpu.Launches.Where(launch => !launch.Grid.IsGrid), Is.Empty);
    }

    [Test]
    public void An_error_of_a_device_names_the_op_the_shapes_and_the_line()
    {
        var tall =
            new CudaKernelOp("tall", """extern "C" __global__ void tall(const float*, float*) {}""", (_, _) => { })
            {
                Grid = (_, _) => new CudaGrid((1, 93_750, 1), (32, 8, 1)),
            };
        using var gpu = new LoweringDevice();
        FunctionGraph graph = Rewritten(tall.Call(F(3, 4)), gpu);

        Assert.That(
            () => new Plan(graph, gpu, new CompileOptions(), _ => gpu.Allocate(8)),
            Throws.InstanceOf<EngineException>().With.Message.Match(
                @"^tall of float32 \(3, 4\) cannot run on lowering: the grid of its kernel tall of tall\.cu is 1 × 93750, and "
                + @"GPUs take up to 2,147,483,647 blocks, of which 65,535 along y and z\..*SizeTests\.cs"));
    }

    [TestCase(65_536, 65_536)]
    [TestCase(50_000, 3, 224, 224)]
    [TestCase(2, -3)]
    [TestCase(Shape.Unknown, 3)]
    public void There_is_no_tensor_of_impossible_dimensions(params int[] dimensions) => Assert.That(
        () => new Tensor(DType.UInt8, Shape.Create(dimensions)),
        Throws.InstanceOf<EngineException>().With.Message
            .StartsWith($"There is no tensor of uint8 {Shape.Create(dimensions)}: "));

    [Test]
    public void A_tensor_beyond_2_GiB_goes_to_a_device_and_back_in_pieces()
    {
        var tensor = new Tensor(DType.Float64, [(int.MaxValue / 8) + 100]);
        tensor.AsSpan<double>()[0] = 1;
        tensor.AsSpan<double>()[^1] = 2;
        using var memory = new Ends();
        tensor.CopyTo(memory, 64);

        Assert.That(() => tensor.Bytes.Length, Throws.InstanceOf<EngineException>().With.Message.Contains("bytes"));
        Assert.That(memory.Written, Is.EqualTo(((int.MaxValue / 8) + 100) * 8L));
        Assert.That((memory.First, memory.Last), Is.EqualTo((1d, 2d)));
    }

    /// <summary>Remembers the first and the last number that is written to it.</summary>
    private sealed class Ends : Storage
    {
        public long Written { get; private set; }

        public double First { get; private set; }

        public double Last { get; private set; }

        public override long Bytes => long.MaxValue;

        public override object Device => this;

        public override void Write(ReadOnlySpan<byte> source, long offset = 0)
        {
            Assert.That(offset, Is.EqualTo(64 + Written));
            First = Written == 0 ? BitConverter.ToDouble(source) : First;
            Last = BitConverter.ToDouble(source[^8..]);
            Written += source.Length;
        }

        public override void Read(Span<byte> destination, long offset = 0) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }

    private static Input F(params ReadOnlySpan<int> dimensions) =>
        Variable("x", DType.Float32, Shape.Create(dimensions));

    private static FunctionGraph Rewritten(Variable output, Device device)
    {
        Input[] inputs = [.. FunctionGraph.Leaves([output]).OfType<Input>()];
        var graph = FunctionGraph.Create(inputs, [output], [], []);
        return Rewrite.All.Aggregate(graph, (graph, rewrite) => rewrite.Apply(graph, device));
    }

    /// <summary>
    /// Plans an example in which all dimensions of one length get another; does nothing if the op refuses it.
    /// </summary>
    private static void Plan(Sample sample, int dimension, int length, LoweringDevice gpu, CpuDevice cpu)
    {
        try
        {
            TensorType[] inputs = [.. sample.Args.Select(arg => new TensorType(
                arg.DType ?? DType.Float32, [.. arg.Shape.Select(each => each == dimension ? length : each)],
                arg.KnownValue))];
            TensorType[] outputs =
                [.. new Apply(sample.Op, [.. inputs.Select(type => new Input(type))], new Origin(null, 0)).Outputs
                    .Select(output => output.Type)];
            OperandType[] from = [.. inputs.Select(Operand)], to = [.. outputs.Select(Operand)];
            if (sample.Op.IsView(inputs))
            {
                return;
            }

            if (sample.Op is ICpuOp)
            {
                cpu.Workspace(sample.Op, from, to);
            }

            if (sample.Op is ICudaOp)
            {
                long workspace = gpu.Workspace(sample.Op, from, to);
                IKernel kernel = gpu.Bind(sample.Op, new StepOperands(
                    [.. from.Select(At)], [.. to.Select(At)],
                    workspace == 0 ? null : new MemoryRange(null!, 0, workspace)));
                gpu.Link([[kernel]]).Dispose();
            }
        }
        catch (EngineException error) when (!error.Message.Contains("arithmetic", StringComparison.OrdinalIgnoreCase))
        {
        }

        static OperandType Operand(TensorType type) => new(type.DType, type.Shape);

        static Operand At(OperandType type) => new(null!, 0, type);
    }
}
