using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>The processor: vectorised kernels on all cores.</summary>
public sealed unsafe class CpuDevice : Device
{
    private readonly ThreadTeam _team;
    private readonly Lock _running = new();

    /// <summary>The processor with this many threads.</summary>
    /// <param name="threads">How many; null for as many as the process may use.</param>
    public CpuDevice(int? threads = null) => _team = new ThreadTeam(threads ?? Environment.ProcessorCount);

    /// <inheritdoc/>
    public override string Name => "cpu";

    /// <inheritdoc/>
    public override bool IsGpu => false;

    /// <summary>The number of threads that share the work.</summary>
    public int Threads => _team.Size;

    /// <inheritdoc/>
    public override Storage Allocate(long bytes) => new CpuStorage(this, bytes);

    /// <inheritdoc/>
    public override long Workspace(
        object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs) =>
        Lowering(op).CpuWorkspace(new CpuStepTypes(inputs, outputs, Threads));

    /// <inheritdoc/>
    public override IKernel Bind(object op, StepOperands operands) =>
        new CpuKernel(op.ToString()!, Lowering(op).Cpu(new CpuStep(operands, Threads)));

    /// <inheritdoc/>
    public override IKernel BindCopy(Operand from, Operand to)
    {
        byte* source = CpuStorage.Pointer(from), destination = CpuStorage.Pointer(to);
        int bytes = checked((int)(from.Type.Shape.Count * from.Type.DType.Size()));
        const int Grain = 1 << 16;
        return new CpuKernel("copy", [
            new Phase(bytes, Grain, (start, end, _) =>
                Buffer.MemoryCopy(source + start, destination + start, end - start, end - start)),
        ]);
    }

    /// <inheritdoc/>
    public override IProgram Link(IReadOnlyList<IKernel> kernels)
    {
        Phase[] phases = [.. kernels.Cast<CpuKernel>().SelectMany(kernel => kernel.Phases)];
        return new Program(this, phases);
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

    private sealed record CpuKernel(string Name, Phase[] Phases) : IKernel;

    private sealed class Program(CpuDevice device, Phase[] phases) : IProgram
    {
        public void Run(int times)
        {
            lock (device._running)
            {
                for (int i = 0; i < times; i++)
                {
                    device._team.Run(phases);
                }
            }
        }

        public void Dispose()
        {
        }
    }
}

/// <summary>Host memory, aligned to a cache line, with room for a vector past its end.</summary>
internal sealed unsafe class CpuStorage : Storage
{
    private const nuint Alignment = 64;

    private byte* _memory;

    public CpuStorage(CpuDevice device, long bytes)
    {
        Device = device;
        Bytes = bytes;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes + Alignment, Alignment);
        GC.AddMemoryPressure(bytes + (long)Alignment);
    }

    ~CpuStorage() => Dispose(false);

    public override long Bytes { get; }

    public override object Device { get; }

    public static byte* Pointer(Operand operand) => ((CpuStorage)operand.Storage).Memory + operand.Offset;

    public override void Write(ReadOnlySpan<byte> source, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + source.Length, Bytes);
        source.CopyTo(new Span<byte>(Memory + offset, source.Length));
    }

    public override void Read(Span<byte> destination, long offset = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, Bytes);
        new ReadOnlySpan<byte>(Memory + offset, destination.Length).CopyTo(destination);
    }

    private byte* Memory => _memory is not null ? _memory : throw new ObjectDisposedException(nameof(CpuStorage));

    protected override void Dispose(bool disposing)
    {
        if (_memory is not null)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            GC.RemoveMemoryPressure(Bytes + (long)Alignment);
        }
    }
}
