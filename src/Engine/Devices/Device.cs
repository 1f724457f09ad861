namespace Engine.Devices;

/// <summary>
/// Represents a device that runs plans: it allocates memory, binds ops to kernels, and runs lists of kernels. Any
/// number of threads may use it.
/// </summary>
public abstract class Device : IDisposable
{
    private static Device? s_default;
    private volatile bool _isDisposed;

    /// <summary>Gets or sets the device of functions that name no other: at first the CPU with all its cores.</summary>
    public static Device Default
    {
        get => s_default ?? Interlocked.CompareExchange(ref s_default, new Cpu.CpuDevice(), null) ?? s_default;
        set => s_default = value;
    }

    /// <summary>Gets the name in messages: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Gets whether it is a graphics processor.</summary>
    public abstract bool IsGpu { get; }

    /// <summary>Gets the device's peak performance: measured, or taken from similar GPUs, at the first call.</summary>
    public abstract Peak Peak { get; }

    /// <summary>Returns memory whose contents are undefined.</summary>
    public abstract Storage Allocate(long bytes);

    /// <summary>
    /// Returns the memory of a tensor, to be read in place and never written; null for a device with memory of its own.
    /// </summary>
    internal virtual Storage? Borrow(Tensor tensor) => null;

    /// <summary>
    /// Starts to copy a tensor to the device, which may compute meanwhile; a later run with this argument uses the
    /// copy. The tensor must not change until then. Any thread may call it. A device that reads host memory does
    /// nothing.
    /// </summary>
    internal virtual void Prefetch(Tensor tensor)
    {
    }

    /// <summary>Discards prefetched tensors that no run will use.</summary>
    internal virtual void ForgetPrefetched()
    {
    }

    /// <summary>
    /// Moves a prefetched tensor to its memory before the next run; returns false if it was not prefetched.
    /// </summary>
    internal virtual bool TryTakePrefetched(Tensor tensor, Operand target) => false;

    /// <summary>Returns the bytes of scratch memory that the op needs while it runs on such operands.</summary>
    /// <exception cref="EngineException">The op has no kernel for this device.</exception>
    public abstract long Workspace(object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs);

    /// <summary>Returns the kernel of an op on fixed operands.</summary>
    /// <exception cref="EngineException">The op has no kernel for this device.</exception>
    public abstract IKernel Bind(object op, StepOperands operands);

    /// <summary>Returns a kernel that copies one operand to another of the same type.</summary>
    public abstract IKernel BindCopy(Operand from, Operand to);

    /// <summary>Returns a kernel that repeats other kernels.</summary>
    internal abstract IKernel BindLoop(LoopKernel loop);

    /// <summary>Returns a kernel that runs one of two groups of kernels.</summary>
    internal abstract IKernel BindBranch(BranchKernel branch);

    /// <summary>
    /// Gets whether independent kernels may run at once, so that none of them may write memory that another reads.
    /// </summary>
    public virtual bool RunsAtOnce => false;

    /// <summary>Gets how many programs may run at once; further programs wait.</summary>
    internal virtual int RunsBeside => 1;

    /// <summary>Counts the threads that wait for their turn to run something on this device.</summary>
    /// <param name="change">1 when a thread begins to wait, -1 when it stops.</param>
    internal virtual void CountWaiting(int change)
    {
    }

    /// <summary>
    /// Links kernels into a program that runs their levels one after the other; the kernels of a level do not depend on
    /// one another.
    /// </summary>
    public abstract IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels);

    /// <summary>Links the same program, which also records when it ran each launch; this makes it slower.</summary>
    internal abstract IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels, LaunchTimes times);

    /// <summary>
    /// Names the work from now on in a profiler's timeline, until the result is disposed of; returns null if the device
    /// is not profiled.
    /// </summary>
    public virtual IDisposable? Range(string name) => null;

    /// <summary>
    /// Waits until running work has ended, then frees the device's memory and handles. Nothing runs on it afterward.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <exception cref="ObjectDisposedException">The device was disposed of.</exception>
    internal void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(
                Name,
                $"The device {Name} was disposed of, and runs nothing any more: "
                + "dispose of it when all that uses it is done with, or make another.");
        }
    }

    /// <summary>Frees the device's memory and handles.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Represents the dtype and the shape of an operand.</summary>
public readonly record struct OperandType(DType DType, Shape Shape);

/// <summary>Represents the memory of a value.</summary>
/// <param name="Storage">The block of memory.</param>
/// <param name="Offset">Where the value begins in the block, in bytes.</param>
/// <param name="Type">The dtype and the shape.</param>
public sealed record Operand(Storage Storage, long Offset, OperandType Type)
{
    /// <summary>Gets the range of memory that the value occupies.</summary>
    public MemoryRange Range => new(Storage, Offset, Type.Shape.Count * Type.DType.Size());
}

/// <summary>Describes the operands that a step of a plan reads and writes.</summary>
/// <param name="Inputs">The operands that it reads.</param>
/// <param name="Outputs">The operands that it writes.</param>
/// <param name="Workspace">Scratch memory, if the op asked for any.</param>
public sealed record StepOperands(IReadOnlyList<Operand> Inputs, IReadOnlyList<Operand> Outputs, MemoryRange? Workspace)
{
    /// <summary>Gets or sets the end of messages about the step: its layer and its line, if they are known.</summary>
    public string Origin { get; init; } = "";
}

/// <summary>Represents a part of a block of memory, which may be longer than an array.</summary>
/// <param name="Storage">The block.</param>
/// <param name="Offset">Where the part begins in the block, in bytes.</param>
/// <param name="Bytes">The length of the part.</param>
public sealed record MemoryRange(Storage Storage, long Offset, long Bytes)
{
    /// <summary>Returns whether the two ranges share a byte.</summary>
    internal bool Overlaps(MemoryRange other) =>
        Storage == other.Storage && Offset < other.Offset + other.Bytes && other.Offset < Offset + Bytes;
}

/// <summary>Represents an operation that a device can run, bound to its operands.</summary>
public interface IKernel
{
    /// <summary>Gets the name in traces and messages.</summary>
    string Name { get; }
}

/// <summary>Represents kernels that run one after the other.</summary>
public interface IProgram : IDisposable
{
    /// <summary>Gets the launches of one run, in order.</summary>
    IReadOnlyList<Launch> Launches { get; }

    /// <summary>Runs all launches <paramref name="times"/> times and waits for the end.</summary>
    void Run(int times);
}
