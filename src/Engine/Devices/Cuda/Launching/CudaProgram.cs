using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Runs launches one after the other. A first single run enqueues them one by one. Later runs, and many runs asked for
/// at once (such as an epoch), are recorded as one CUDA graph, so that the host does not slow them down. There is no
/// graph if a profiler or an error must tell the launches apart.
/// </summary>
internal sealed class CudaProgram(
    CudaDevice device, StreamHandle stream, CudaStage[] stages, bool mayFault, CudaOptions options) : IProgram
{
    /// <summary>The most nodes of a graph: a larger one takes long to record and gains nothing.</summary>
    private const int MaxNodes = 16384;

    /// <summary>The most graphs that are kept: of a full epoch, of its last part, of one run.</summary>
    private const int MaxGraphs = 4;

    // The most recently used one comes first.
    private readonly List<(int Times, GraphHandle Graph)> _graphs = [];
    private readonly long _nodes = stages.Sum(stage => stage.Launch.Nodes);
    private readonly bool _isRecordable = stages.All(stage => stage.Launch.IsRecordable);
    private bool _hasRun;

    public IReadOnlyList<Launch> Launches => device.Describe(stages);

    public void Run(int times)
    {
        if (times == 0 || stages.Length == 0)
        {
            return;
        }

        try
        {
            using CudaDevice.Turn turn = device.Take();
            Enqueue(times);
            stream.Synchronize();
            if (mayFault)
            {
                device.ThrowFaults();
            }
        }
        catch (CudaException error)
        {
            throw new CudaException(
                $"{device.Name} failed: {error.Message}"
                + (options.Synchronous
                    ? ""
                    : $" It was running {Steps()}; to learn which failed, set CudaOptions.Synchronous.")
                + (error.IsLasting ? " The driver lets this process do nothing more on this GPU: start it again." : ""),
                error);
        }
    }

    public void Dispose()
    {
        _graphs.ForEach(kept => kept.Graph.Dispose());
        _graphs.Clear();
    }

    private void Enqueue(int times)
    {
        int left = times;
        if (options.Synchronous || options.Profile || !_isRecordable)
        {
            for (; left > 0; left--)
            {
                EnqueueOnce();
            }
        }
        else if (!_hasRun && times == 1)
        {
            EnqueueOnce();
            left--;
        }

        _hasRun = true;
        while (left > 0)
        {
            int runs = Math.Min(left, (int)Math.Max(1, MaxNodes / _nodes));
            GraphOf(runs).Launch(stream);
            left -= runs;
        }
    }

    private GraphHandle GraphOf(int times)
    {
        int index = 0;
        while (index < _graphs.Count && _graphs[index].Times != times)
        {
            index++;
        }

        (int, GraphHandle Graph) found = index < _graphs.Count ? _graphs[index] : (times, Record(times));
        if (index < _graphs.Count)
        {
            _graphs.RemoveAt(index);
        }
        else if (_graphs.Count == MaxGraphs)
        {
            _graphs[^1].Graph.Dispose();
            _graphs.RemoveAt(_graphs.Count - 1);
        }

        _graphs.Insert(0, found);
        return found.Graph;
    }

    private GraphHandle Record(int times) => device.Record(() =>
    {
        for (int i = 0; i < times; i++)
        {
            EnqueueOnce();
        }
    });

    private void EnqueueOnce()
    {
        foreach (CudaStage stage in stages)
        {
            try
            {
                using IDisposable? range = options.Profile ? device.Range($"{stage.Ops}: {stage.Launch.Name}") : null;
                stage.Launch.Enqueue(stream.Value);
                if (options.Synchronous)
                {
                    stream.Synchronize();
                }
            }
            catch (CudaException error)
            {
                throw new CudaException($"{stage.Launch.Name} for {stage.Ops}: {error.Message}", error);
            }
        }
    }

    private string Steps()
    {
        const int Shown = 8;
        string[] names = [.. stages.Select(stage => stage.Ops).Distinct()];
        return string.Join(", ", names.Take(Shown)) + (names.Length > Shown ? " …" : "");
    }
}
