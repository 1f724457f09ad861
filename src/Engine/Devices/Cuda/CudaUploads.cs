using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Copies arrays to the GPU in a stream of its own while the GPU computes. They land in separate memory and are moved
/// within the GPU when they are needed. Any thread may start an upload.
/// </summary>
internal sealed class CudaUploads(ContextHandle context) : IDisposable
{
    /// <summary>The most arrays that land at once; others are copied when they are needed.</summary>
    private const int MaxLandings = 16;

    private readonly Lock _gate = new();
    private readonly List<Landing> _landings = [];
    private StreamHandle? _stream;
    private CudaStaging? _staging;

    /// <summary>
    /// Starts to copy a tensor; returns when the host memory was read. The tensor must not change until it is taken.
    /// </summary>
    public void Begin(Tensor tensor)
    {
        lock (_gate)
        {
            _stream ??= new StreamHandle(context);
            _staging ??= new CudaStaging(_stream);
            using ContextHandle.Scope scope = context.Enter();
            if (Free(tensor.Bytes.Length) is not { } landing)
            {
                return;
            }

            // The copy waits until the array that landed here before has been moved on.
            landing.MovedOn.Delay(_stream.Value);
            _staging.Upload(tensor.Bytes, landing.Memory.Address);
            landing.Arrived.Record(_stream.Value);
            landing.Tensor = tensor;
        }
    }

    /// <summary>
    /// Enqueues the move of an uploaded tensor to its memory; returns false if the tensor was not uploaded. The caller
    /// holds the device.
    /// </summary>
    public bool TryTake(Tensor tensor, ulong to, StreamHandle stream)
    {
        lock (_gate)
        {
            foreach (Landing landing in _landings)
            {
                if (ReferenceEquals(landing.Tensor, tensor))
                {
                    landing.Tensor = null;
                    landing.Arrived.Delay(stream.Value);
                    Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(
                        to, landing.Memory.Address, (nuint)tensor.Bytes.Length, stream.Value));
                    landing.MovedOn.Record(stream.Value);
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Forgets the uploads that nobody has taken.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            foreach (Landing landing in _landings)
            {
                landing.Tensor = null;
            }
        }
    }

    public void Dispose()
    {
        _landings.ForEach(landing => landing.Dispose());
        _staging?.Dispose();
        _stream?.Dispose();
    }

    /// <summary>Returns a free landing of this size; null if there is none, or no memory for one.</summary>
    private Landing? Free(long bytes)
    {
        Landing? free = _landings.Find(landing => landing.Tensor is null && landing.Bytes >= bytes);
        if (free is null && _landings.Count < MaxLandings
            && MemoryHandle.TryAllocate(context, null, Math.Max(bytes, 1)) is { } memory)
        {
            free = new Landing(context, memory, bytes);
            _landings.Add(free);
        }

        return free;
    }

    /// <summary>A buffer where an array lands.</summary>
    private sealed class Landing(ContextHandle context, MemoryHandle memory, long bytes) : IDisposable
    {
        public MemoryHandle Memory => memory;

        public long Bytes => bytes;

        /// <summary>Gets or sets the tensor that lies there, until it is taken.</summary>
        public Tensor? Tensor { get; set; }

        public EventHandle Arrived { get; } = new(context);

        public EventHandle MovedOn { get; } = new(context);

        public void Dispose()
        {
            Arrived.Dispose();
            MovedOn.Dispose();
            memory.Dispose();
        }
    }
}
