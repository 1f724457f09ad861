using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// A <see cref="LoopKernel"/> on the GPU: the launches of all steps, one after the other, so that they become part of
/// the recorded graph. Rows are copied to and from the fixed addresses of the kernels.
/// </summary>
internal sealed class LoopLaunch : CudaLaunch
{
    private readonly LoopKernel _loop;
    private readonly Func<MemoryRange, ulong> _address;

    public LoopLaunch(LoopKernel loop, Func<MemoryRange, ulong> address)
    {
        (_loop, _address) = (loop, address);
        Stages = CudaStage.Of(loop.Levels);
    }

    /// <summary>Gets the launches of a step.</summary>
    public IReadOnlyList<CudaStage> Stages { get; }

    public override string Name => $"{_loop.Steps} steps of {_loop.Name}";

    public override long Nodes => _loop.Cleared.Count + _loop.Started.Count
        + (_loop.Steps * (_loop.In.Count + _loop.Out.Count + Stages.Sum(stage => stage.Launch.Nodes)));

    public override bool IsRecordable => Stages.All(stage => stage.Launch.IsRecordable);

    public override IEnumerable<KernelLaunch> Kernels => Stages.SelectMany(stage => stage.Launch.Kernels);

    public override void Enqueue(nint stream)
    {
        foreach (MemoryRange range in _loop.Cleared)
        {
            Clear(stream, range);
        }

        foreach ((MemoryRange from, MemoryRange to) in _loop.Started)
        {
            Copy(stream, from, to);
        }

        for (int step = 0; step < _loop.Steps; step++)
        {
            EnqueueStep(stream, step);
        }
    }

    private void EnqueueStep(nint stream, int step)
    {
        foreach (LoopRows rows in _loop.In)
        {
            if (rows.At(step) is { } row)
            {
                Copy(stream, row, rows.Inside);
            }
            else
            {
                Clear(stream, rows.Inside);
            }
        }

        foreach (CudaStage stage in Stages)
        {
            stage.Launch.Enqueue(stream);
        }

        foreach (LoopRows rows in _loop.Out)
        {
            if (rows.At(step) is { } row)
            {
                Copy(stream, rows.Inside, row);
            }
        }
    }

    private void Copy(nint stream, MemoryRange from, MemoryRange to)
    {
        if (to.Bytes > 0)
        {
            Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(_address(to), _address(from), (nuint)to.Bytes, stream));
        }
    }

    private void Clear(nint stream, MemoryRange range)
    {
        if (range.Bytes > 0)
        {
            Driver.Check(DriverApi.cuMemsetD8Async(_address(range), 0, (nuint)range.Bytes, stream));
        }
    }
}
