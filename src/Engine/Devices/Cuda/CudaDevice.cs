using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// An NVIDIA GPU, through its driver: kernels are compiled for it by NVRTC when a function is, and kept. Other CUDA
/// libraries of the process can work with it through <see cref="Context"/>, <see cref="Stream"/> and <see
/// cref="Address"/>.
/// </summary>
public sealed class CudaDevice : Device
{
    private readonly Lock _running = new();
    private readonly Gpu _gpu;
    private readonly ContextHandle _context;
    private readonly StreamHandle _stream;
    private readonly KernelCompiler _compiler;
    private readonly CudaFaults _faults;
    private readonly bool _synchronous;
    private long _heldBytes;
    private int _heldBlocks;

    /// <summary>Opens a GPU.</summary>
    /// <exception cref="EngineException">
    /// There is no driver, no NVRTC or no such GPU; the message says what was looked for and what to install.
    /// </exception>
    public CudaDevice(CudaOptions? options = null)
    {
        options ??= new CudaOptions();
        _gpu = new Gpu(options.Ordinal);
        if (Nvrtc.Failure is { } failure)
        {
            throw failure;
        }

        _synchronous = options.Synchronous;
        _context = new ContextHandle(_gpu);
        _stream = new StreamHandle(_context);
        var cache = new CubinCache(options.CacheFolder ?? CubinCache.DefaultFolder);
        _compiler = new KernelCompiler(_context, _gpu.Architecture, options.FastMath, cache);
        Storage faults = Allocate(CudaFaults.Bytes);
        _faults = new CudaFaults(AddressOf(faults), faults);
        _faults.Clear();
        FaultStorage = faults;
    }

    /// <inheritdoc/>
    public override string Name => $"cuda:{_gpu.Ordinal}";

    /// <inheritdoc/>
    public override bool IsGpu => true;

    /// <summary>What the GPU is sold as.</summary>
    public string Model => _gpu.Name;

    /// <summary>The driver's context, a <c>CUcontext</c>: the GPU's primary one.</summary>
    public nint Context => _context.DangerousGetHandle();

    /// <summary>The stream that all work of this device goes through, a <c>CUstream</c>.</summary>
    public nint Stream => _stream.Value;

    private Storage FaultStorage { get; }

    /// <summary>The address, a <c>CUdeviceptr</c>, of memory that this device allocated.</summary>
    public static ulong Address(Storage storage) => AddressOf(storage);

    /// <inheritdoc/>
    /// <exception cref="EngineException">There is not enough memory; the message says who holds it.</exception>
    public override Storage Allocate(long bytes)
    {
        // The driver refuses a block of nothing.
        long size = Math.Max(bytes, 1);
        MemoryHandle? memory = MemoryHandle.TryAllocate(_context, size, Freed);
        if (memory is null)
        {
            // Arrays that nobody refers to any more hold memory until they are collected.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            memory = MemoryHandle.TryAllocate(_context, size, Freed) ?? throw OutOfMemory(size);
        }

        Interlocked.Add(ref _heldBytes, size);
        Interlocked.Increment(ref _heldBlocks);
        return new CudaStorage(this, memory, bytes);
    }

    /// <inheritdoc/>
    public override long Workspace(object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs) =>
        Lowering(op).CudaWorkspace(new CudaStepTypes(inputs, outputs));

    /// <inheritdoc/>
    public override IKernel Bind(object op, StepOperands operands)
    {
        var step = new CudaStep(operands, AddressOf, _faults);
        CudaLaunch[] launches = [.. Lowering(op).Cuda(step).Where(launch => !launch.IsEmpty)];
        foreach (CudaLaunch launch in launches)
        {
            launch.Prepare(_compiler);
        }

        return new CudaBoundOp(op.ToString()!, launches, step.MayFault);
    }

    /// <inheritdoc/>
    public override IKernel BindCopy(Operand from, Operand to)
    {
        long bytes = from.Type.Shape.Count * from.Type.DType.Size();
        CudaLaunch[] launches = bytes == 0 ? [] : [new CopyLaunch(AddressOf(from), AddressOf(to), bytes)];
        return new CudaBoundOp("copy", launches, MayFault: false);
    }

    /// <inheritdoc/>
    public override IProgram Link(IReadOnlyList<IKernel> kernels) =>
        new CudaProgram(this, _stream, [.. kernels.Cast<CudaBoundOp>()], _synchronous);

    /// <summary>
    /// Does something in the device's context and waits until its stream has done what was put into it.
    /// </summary>
    internal void Do(Action<nint> enqueue)
    {
        lock (_running)
        {
            using ContextHandle.Scope scope = _context.Enter();
            enqueue(_stream.Value);
            _stream.Synchronize();
        }
    }

    /// <summary>Throws what kernels have reported.</summary>
    internal void ThrowFaults() => _faults.Throw();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            FaultStorage.Dispose();
            _compiler.Dispose();
            _stream.Dispose();
            _context.Dispose();
        }
    }

    private static ulong AddressOf(Storage storage) => storage is CudaStorage cuda
        ? cuda.Address
        : throw new EngineException($"This memory lies on {storage?.Device ?? "nothing"}, not on a GPU.");

    private static ulong AddressOf(Operand operand) => AddressOf(operand.Storage) + (ulong)operand.Offset;

    private static ICudaOp Lowering(object op) => op as ICudaOp
        ?? throw new EngineException($"{op} has no kernel for CUDA: compute it on the CPU.");

    private void Freed(long bytes)
    {
        Interlocked.Add(ref _heldBytes, -bytes);
        Interlocked.Decrement(ref _heldBlocks);
    }

    private unsafe CudaException OutOfMemory(long bytes)
    {
        nuint free, total;
        using (_context.Enter())
        {
            Driver.Check(DriverApi.cuMemGetInfo_v2(&free, &total));
        }

        long held = Interlocked.Read(ref _heldBytes), others = (long)(total - free) - held;
        return new CudaException(
            $"{Name} ({Model}) has no room for {Megabytes(bytes)}: of its {Megabytes((long)total)}, this program's arrays "
            + $"hold {Megabytes(held)} in {_heldBlocks} blocks, kernels, the driver and other programs "
            + $"{Megabytes(others)}, and {Megabytes((long)free)} are free. Take smaller batches, dispose of functions and "
            + "shared variables that are done with, or use another device.");
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:0.###} MiB");
}

/// <summary>An op as launches on fixed addresses.</summary>
internal sealed record CudaBoundOp(string Name, CudaLaunch[] Launches, bool MayFault) : IKernel;
