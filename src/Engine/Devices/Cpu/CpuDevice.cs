using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>Represents the processor, with vectorized kernels on all cores.</summary>
public sealed unsafe class CpuDevice : Device
{
    private readonly ThreadTeam _team;
    private Peak? _peak;

    /// <summary>Creates a device for the processor with this many threads.</summary>
    /// <param name="threads">The number of threads; null for as many as the process may use.</param>
    public CpuDevice(int? threads = null) => _team = new ThreadTeam(threads ?? Environment.ProcessorCount);

    /// <summary>Gets the width in bits of the vectors that the kernels compute with.</summary>
    public static int VectorBits => 8 * Simd.Width;

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    public override bool IsGpu => false;

    /// <summary>Gets the number of threads that share the work.</summary>
    public int Threads => _team.Size;

    /// <inheritdoc/>
    public override Peak Peak => _peak ??= CpuPeak.Measure(_team);

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => new CpuStorage(this, bytes);

    /// <summary>Measures how many multiplications and additions a second the processor sustains now.</summary>
    internal double SustainedFlopsPerSecond() => CpuPeak.SustainedFlopsPerSecond(_team);

    /// <summary>Gets the number of threads: each of several callers runs on one.</summary>
    internal override int RunsBeside => Threads;

    internal override void CountWaiting(int change) => _team.CountWaiting(change);

    internal override Storage? Borrow(Tensor tensor) => new CpuStorage(this, tensor);

    /// <inheritdoc/>
    public override long Workspace(
        object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs) =>
        Lowering(op).CpuWorkspace(new CpuStepTypes(inputs, outputs, Threads));

    /// <inheritdoc/>
    public override IKernel Bind(object op, StepOperands operands) =>
        new CpuKernel(
            $"{op} -> {string.Join(", ", operands.Outputs.Select(output => output.Type.Shape))}",
            Lowering(op).Cpu(new CpuStep(operands, Threads)))
        {
            Background = op as ICpuBackground,
        };

    /// <summary>Returns which of several algorithms an op uses, and why; null if there is only one.</summary>
    internal string? PathOf(object? op, StepOperands operands) =>
        (op as ICpuOp)?.CpuPath(new CpuStep(operands, Threads).Types);

    /// <inheritdoc/>
    public override IKernel BindCopy(Operand from, Operand to)
    {
        byte* source = CpuStorage.Pointer(from.Range), destination = CpuStorage.Pointer(to.Range);
        const int Piece = 1 << 12, Grain = 16;
        long bytes = from.Range.Bytes;
        return new CpuKernel("copy", [
            new Phase((int)((bytes + Piece - 1) / Piece), Grain, (start, end, _) =>
            {
                long first = (long)start * Piece, length = Math.Min((long)end * Piece, bytes) - first;
                Buffer.MemoryCopy(source + first, destination + first, length, length);
            }),
        ]);
    }

    internal override IKernel BindLoop(LoopKernel loop) => new CpuKernel(loop.Name, []) { Control = new CpuLoop(loop) };

    internal override IKernel BindBranch(BranchKernel branch) =>
        new CpuKernel(branch.Name, []) { Control = new CpuBranch(branch) };

    /// <inheritdoc/>
    public override IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels) => new Program(this, Kernels(levels));

    internal override IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels, LaunchTimes times)
    {
        CpuKernel[] kernels = Kernels(levels);
        times.Prepare(kernels.Length, Threads);
        return new Program(this, [.. kernels.Select((kernel, launch) => kernel.Timed(launch, times))], times);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _team.Dispose();
        }
    }

    private static ICpuOp Lowering(object op) => op as ICpuOp
        ?? throw new EngineException($"{op} has no kernel for the CPU.");

    private static CpuKernel[] Kernels(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        [.. levels.SelectMany(level => level).Cast<CpuKernel>().Where(kernel => !kernel.IsEmpty)];

    private sealed class Program(CpuDevice device, CpuKernel[] kernels, LaunchTimes? times = null) : IProgram
    {
        private readonly CpuSequence _kernels = new(kernels);

        public IReadOnlyList<Launch> Launches => [.. kernels.Select(kernel =>
            new Launch(kernel.Name, [kernel.Untimed ?? kernel])
            {
                Grid = kernel.Grid,
            })];

        public void Run(int runs)
        {
            device.ThrowIfDisposed();
            for (int i = 0; i < runs; i++)
            {
                times?.StartRun();
                _kernels.Run(device._team);
                times?.EndRun();
            }
        }

        public void Dispose()
        {
        }
    }
}
