using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.IO;

namespace Engine.Ops;

/// <summary>Describes how a kernel is launched.</summary>
/// <param name="Blocks">The number of blocks in three directions.</param>
/// <param name="Threads">The number of threads of a block in three directions.</param>
/// <param name="Numbers">The arguments that follow the arrays, each an <c>int</c>.</param>
public sealed record CudaGrid(
    (int X, int Y, int Z) Blocks, (int X, int Y, int Z) Threads, params IReadOnlyList<int> Numbers)
{
    /// <summary>
    /// Gets or sets the bytes of shared memory for each block, which the kernel declares as <c>extern __shared__</c>.
    /// GPUs without that much refuse more than 49,152.
    /// </summary>
    public int SharedBytes { get; init; }

    /// <summary>
    /// Gets or sets whether blocks wait for one another. If they do, all blocks are on the GPU at once, or planning
    /// refuses the launch.
    /// </summary>
    public bool IsCooperative { get; init; }

    /// <summary>
    /// Returns a grid with one thread for each element; the number of elements is the argument that follows the arrays.
    /// </summary>
    public static CudaGrid Elements(long count, int threads = 256) =>
        new((CudaTypes.Blocks(count, threads), 1, 1), (threads, 1, 1), checked((int)count));
}

/// <summary>Represents the gradients with respect to an op's inputs.</summary>
/// <param name="inputs">The op's inputs.</param>
/// <param name="outputs">The op's outputs.</param>
/// <param name="outputGrads">
/// The gradients with respect to the outputs; null if the cost does not depend on that output.
/// </param>
public delegate IReadOnlyList<Variable?> GradientRule(
    IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> outputs, IReadOnlyList<Variable?> outputGrads);

/// <summary>
/// Represents an op that a user writes: a kernel in CUDA C for GPUs, a reference in C# for the CPU and, optionally,
/// its gradient as a graph. It is compiled when it is planned, kept in the cache of compiled kernels, and planned like
/// any other op.
/// </summary>
/// <remarks>
/// The kernel is an <c>extern "C" __global__</c> function. Its parameters are a pointer to each input, in order, a
/// pointer to each output, and the <see cref="CudaGrid.Numbers"/>. Arrays lie in C order, and no two of them overlap.
/// There are no CUDA headers; <c>#include "common.cuh"</c> includes what Engine's kernels share.
/// </remarks>
public sealed record CudaKernelOp : Op, ICpuOp, ICudaOp, ISampled
{
    private readonly string _text;
    private readonly string _file;

    /// <summary>Creates an op from the text of a kernel.</summary>
    /// <param name="entry">The name of the <c>__global__</c> function. It is also the op's name.</param>
    /// <param name="text">The text in CUDA C.</param>
    /// <param name="reference">
    /// Computes the op on arrays of float64: reads the inputs and fills the outputs.
    /// </param>
    public CudaKernelOp(string entry, string text, Action<IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> reference)
        : this(entry, text, $"{entry}.cu", reference)
    {
    }

    private CudaKernelOp(
        string entry, string text, string file, Action<IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> reference)
    {
        ArgumentException.ThrowIfNullOrEmpty(entry);
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(reference);
        (Entry, _text, _file, ReferenceFunction) = (entry, text.ReplaceLineEndings("\n"), file, reference);
    }

    /// <inheritdoc/>
    public override string Name => Entry;

    /// <summary>Gets the name of the <c>__global__</c> function.</summary>
    public string Entry { get; }

    /// <summary>
    /// Gets what the op computes, on arrays of float64. The CPU runs it unchanged, on one thread, and rounds its
    /// results.
    /// </summary>
    public Action<IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> ReferenceFunction { get; }

    /// <summary>
    /// Gets or sets the function that returns the outputs' types for the inputs' types, some dimensions of which may be
    /// unknown. By default there is one output of the first input's type. It throws an <see cref="EngineException"/>
    /// with the reason if the op cannot take the inputs.
    /// </summary>
    public Func<IReadOnlyList<TensorType>, IReadOnlyList<TensorType>> Types { get; init; } =
        static inputs => [inputs[0]];

    /// <summary>
    /// Gets or sets the function that returns the launch for the types of the inputs and outputs. By default there is a
    /// thread for each element of the first output.
    /// </summary>
    public Func<IReadOnlyList<TensorType>, IReadOnlyList<TensorType>, CudaGrid> Grid { get; init; } =
        static (_, outputs) => CudaGrid.Elements(outputs[0].Shape.Count);

    /// <summary>
    /// Gets or sets the function that returns the gradients with respect to the inputs; null for an input that has
    /// none. It receives the inputs, the outputs and the gradients with respect to the outputs (null if the cost does
    /// not depend on an output). Without it the op cannot be differentiated.
    /// </summary>
    public GradientRule? Gradient { get; init; }

    /// <summary>
    /// Gets or sets a macro that stands for the first input's element type in the text, for example <c>T</c> for a
    /// kernel that serves float and double.
    /// </summary>
    public string? TypeMacro { get; init; }

    /// <summary>Returns an op from a kernel in a file.</summary>
    /// <param name="path">The file, which is read at once.</param>
    /// <param name="entry">The name of the <c>__global__</c> function.</param>
    /// <param name="reference">What the op computes, on arrays of float64.</param>
    /// <exception cref="EngineException">The file cannot be read.</exception>
    public static CudaKernelOp FromFile(
        string path, string entry, Action<IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> reference) =>
        new(entry, ReadableFile.ReadAllText(path), path.Replace('\\', '/'), reference);

    /// <inheritdoc/>
    public static IEnumerable<Sample> Samples(Random random)
    {
        var scale = new CudaKernelOp(
            "scale",
            """
            extern "C" __global__ void scale(const T* x, const T* by, T* y, int count)
            {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < count) {
                    y[i] = x[i] * by[0];
                }
            }
            """,
            static (x, y) =>
            {
                for (int i = 0; i < y[0].Data.Length; i++)
                {
                    y[0].Data[i] = x[0].Data[i] * x[1].Data[0];
                }
            })
        {
            TypeMacro = "T",
            Gradient = static (x, _, g) => [g[0]! * x[1], Symbolic.Sum(g[0]! * x[0])],
        };
        yield return new Sample(scale, new Arg([Arg.Dimension(random), Arg.Dimension(random)]), new Arg(Shape.Scalar));
        yield return new Sample(scale, new Arg([257]), new Arg(Shape.Scalar));
        yield return new Sample(scale, new Arg([513]), new Arg(Shape.Scalar));
        yield return new Sample(scale, Arg.Int([Arg.Dimension(random)], -9, 9), Arg.Int(Shape.Scalar, -9, 9));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => Types([.. inputs]);

    /// <inheritdoc/>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        ArgumentNullException.ThrowIfNull(node);
        if (Gradient is null)
        {
            return base.Grad(node, outputGrads);
        }

        IReadOnlyList<Variable?> grads = Gradient(node.Inputs, node.Outputs, outputGrads);
        return grads.Count == node.Inputs.Count
            ? grads
            : throw new EngineException(
                $"The gradient of {Name} is to have one for each of its {node.Inputs.Count} inputs, not {grads.Count}."
                + node.Origin);
    }

    /// <inheritdoc/>
    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        ReferenceFunction(inputs, outputs);

    /// <summary>Returns whether the other op has the same kernel, the same text and the same functions.</summary>
    public bool Equals(CudaKernelOp? other) => other is not null
        && (Entry, _text, _file, TypeMacro) == (other.Entry, other._text, other._file, other.TypeMacro)
        && ReferenceFunction == other.ReferenceFunction && Types == other.Types && Grid == other.Grid
        && Gradient == other.Gradient;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Entry, _text, _file);

    /// <summary>Runs the reference between conversions of the arrays, which are allocated once.</summary>
    unsafe Phase[] ICpuOp.Cpu(CpuStep step)
    {
        Cell[] inputs = [.. Enumerable.Range(0, step.InputCount)
            .Select(i => new Cell((nint)step.In<byte>(i), step.DType(i), new NdArray(step.Shape(i))))];
        Cell[] outputs = [.. Enumerable.Range(0, step.OutputCount)
            .Select(i => new Cell((nint)step.Out<byte>(i), step.OutDType(i), new NdArray(step.OutShape(i))))];
        NdArray[] from = [.. inputs.Select(input => input.Values)], to = [.. outputs.Select(output => output.Values)];
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                Array.ForEach(inputs, static input => input.Read());
                Array.ForEach(to, static output => Array.Fill(output.Data, double.NaN));
                ReferenceFunction(from, to);
                Array.ForEach(outputs, static output => output.Write());
            }),
        ];
    }

    CudaLaunch[] ICudaOp.Cuda(CudaStep step)
    {
        TensorType[] inputs = [.. step.Types.Inputs.Select(input => new TensorType(input.DType, input.Shape))];
        TensorType[] outputs = [.. step.Types.Outputs.Select(output => new TensorType(output.DType, output.Shape))];
        CudaGrid grid = Grid(inputs, outputs);
        string[] macros = TypeMacro is null ? [] : [$"{TypeMacro} {inputs[0].DType.Cuda()}"];
        CudaArgument[] arguments =
        [
            .. inputs.Select((_, i) => (CudaArgument)step.In(i)),
            .. outputs.Select((_, i) => (CudaArgument)step.Out(i)),
            .. grid.Numbers.Select(number => (CudaArgument)number),
        ];
        return
        [
            new KernelLaunch(
                new ForeignKernel(_file, Entry, _text, macros) { Shared = grid.SharedBytes },
                new Dim3(grid.Blocks.X, grid.Blocks.Y, grid.Blocks.Z),
                new Dim3(grid.Threads.X, grid.Threads.Y, grid.Threads.Z),
                arguments)
            {
                IsCooperative = grid.IsCooperative,
            },
        ];
    }

    /// <summary>An operand on the CPU, and its values as the reference sees them.</summary>
    private sealed unsafe class Cell(nint address, DType dtype, NdArray values)
    {
        private readonly ElementConversion _read = Conversion.Of(dtype, DType.Float64);
        private readonly ElementConversion _write = Conversion.Of(DType.Float64, dtype);

        public NdArray Values => values;

        public void Read()
        {
            fixed (double* data = values.Data)
            {
                _read((void*)address, data, values.Data.Length);
            }
        }

        public void Write()
        {
            fixed (double* data = values.Data)
            {
                _write(data, (void*)address, values.Data.Length);
            }
        }
    }
}
