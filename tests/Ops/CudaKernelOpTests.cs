using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Interop;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Simt;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>Kernels from users.</summary>
public class CudaKernelOpTests
{
    private const string Text = """
        // y = x * x * x

        extern "C" __global__ void cube(const float* x, float* y, int count)
        {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < count) {
                y[i] = x[i] * x[i] * x[i];
            }
        }
        """;

    private static readonly CudaKernelOp s_cube = new("cube", Text, Cubes)
    {
        Gradient = (x, _, g) => [g[0]! * 3 * Square(x[0])],
    };

    [Test]
    public void It_computes_and_is_differentiated_like_any_other([Values] bool onCuda)
    {
        Input x = Vector("x");
        Variable y = s_cube.Call(x * 2);
        using var f = Function.Compile([x], [Sum(y) + 1, Grad(Sum(y), x)], device: Open(onCuda));

        Tensor[] values = f.Call(Tensor.From([1f, 2, -1]));

        Assert.That(values[0].AsSpan<float>()[0], Is.EqualTo(8 + 64 - 8 + 1));
        Assert.That(values[1].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 24, 96, 24 }));
    }

    [Test]
    public void What_stands_around_it_is_fused()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [Exp(s_cube.Call(Tanh(x) + 1)) * 2]);

        f.Run(new Tensor(DType.Float32, [5]));

        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(
            new[] { "fused{tanh + add}", "cube", "fused{exp + multiply}" }));
    }

    [Test]
    public void Equal_applications_are_computed_once()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [s_cube.Call(x), s_cube.Call(x)]);

        f.Run(new Tensor(DType.Float32, [5]));

        Assert.That(f.Nodes, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_run_on_the_cpu_allocates_nothing()
    {
        Input x = Vector("x");
        using var f = Function.Compile([x], [s_cube.Call(x)]);
        Tensor argument = new(DType.Float32, [100]);
        for (int i = 0; i < 100; i++)
        {
            f.Run(argument);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            f.Run(argument);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void It_may_have_outputs_and_a_grid_of_its_own([Values] bool onCuda)
    {
        var ends = new CudaKernelOp(
            "ends",
            """
            #include "common.cuh"

            extern "C" __global__ void ends(const float* x, float* least, int* where, int rows, int columns)
            {
                int row = blockIdx.x;
                if (threadIdx.x > 0 || row >= rows) {
                    return;
                }

                least[row] = infinity(0.0f);
                for (int i = 0; i < columns; i++) {
                    if (x[row * columns + i] < least[row]) {
                        least[row] = x[row * columns + i];
                        where[row] = i;
                    }
                }
            }
            """,
            (x, y) =>
            {
                for (int row = 0; row < x[0].Shape[0]; row++)
                {
                    int[] order = [.. Enumerable.Range(0, x[0].Shape[1]).OrderBy(column => x[0][row, column])];
                    (y[0][row], y[1][row]) = (x[0][row, order[0]], order[0]);
                }
            })
        {
            Types = inputs => inputs[0].Rank == 2
                ? [new(DType.Float32, [inputs[0].Shape[0]]), new(DType.Int32, [inputs[0].Shape[0]])]
                : throw new EngineException("it must be a matrix"),
            Grid = (inputs, _) => new CudaGrid((inputs[0].Shape[0], 1, 1), (32, 1, 1), [.. inputs[0].Shape]),
        };
        Input x = Matrix("x");
        Apply node = ends.Apply(x);
        using var f = Function.Compile([x], [.. node.Outputs], device: Open(onCuda));

        Tensor[] y = f.Call(Tensor.From([3f, 1, 2, 5, 6, 4], 2, 3));

        Assert.That(y[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 4 }));
        Assert.That(y[1].AsSpan<int>().ToArray(), Is.EqualTo(new[] { 1, 2 }));
        Assert.That(() => ends.Call(Vector("v")), Throws.TypeOf<EngineException>().With.Message.Matches(
            @"^ends cannot take float32 \(\?\): it must be a matrix\. Built at .*CudaKernelOpTests\.cs:\d+\.$"));
    }

    private const string Reversed = """
        extern "C" __global__ void reversed(const float* x, float* y, int count)
        {
            extern __shared__ float all[];
            for (int i = threadIdx.x; i < count; i += blockDim.x) {
                all[i] = x[i];
            }

            __syncthreads();
            for (int i = threadIdx.x; i < count; i += blockDim.x) {
                y[i] = all[count - 1 - i];
            }
        }
        """;

    /// <summary>
    /// More than the 48 KB that every launch may have, then less, and then more again, for one kernel.
    /// </summary>
    [Test]
    public void It_is_given_the_shared_memory_that_it_asks_for()
    {
        Device device = Open(true);
        foreach (int count in (int[])[15_000, 100, 25_000])
        {
            float[] numbers = [.. Enumerable.Range(0, count).Select(i => (float)i)];
            Input x = Vector("x");
            using var f = Function.Compile([x], [Reverse().Call(x)], device: device);

            Assert.That(f.Call(Tensor.From(numbers))[0].AsSpan<float>().ToArray(), Is.EqualTo(numbers.Reverse()));
        }
    }

    [TestCase(75, 65_536)]
    [TestCase(86, 101_376)]
    [TestCase(90, 232_448)]
    public void More_shared_memory_than_a_block_has_is_refused(int architecture, int max)
    {
        using var device = new AbsentCudaDevice(architecture);
        Plan((max / 4) - 1);
        Assert.That(() => Plan((max / 4) + 1), Throws.TypeOf<EngineException>().With.Message.Contains(
            FormattableString.Invariant(
                $"reversed of reversed.cu wants {max + 4:N0} bytes of shared memory, and a block has up to {max:N0} here")));

        void Plan(int count)
        {
            Input x = Variable("x", DType.Float32, [count]);
            using var f = Function.Compile([x], [Reverse().Call(x)], device: device);
            f.Prepare(new Tensor(DType.Float32, [count]));
        }
    }

    private static CudaKernelOp Reverse() => new(
        "reversed", Reversed, (x, y) => x[0].Data.Reverse().ToArray().CopyTo(y[0].Data, 0))
    {
        Grid = (x, _) => new CudaGrid((1, 1, 1), (256, 1, 1), x[0].Shape[0]) { SharedBytes = 4 * x[0].Shape[0] },
    };

    /// <summary>
    /// Each block writes what its neighbor has read; this is correct only if all blocks are resident and wait.
    /// </summary>
    [Test]
    public void Its_blocks_may_wait_for_one_another_and_are_then_all_there()
    {
        Device device = Open(true);
        var turned = new CudaKernelOp(
            "turned",
            """
            __device__ unsigned arrived;

            extern "C" __global__ void turned(const float* x, float* between, float* y, int count)
            {
                between[blockIdx.x] = 2 * x[blockIdx.x];
                __threadfence();
                unsigned ticket = atomicAdd(&arrived, 1u), all = (ticket / gridDim.x + 1) * gridDim.x;
                while (atomicAdd(&arrived, 0u) < all) {
                }

                __threadfence();
                y[blockIdx.x] = between[(blockIdx.x + 1) % gridDim.x];
            }
            """,
            (x, y) =>
            {
                for (int i = 0; i < x[0].Data.Length; i++)
                {
                    y[0].Data[i] = 2 * x[0].Data[i];
                    y[1].Data[i] = 2 * x[0].Data[(i + 1) % x[0].Data.Length];
                }
            })
        {
            Types = x => [x[0], x[0]],
            Grid = (x, _) => new CudaGrid((x[0].Shape[0], 1, 1), (1, 1, 1), x[0].Shape[0]) { IsCooperative = true },
        };
        Input x = Vector("x");
        using var f = Function.Compile([x], [turned.Apply(x).Outputs[1]], device: device);

        for (int run = 0; run < 3; run++)
        {
            Assert.That(f.Call(Tensor.From([1f, 2, 3]))[0].AsSpan<float>().ToArray(), Is.EqualTo(new[] { 4f, 6, 2 }));
        }

        Assert.That(() => f.Call(new Tensor(DType.Float32, [100_000])), Throws.InstanceOf<EngineException>()
            .With.Message.Matches(
                @"The 100,000 blocks of the kernel turned of turned\.cu wait for one another, and this GPU holds [\d,]+ at once"));
    }

    [Test]
    public void Without_a_gradient_it_cannot_be_differentiated()
    {
        var op = new CudaKernelOp("cube", Text, Cubes);
        Input x = Variable("x", DType.Float32, [3]);

        Assert.That(() => Grad(Sum(op.Call(x)), x), Throws.TypeOf<EngineException>().With.Message.Contains(
            "cube of float32 (3) has no gradient"));
    }

    [Test]
    public void Its_gradient_can_be_verified()
    {
        var wrong = new CudaKernelOp("cube", Text, Cubes) { Gradient = (x, _, g) => [g[0]! * 2 * Square(x[0])] };
        Tensor at = Tensor.From([0.5, -1]);

        VerifyGrad(x => s_cube.Call(x[0]), [at]);
        Assert.That(
            () => VerifyGrad(x => wrong.Call(x[0]), [at]),
            Throws.TypeOf<EngineException>().With.Message.Contains(
            "The gradient of 'cube.0' (float64 (2)) with respect to 'input 0' (float64 (2))"));
    }

    [Test]
    public void What_the_compiler_says_is_shown_with_the_line_of_the_file()
    {
        using var folder = new TempFolder();
        string path = Path.Combine(folder.Path, "cube.cu");
        File.WriteAllText(path, Text.Replace("y[i] = x[i]", "y[i] = z[i]", StringComparison.Ordinal));
        Input x = Vector("x");
        using var f = Function.Compile([x], [CudaKernelOp.FromFile(path, "cube", Cubes).Call(x)], device: Open(true));

        Assert.That(() => f.Run(Tensor.From([1f])), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("cube.cu does not compile").And.Message.Matches(@"cube\.cu[:(]7\b"));
    }

    /// <summary>
    /// The driver gives up the context after such an error: no later call of the process reaches the GPU.
    /// </summary>
    [Test]
    public void One_that_reads_out_of_bounds_is_told_by_its_run_and_the_cpu_goes_on([Values] bool synchronous)
    {
        CudaTestDevice.Open();
        if (!CudaTestDevice.IsDouble)
        {
            Assert.Ignore("On a GPU every later test would fail.");
        }

        string text = Text.Replace("y[i] = x[i]", "y[i] = x[i + 100000]", StringComparison.Ordinal);
        var op = new CudaKernelOp("cube", text, Cubes);
        Input x = Vector("x");
        Variable y = op.Call(x);
        Tensor argument = Tensor.From([1f, 2]);
        SimtDouble.Mark();
        try
        {
            using var device = new CudaDevice(CudaTestDevice.Options with { Synchronous = synchronous });
            using var far = Function.Compile([x], [y], device: device);
            using var next = Function.Compile([x], [Exp(x)], device: device);
            using var onCpu = Function.Compile([x], [y], device: Device.Default);

            string which = synchronous ? "cuda:0 failed: cube of cube.cu for cube: " : " It was running cube;";
            Assert.That(() => far.Run(argument), Throws.TypeOf<CudaException>()
                .With.Message.Contains(which)
                .And.Message.Contains("CUDA_ERROR_ILLEGAL_ADDRESS").And.Message.EndsWith("start it again."));
            Assert.That(() => next.Call(argument), Throws.TypeOf<CudaException>()
                .With.Message.Contains("CUDA_ERROR_ILLEGAL_ADDRESS"));
            Assert.That(onCpu.Call(argument)[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 8 }));
        }
        finally
        {
            SimtDouble.Rewind();
        }
    }

    private static void Cubes(IReadOnlyList<NdArray> x, IReadOnlyList<NdArray> y)
    {
        for (int i = 0; i < y[0].Data.Length; i++)
        {
            y[0].Data[i] = Math.Pow(x[0].Data[i], 3);
        }
    }

    private static Device Open(bool onCuda) => onCuda ? CudaTestDevice.Open() : Device.Default;
}
