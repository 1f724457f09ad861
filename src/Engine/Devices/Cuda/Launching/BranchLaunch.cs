using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// A launch in which the host waits for the GPU to read a value. It cannot be recorded, and neither can its program.
/// </summary>
internal abstract class HostLaunch : CudaLaunch
{
    public sealed override bool IsRecordable => false;

    /// <summary>Copies bytes to the host after all earlier work of the stream.</summary>
    protected static unsafe void Read(nint stream, ulong from, Span<byte> to)
    {
        fixed (byte* address = to)
        {
            Driver.Check(DriverApi.cuMemcpyDtoHAsync_v2(address, from, (nuint)to.Length, stream));
        }

        Driver.Check(DriverApi.cuStreamSynchronize(stream));
    }
}

/// <summary>
/// A <see cref="BranchKernel"/> on the GPU: the host reads the condition and launches the group that it selects.
/// </summary>
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
/// <param name="address">The address of the value on the GPU.</param>
/// <param name="value">The tensor that receives it.</param>
/// <param name="see">The action that is called then.</param>
internal sealed class ReadLaunch(ulong address, Tensor value, Action<Tensor> see) : HostLaunch
{
    public override string Name => "read";

    public override void Enqueue(nint stream)
    {
        Read(stream, address, value.Bytes);
        see(value);
    }
}
