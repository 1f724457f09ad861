using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// A launch at which the host waits for the GPU, to look at a value: it cannot be recorded, and so neither can the program.
/// </summary>
internal abstract class HostLaunch : CudaLaunch
{
    public sealed override bool IsRecordable => false;

    /// <summary>Brings bytes to the host once all is done that was put into the stream before.</summary>
    protected static unsafe void Read(nint stream, ulong from, Span<byte> to)
    {
        fixed (byte* place = to)
        {
            Driver.Check(DriverApi.cuMemcpyDtoHAsync_v2(place, from, (nuint)to.Length, stream));
        }

        Driver.Check(DriverApi.cuStreamSynchronize(stream));
    }
}

/// <summary>A <see cref="BranchKernel"/> on the GPU: the host looks at the condition and launches what it chooses.</summary>
internal sealed class BranchLaunch(BranchKernel branch, ulong condition) : HostLaunch
{
    private readonly CudaStage[] _first = CudaStage.Of(branch.First), _second = CudaStage.Of(branch.Second);

    public override string Name => $"one of two of {branch.Name}";

    public override IEnumerable<KernelLaunch> Kernels =>
        _first.Concat(_second).SelectMany(stage => stage.Launch.Kernels);

    public override void Enqueue(nint stream)
    {
        Span<byte> chosen = stackalloc byte[1];
        Read(stream, condition, chosen);
        foreach (CudaStage stage in chosen[0] != 0 ? _first : _second)
        {
            stage.Launch.Enqueue(stream);
        }
    }
}

/// <summary>Hands a value to the host.</summary>
/// <param name="address">Where it lies.</param>
/// <param name="value">What is filled with it.</param>
/// <param name="see">What is done then.</param>
internal sealed class ReadLaunch(ulong address, Tensor value, Action<Tensor> see) : HostLaunch
{
    public override string Name => "read";

    public override void Enqueue(nint stream)
    {
        Read(stream, address, value.Bytes);
        see(value);
    }
}
