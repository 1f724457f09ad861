using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Brings arrays to the GPU by a stream of their own while it computes: they land beside where they are wanted, and are
/// moved there, within the GPU, when their turn comes. Any thread may begin an upload.
/// </summary>
internal sealed class CudaUploads(ContextHandle context) : IDisposable
{
    /// <summary>So many land at once; what is more comes when it is wanted, as ever.</summary>
    private const int MaxLandings = 16;

    private readonly Lock _gate = new();
    private readonly List<Landing> _landings = [];
    private StreamHandle? _stream;
    private CudaStaging? _staging;

    /// <summary>Starts to bring a tensor, which must not change until it is taken; returns when its numbers were read.</summary>
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

            // What landed here before is moved on by then.
            landing.MovedOn.Delay(_stream);
            _staging.Upload(tensor.Bytes, landing.Memory.Address);
            landing.Arrived.Record(_stream);
            landing.Tensor = tensor;
        }
    }

    /// <summary>
    /// Puts into a stream that a tensor which was brought is moved to where it is wanted; false if it was not. The caller has
    /// the device for itself.
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
                    landing.Arrived.Delay(stream);
                    Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(
                        to, landing.Memory.Address, (nuint)tensor.Bytes.Length, stream.Value));
                    landing.MovedOn.Record(stream);
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Forgets what was brought and not taken.</summary>
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

    /// <summary>A place for so many bytes where nothing lies; null if there is none, or no memory for one.</summary>
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

    /// <summary>A place where an array lands.</summary>
    private sealed class Landing(ContextHandle context, MemoryHandle memory, long bytes) : IDisposable
    {
        public MemoryHandle Memory => memory;

        public long Bytes => bytes;

        /// <summary>Gets or sets what lies there, until it is taken.</summary>
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
