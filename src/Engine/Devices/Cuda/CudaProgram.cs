using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Launches that run one after the other. The first run puts them into the stream one by one; from the second on they
/// are recorded as a CUDA graph, of many runs where many are asked for, so that the host is not in the way.
/// </summary>
internal sealed class CudaProgram(CudaDevice device, StreamHandle stream, CudaBoundOp[] ops, bool synchronous)
    : IProgram
{
    /// <summary>
    /// How many runs the longer graph holds: enough that launching it costs nothing beside running it.
    /// </summary>
    private const int Unrolled = 16;

    private readonly bool _mayFault = ops.Any(op => op.MayFault);
    private readonly int _launches = ops.Sum(op => op.Launches.Length);
    private GraphHandle? _one;
    private GraphHandle? _many;
    private bool _hasRun;

    public void Run(int times)
    {
        if (times == 0 || _launches == 0)
        {
            return;
        }

        try
        {
            device.Do(_ => Enqueue(times));
        }
        catch (CudaException error)
        {
            throw new CudaException(
                $"{device.Name} failed: {error.Message}"
                + (synchronous
                    ? ""
                    : $" It was running {Steps()}; to learn which failed, set CudaOptions.Synchronous."),
                error);
        }

        if (_mayFault)
        {
            device.ThrowFaults();
        }
    }

    public void Dispose()
    {
        _one?.Dispose();
        _many?.Dispose();
    }

    private void Enqueue(int times)
    {
        int left = times;
        if (synchronous)
        {
            for (; left > 0; left--)
            {
                EnqueueOnce();
            }
        }
        else if (!_hasRun)
        {
            EnqueueOnce();
            left--;
            _hasRun = true;
        }

        for (; left >= Unrolled; left -= Unrolled)
        {
            _many ??= Record(Unrolled);
            _many.Launch(stream);
        }

        for (; left > 0; left--)
        {
            _one ??= Record(1);
            _one.Launch(stream);
        }
    }

    private GraphHandle Record(int times) => new(stream, () =>
    {
        for (int i = 0; i < times; i++)
        {
            EnqueueOnce();
        }
    });

    private void EnqueueOnce()
    {
        foreach (CudaBoundOp op in ops)
        {
            foreach (CudaLaunch launch in op.Launches)
            {
                try
                {
                    launch.Enqueue(stream.Value);
                    if (synchronous)
                    {
                        stream.Synchronize();
                    }
                }
                catch (CudaException error)
                {
                    throw new CudaException($"{launch.Name} for {op.Name}: {error.Message}", error);
                }
            }
        }
    }

    private string Steps()
    {
        const int Shown = 8;
        string[] names = [.. ops.Select(op => op.Name).Distinct()];
        return string.Join(", ", names.Take(Shown)) + (names.Length > Shown ? " …" : "");
    }
}
