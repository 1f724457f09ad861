using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Copies arrays to the GPU in a stream of its own while the GPU computes. They go to an upload buffer and are copied
/// within the GPU when they are needed. Any thread may start an upload.
/// </summary>
internal sealed class CudaUploads(ContextHandle context) : IDisposable
{
    /// <summary>The maximum number of upload buffers; with none free, an array is copied when it is needed.</summary>
    private const int MaxBuffers = 16;

    private readonly Lock _gate = new();
    private readonly List<UploadBuffer> _buffers = [];
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
            if (Free(tensor.Bytes.Length) is not { } buffer)
            {
                return;
            }

            // The copy waits until the array that was here before has been copied on.
            buffer.CopiedOn.Delay(_stream.Value);
            _staging.Upload(tensor.Bytes, buffer.Memory.Address);
            buffer.Arrived.Record(_stream.Value);
            buffer.Tensor = tensor;
        }
    }

    /// <summary>
    /// Enqueues the copy of an uploaded tensor to its memory; returns false if the tensor was not uploaded. The caller
    /// holds the device.
    /// </summary>
    public bool TryTake(Tensor tensor, ulong to, StreamHandle stream)
    {
        lock (_gate)
        {
            foreach (UploadBuffer buffer in _buffers)
            {
                if (ReferenceEquals(buffer.Tensor, tensor))
                {
                    buffer.Tensor = null;
                    buffer.Arrived.Delay(stream.Value);
                    Driver.Check(DriverApi.cuMemcpyDtoDAsync_v2(
                        to, buffer.Memory.Address, (nuint)tensor.Bytes.Length, stream.Value));
                    buffer.CopiedOn.Record(stream.Value);
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
            foreach (UploadBuffer buffer in _buffers)
            {
                buffer.Tensor = null;
            }
        }
    }

    public void Dispose()
    {
        _buffers.ForEach(buffer => buffer.Dispose());
        _staging?.Dispose();
        _stream?.Dispose();
    }

    /// <summary>Returns a free buffer of this size or larger; null if there is none, or no memory for one.</summary>
    private UploadBuffer? Free(long bytes)
    {
        UploadBuffer? free = _buffers.Find(buffer => buffer.Tensor is null && buffer.Bytes >= bytes);
        if (free is null && _buffers.Count < MaxBuffers
            && MemoryHandle.TryAllocate(context, null, Math.Max(bytes, 1)) is { } memory)
        {
            free = new UploadBuffer(context, memory, bytes);
            _buffers.Add(free);
        }

        return free;
    }

    /// <summary>A buffer on the GPU that an upload writes.</summary>
    private sealed class UploadBuffer(ContextHandle context, MemoryHandle memory, long bytes) : IDisposable
    {
        public MemoryHandle Memory => memory;

        public long Bytes => bytes;

        /// <summary>Gets or sets the tensor that lies there, until it is taken.</summary>
        public Tensor? Tensor { get; set; }

        public EventHandle Arrived { get; } = new(context);

        public EventHandle CopiedOn { get; } = new(context);

        public void Dispose()
        {
            Arrived.Dispose();
            CopiedOn.Dispose();
            memory.Dispose();
        }
    }
}
