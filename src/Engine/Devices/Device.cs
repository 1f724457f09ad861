namespace Engine.Devices;

/// <summary>
/// Describes what runs plans: it has memory, it binds ops to kernels, and it runs lists of them. Any number of threads
/// may use it.
/// </summary>
public abstract class Device : IDisposable
{
    private static Device? s_default;
    private volatile bool _isDisposed;

    /// <summary>Gets or sets where functions run unless told otherwise: at first the CPU with all its cores.</summary>
    public static Device Default
    {
        get => s_default ?? Interlocked.CompareExchange(ref s_default, new Cpu.CpuDevice(), null) ?? s_default;
        set => s_default = value;
    }

    /// <summary>Gets the name in messages: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Gets whether it is a graphics processor.</summary>
    public abstract bool IsGpu { get; }

    /// <summary>Gets the most it can do; measured, or of GPUs like it assumed, when first asked for.</summary>
    public abstract Peak Peak { get; }

    /// <summary>Returns memory whose contents are undefined.</summary>
    public abstract Storage Allocate(long bytes);

    /// <summary>
    /// The memory of a tensor, to be read where it lies and never written; null for a device with memory of its own.
    /// </summary>
    internal virtual Storage? Borrow(Tensor tensor) => null;

    /// <summary>
    /// Begins to bring a tensor to the device, which may compute meanwhile: a run of which it is an argument then finds it
    /// there. It must not change until then. Any thread may call it; a device that reads host memory does nothing.
    /// </summary>
    internal virtual void Prefetch(Tensor tensor)
    {
    }

    /// <summary>Gives up what was prefetched and will not be wanted.</summary>
    internal virtual void ForgetPrefetched()
    {
    }

    /// <summary>Whether a tensor that was prefetched is moved to where it is wanted, before what is run next.</summary>
    internal virtual bool TryTakePrefetched(Tensor tensor, Operand place) => false;

    /// <summary>Returns the bytes of scratch memory that the op needs while it runs on such operands.</summary>
    /// <exception cref="EngineException">The op has no kernel for this device.</exception>
    public abstract long Workspace(object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs);

    /// <summary>Returns the kernel of an op on fixed operands.</summary>
    /// <exception cref="EngineException">The op has no kernel for this device.</exception>
    public abstract IKernel Bind(object op, StepOperands operands);

    /// <summary>Returns a kernel that copies one operand to another of the same type.</summary>
    public abstract IKernel BindCopy(Operand from, Operand to);

    /// <summary>A kernel that runs others over and over.</summary>
    internal abstract IKernel BindLoop(LoopKernel loop);

    /// <summary>A kernel that runs some kernels or others.</summary>
    internal abstract IKernel BindBranch(BranchKernel branch);

    /// <summary>
    /// Gets whether kernels that do not depend on one another may run at once, so that none of them may write over what
    /// another reads.
    /// </summary>
    public virtual bool RunsAtOnce => false;

    /// <summary>How many programs may run at once; more than these wait for one another.</summary>
    internal virtual int RunsBeside => 1;

    /// <summary>Counts the threads that wait until they may run something here.</summary>
    /// <param name="change">1 as a thread begins to wait, -1 as it ends.</param>
    internal virtual void CountWaiting(int change)
    {
    }

    /// <summary>
    /// Joins kernels into a program that runs one level of them after the other; those of a level do not depend on one
    /// another.
    /// </summary>
    public abstract IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels);

    /// <summary>The same program, which also tells when it did what; slower for that.</summary>
    internal abstract IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels, LaunchTimes times);

    /// <summary>
    /// Names what is done from now on, until the result is disposed of, in the timeline of a profiler; null where the device
    /// is not profiled.
    /// </summary>
    public virtual IDisposable? Range(string name) => null;

    /// <summary>Frees what the device holds, once what runs has ended. Nothing runs on it any more.</summary>
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
                $"The device {Name} was disposed of, and runs nothing any more: dispose of it when all that uses it is done "
                + "with, or make another.");
        }
    }

    /// <summary>Frees what the device holds.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>Represents the dtype and the shape of an operand.</summary>
public readonly record struct OperandType(DType DType, Shape Shape);

/// <summary>Represents a value's place in memory.</summary>
/// <param name="Storage">The block of memory.</param>
/// <param name="Offset">Where in it the value begins, in bytes.</param>
/// <param name="Type">The dtype and the shape.</param>
public sealed record Operand(Storage Storage, long Offset, OperandType Type)
{
    /// <summary>Gets the memory that the value takes.</summary>
    public MemoryRange Range => new(Storage, Offset, Type.Shape.Count * Type.DType.Size());
}

/// <summary>Describes what a step of a plan reads and writes.</summary>
/// <param name="Inputs">What it reads.</param>
/// <param name="Outputs">What it writes.</param>
/// <param name="Workspace">Scratch memory, if the op asked for any.</param>
public sealed record StepOperands(IReadOnlyList<Operand> Inputs, IReadOnlyList<Operand> Outputs, MemoryRange? Workspace)
{
    /// <summary>
    /// Gets or sets what a message about the step ends with: its layer and its line, as far as they are known.
    /// </summary>
    public string Origin { get; init; } = "";
}

/// <summary>Represents a part of a block of memory, which may be longer than an array.</summary>
/// <param name="Storage">The block.</param>
/// <param name="Offset">Where in it the part begins, in bytes.</param>
/// <param name="Bytes">How long it is.</param>
public sealed record MemoryRange(Storage Storage, long Offset, long Bytes)
{
    /// <summary>Whether some byte is in both.</summary>
    internal bool Overlaps(MemoryRange other) =>
        Storage == other.Storage && Offset < other.Offset + other.Bytes && other.Offset < Offset + Bytes;
}

/// <summary>Represents something a device can run, bound to its operands.</summary>
public interface IKernel
{
    /// <summary>The name in traces and messages.</summary>
    string Name { get; }
}

/// <summary>Kernels that run one after the other.</summary>
public interface IProgram : IDisposable
{
    /// <summary>What one run hands to the device, in order.</summary>
    IReadOnlyList<Launch> Launches { get; }

    /// <summary>Runs all of them, <paramref name="times"/> times over, and waits for the end.</summary>
    void Run(int times);
}
