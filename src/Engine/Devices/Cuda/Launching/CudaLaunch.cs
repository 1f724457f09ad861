using System.Runtime.InteropServices;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>A piece of work that can be put into a stream again and again.</summary>
internal abstract class CudaLaunch
{
    /// <summary>Gets the name in messages.</summary>
    public abstract string Name { get; }

    /// <summary>Gets whether there is anything to do.</summary>
    public virtual bool IsEmpty => false;

    /// <summary>Gets the number of kernels, copies and memory sets in it.</summary>
    public virtual long Nodes => 1;

    /// <summary>Gets whether it may become part of a graph.</summary>
    public virtual bool IsRecordable => true;

    /// <summary>Gets the kernels that it launches.</summary>
    public virtual IEnumerable<KernelLaunch> Kernels => [];

    /// <summary>Puts the work into a stream whose context is current on the thread.</summary>
    public abstract void Enqueue(nint stream);
}

/// <summary>An entry point of a source text.</summary>
/// <param name="File">The name of the text in messages.</param>
/// <param name="Entry">The name of the <c>__global__</c> function.</param>
internal abstract record CudaFunction(string File, string Entry)
{
    /// <summary>Gets the text that is compiled.</summary>
    public abstract string Source { get; }

    /// <summary>Gets the bytes of dynamic shared memory, besides the few bytes that it declares.</summary>
    public virtual int DynamicBytes => 0;

    /// <summary>Gets whether it may share a launch with others; it is then compiled as part of their text.</summary>
    public virtual bool MayJoin => true;

    /// <summary>Returns the entry and the file.</summary>
    public override string ToString() => $"{Entry} of {File}";
}

/// <summary>A kernel of a text outside src/Kernels.</summary>
/// <param name="File">The name of the text in messages.</param>
/// <param name="Entry">The name of the <c>__global__</c> function.</param>
/// <param name="Text">The text; it may include files of src/Kernels.</param>
/// <param name="Defines">Macros, each as its name, a space and its text.</param>
internal sealed record ForeignKernel(string File, string Entry, string Text, params IReadOnlyList<string> Defines)
    : CudaFunction(File, Entry)
{
    /// <inheritdoc/>
    public override string Source => KernelSource.Expand(File, Text, Defines);

    /// <summary>Returns false: its statements about blocks and shared memory hold only for itself.</summary>
    public override bool MayJoin => false;

    /// <summary>Gets or sets the bytes of dynamic shared memory.</summary>
    public int Shared { get; init; }

    /// <inheritdoc/>
    public override int DynamicBytes => Shared;

    /// <inheritdoc/>
    public override string ToString() => base.ToString();
}

/// <summary>An entry point of a source file, compiled with some macros defined.</summary>
/// <param name="File">The source, one of src/Kernels.</param>
/// <param name="Entry">The name of the <c>__global__</c> function.</param>
/// <param name="Defines">Macros, each as its name, a space and its text.</param>
internal sealed record CudaKernel(string File, string Entry, params IReadOnlyList<string> Defines)
    : CudaFunction(File, Entry)
{
    /// <inheritdoc/>
    public override string Source => KernelSource.Expand(File, Defines);

    /// <summary>Gets or sets the bytes of dynamic shared memory.</summary>
    public int Shared { get; init; }

    /// <inheritdoc/>
    public override int DynamicBytes => Shared;

    /// <inheritdoc/>
    public override string ToString() => base.ToString();

    /// <summary>Returns a launch of the kernel.</summary>
    public KernelLaunch Launch(Dim3 grid, Dim3 block, params ReadOnlySpan<CudaArgument> arguments) =>
        new(this, grid, block, arguments);
}

/// <summary>A number of blocks, or of threads, in three dimensions.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>
    /// The limits of the hardware: the blocks in total, and the blocks of a grid along y and along z.
    /// </summary>
    public const int MaxBlocks = int.MaxValue, MaxAlongYZ = 65535;

    /// <summary>Gets the total number.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>Gets whether the hardware accepts it as a grid.</summary>
    public bool IsGrid => Count <= MaxBlocks && Y <= MaxAlongYZ && Z <= MaxAlongYZ;

    public static implicit operator Dim3(int x) => new(x);

    /// <summary>Returns the dimensions greater than 1: <c>8 × 2</c>.</summary>
    public override string ToString() => (Y, Z) switch
    {
        (1, 1) => $"{X}",
        (_, 1) => $"{X} × {Y}",
        _ => $"{X} × {Y} × {Z}",
    };
}

/// <summary>A kernel's argument, passed by value.</summary>
internal readonly record struct CudaArgument
{
    private CudaArgument(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    /// <summary>
    /// Gets whether it is a <see cref="CudaRowsFrom"/>; the kernel then receives the address of the first row.
    /// </summary>
    public bool IsRows { get; private init; }

    public static CudaArgument OfRows(CudaRowsFrom rows) => Of(rows) with { IsRows = true };

    public static CudaArgument OfBytes(byte[] bytes) => new(bytes);

    public static CudaArgument Of<T>(T value) where T : unmanaged =>
        new(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray());

    public static implicit operator CudaArgument(ulong address) => Of(address);

    public static implicit operator CudaArgument(long value) => Of(value);

    public static implicit operator CudaArgument(int value) => Of(value);

    public static implicit operator CudaArgument(float value) => Of(value);

    public static implicit operator CudaArgument(double value) => Of(value);

    public static implicit operator CudaArgument(CudaLoops loops) => Of(loops);
}

/// <summary>
/// Rows of an array whose first row only the device knows: <c>struct Rows</c> of horizontal_fusion.cuh.
/// </summary>
/// <param name="Array">The address of the array.</param>
/// <param name="First">The address of an int32; times <paramref name="Scale"/>, it is the first row.</param>
/// <param name="RowBytes">The bytes from one row to the next.</param>
/// <param name="Scale">The factor of the int32.</param>
/// <param name="Last">The last row that may be the first.</param>
/// <param name="Fault">Where a row outside is reported.</param>
/// <param name="Code">The number of the message.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct CudaRowsFrom(
    ulong Array, ulong First, long RowBytes, int Scale, int Last, ulong Fault, int Code);

/// <summary>A kernel with its grid and its arguments.</summary>
internal sealed unsafe class KernelLaunch : CudaLaunch
{
    private const int ArgumentAlignment = 16;

    // The arguments and the table of their addresses are pinned, so a launch is one call.
    private readonly byte[] _arguments;
    private readonly nint[] _addresses;
    private readonly List<int> _offsets = [];
    private readonly CudaArgument[] _given;
    private nint _function;

    public KernelLaunch(CudaFunction function, Dim3 grid, Dim3 block, ReadOnlySpan<CudaArgument> arguments)
    {
        Function = function;
        (Grid, Block) = (grid, block);
        _given = arguments.ToArray();
        _addresses = GC.AllocateArray<nint>(arguments.Length, pinned: true);
        int bytes = 0;
        foreach (CudaArgument argument in arguments)
        {
            bytes += Aligned(argument.Bytes.Length);
        }

        _arguments = GC.AllocateArray<byte>(bytes, pinned: true);
        int offset = 0;
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i].Bytes.CopyTo(_arguments, offset);
            _addresses[i] = Marshal.UnsafeAddrOfPinnedArrayElement(_arguments, offset);
            _offsets.Add(offset);
            offset += Aligned(arguments[i].Bytes.Length);
        }
    }

    public CudaFunction Function { get; }

    public Dim3 Grid { get; }

    public Dim3 Block { get; }

    /// <summary>Gets the number of blocks.</summary>
    public long Blocks => Grid.Count;

    /// <summary>Gets the arguments, each at a multiple of 16 bytes.</summary>
    public ReadOnlySpan<byte> Arguments => _arguments;

    public int ArgumentBytes => _arguments.Length;

    /// <summary>Gets where each argument begins, and whether it is a <see cref="CudaRowsFrom"/>.</summary>
    public IEnumerable<(int Offset, bool IsRows)> ArgumentOffsets =>
        _offsets.Zip(_given, (offset, argument) => (offset, argument.IsRows));

    /// <summary>
    /// Gets whether an argument is a <see cref="CudaRowsFrom"/>; the kernel then runs only as part of a
    /// <see cref="HorizontalFusion"/>.
    /// </summary>
    public bool HasRows => _given.Any(argument => argument.IsRows);

    /// <summary>Gets or sets whether all blocks must be resident at once because they wait for one another.</summary>
    public bool IsCooperative { get; init; }

    public override string Name => Function.ToString();

    public override bool IsEmpty => Blocks == 0;

    public override IEnumerable<KernelLaunch> Kernels => [this];

    /// <summary>
    /// Throws if no GPU can run the launch. A grid that is too long along y or z is allowed: it is launched along x, as
    /// a part of a <see cref="HorizontalFusion"/>. Only a kernel of a user's own text may not have such a grid.
    /// </summary>
    /// <param name="maxSharedBytes">The shared memory that a block may have on this GPU.</param>
    /// <exception cref="EngineException">
    /// There are too many blocks, or threads in one, or too much shared memory.
    /// </exception>
    public void RequireLaunchable(int maxSharedBytes)
    {
        if (Function.DynamicBytes is int wanted && (wanted < 0 || wanted > maxSharedBytes))
        {
            throw new EngineException(FormattableString.Invariant(
                $"its kernel {Name} wants {wanted:N0} bytes of shared memory, and a block has up to {maxSharedBytes:N0} here"));
        }

        const int MaxThreads = 1024;
        if (Blocks > Dim3.MaxBlocks || (!Function.MayJoin && !Grid.IsGrid))
        {
            string max = Function.MayJoin
                ? FormattableString.Invariant($"{Dim3.MaxBlocks:N0} blocks")
                : FormattableString.Invariant(
                    $"{Dim3.MaxBlocks:N0} blocks, of which {Dim3.MaxAlongYZ:N0} along y and z");
            throw new EngineException($"the grid of its kernel {Name} is {Grid}, and GPUs take up to {max}");
        }

        if (Block.Count is < 1 or > MaxThreads || Grid.X < 0 || Grid.Y < 0 || Grid.Z < 0)
        {
            throw new EngineException(
                $"its kernel {Name} has {Grid} blocks of {Block} threads, and a block has from 1 to {MaxThreads}");
        }
    }

    /// <summary>Returns the same launch with each stand-in address replaced by its rows.</summary>
    public KernelLaunch WithRows(IReadOnlyList<(ulong StandIn, CudaRowsFrom Rows)> rows) => new(
        Function, Grid, Block,
        [.. _given.Select(argument =>
        {
            ulong value = argument.Bytes.Length == sizeof(ulong) ? BitConverter.ToUInt64(argument.Bytes) : 0;
            foreach ((ulong standIn, CudaRowsFrom each) in rows)
            {
                if (value - standIn < CudaStep.StandInRange)
                {
                    return CudaArgument.OfRows(each with { Array = each.Array + (value - standIn) });
                }
            }

            return argument;
        })])
    {
        IsCooperative = IsCooperative,
    };

    /// <summary>Loads the kernel.</summary>
    /// <exception cref="EngineException">Its blocks wait for one another, and cannot all be resident.</exception>
    public void Prepare(KernelCompiler compiler, int multiprocessors)
    {
        _function = compiler.Function(Function);
        if (IsCooperative && compiler.Resident(this) * (long)multiprocessors is long resident && Blocks > resident)
        {
            throw new EngineException(FormattableString.Invariant(
                $"The {Blocks:N0} blocks of the kernel {Name} wait for one another, and this GPU holds {resident:N0} at once: ")
                + "take fewer, or less shared memory, or fewer threads in one.");
        }
    }

    public override void Enqueue(nint stream)
    {
        var arguments = (void**)Marshal.UnsafeAddrOfPinnedArrayElement(_addresses, 0);
        if (IsCooperative)
        {
            EnqueueCooperative(stream, arguments);
            return;
        }

        Driver.Check(
            DriverApi.cuLaunchKernel(
                _function,
                (uint)Grid.X, (uint)Grid.Y, (uint)Grid.Z,
                (uint)Block.X, (uint)Block.Y, (uint)Block.Z,
                (uint)Function.DynamicBytes, stream, arguments, null),
            nameof(DriverApi.cuLaunchKernel));
    }

    private void EnqueueCooperative(nint stream, void** arguments)
    {
        var attribute = new LaunchAttribute { Id = LaunchAttribute.Cooperative, X = 1 };
        var launch = new LaunchConfiguration
        {
            GridX = (uint)Grid.X,
            GridY = (uint)Grid.Y,
            GridZ = (uint)Grid.Z,
            BlockX = (uint)Block.X,
            BlockY = (uint)Block.Y,
            BlockZ = (uint)Block.Z,
            SharedBytes = (uint)Function.DynamicBytes,
            Stream = stream,
            Attributes = &attribute,
            AttributeCount = 1,
        };
        Driver.Check(DriverApi.cuLaunchKernelEx(&launch, _function, arguments, null));
    }

    private static int Aligned(int bytes) => (bytes + ArgumentAlignment - 1) / ArgumentAlignment * ArgumentAlignment;
}

/// <summary>A copy from one address on the GPU to another.</summary>
internal sealed class CopyLaunch(ulong from, ulong to, long bytes) : CudaLaunch
{
    public override string Name => "copy";

    public override bool IsEmpty => bytes == 0;

    public override void Enqueue(nint stream) =>
        Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(to, from, (nuint)bytes, stream));
}

/// <summary>Sets memory to zero.</summary>
internal sealed class ClearLaunch(ulong address, long bytes) : CudaLaunch
{
    public override string Name => "clear";

    public override bool IsEmpty => bytes == 0;

    public override void Enqueue(nint stream) =>
        Driver.Check(DriverApi.cuMemsetD8Async(address, 0, (nuint)bytes, stream));
}
