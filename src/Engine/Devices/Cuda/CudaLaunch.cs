using System.Runtime.InteropServices;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>A piece of work that can be put into a stream again and again.</summary>
internal abstract class CudaLaunch
{
    /// <summary>The name in messages.</summary>
    public abstract string Name { get; }

    /// <summary>Whether there is anything to do.</summary>
    public virtual bool IsEmpty => false;

    /// <summary>Loads what it needs.</summary>
    public virtual void Prepare(KernelCompiler compiler)
    {
    }

    /// <summary>Puts the work into a stream, in whose context the thread is.</summary>
    public abstract void Enqueue(nint stream);
}

/// <summary>A kernel: an entry point of a source file, compiled with some macros defined.</summary>
/// <param name="File">The source, one of src/Kernels.</param>
/// <param name="Entry">The name of the <c>__global__</c> function.</param>
/// <param name="Defines">Macros, each as its name, a space and its text.</param>
internal sealed record CudaKernel(string File, string Entry, params IReadOnlyList<string> Defines)
{
    /// <summary>The text that is compiled.</summary>
    public string Source => KernelSource.Expand(File, Defines);

    /// <summary>A launch of the kernel.</summary>
    public KernelLaunch Launch(Dim3 grid, Dim3 block, params ReadOnlySpan<CudaArgument> arguments) =>
        new(this, grid, block, arguments);
}

/// <summary>A number of blocks, or of threads, in three directions.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    public static implicit operator Dim3(int x) => new(x);
}

/// <summary>A kernel's argument, by value.</summary>
internal readonly struct CudaArgument
{
    private CudaArgument(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    public static CudaArgument Of<T>(T value) where T : unmanaged =>
        new(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray());

    public static implicit operator CudaArgument(ulong address) => Of(address);

    public static implicit operator CudaArgument(long value) => Of(value);

    public static implicit operator CudaArgument(int value) => Of(value);

    public static implicit operator CudaArgument(float value) => Of(value);

    public static implicit operator CudaArgument(double value) => Of(value);

    public static implicit operator CudaArgument(CudaLoops loops) => Of(loops);
}

/// <summary>A kernel with its grid and its arguments.</summary>
internal sealed unsafe class KernelLaunch : CudaLaunch
{
    private const int ArgumentAlignment = 16;

    private readonly Dim3 _grid;
    private readonly Dim3 _block;

    // The arguments and the table of their addresses lie still, so that a launch is one call.
    private readonly byte[] _arguments;
    private readonly nint[] _addresses;
    private nint _function;

    public KernelLaunch(CudaKernel kernel, Dim3 grid, Dim3 block, ReadOnlySpan<CudaArgument> arguments)
    {
        Kernel = kernel;
        (_grid, _block) = (grid, block);
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
            offset += Aligned(arguments[i].Bytes.Length);
        }
    }

    public CudaKernel Kernel { get; }

    public override string Name => $"{Kernel.Entry} of {Kernel.File}";

    public override bool IsEmpty => _grid.X == 0 || _grid.Y == 0 || _grid.Z == 0;

    public override void Prepare(KernelCompiler compiler) => _function = compiler.Function(Kernel);

    public override void Enqueue(nint stream) => Driver.Check(
        DriverApi.cuLaunchKernel(
            _function,
            (uint)_grid.X, (uint)_grid.Y, (uint)_grid.Z,
            (uint)_block.X, (uint)_block.Y, (uint)_block.Z,
            0, stream, (void**)Marshal.UnsafeAddrOfPinnedArrayElement(_addresses, 0), null),
        nameof(DriverApi.cuLaunchKernel));

    private static int Aligned(int bytes) => (bytes + ArgumentAlignment - 1) / ArgumentAlignment * ArgumentAlignment;
}

/// <summary>A copy from one place on the GPU to another.</summary>
internal sealed class CopyLaunch(ulong from, ulong to, long bytes) : CudaLaunch
{
    public override string Name => "copy";

    public override bool IsEmpty => bytes == 0;

    public override void Enqueue(nint stream) =>
        Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(to, from, (nuint)bytes, stream));
}

/// <summary>Memory set to zero.</summary>
internal sealed class ClearLaunch(ulong address, long bytes) : CudaLaunch
{
    public override string Name => "clear";

    public override bool IsEmpty => bytes == 0;

    public override void Enqueue(nint stream) =>
        Driver.Check(DriverApi.cuMemsetD8Async(address, 0, (nuint)bytes, stream));
}
