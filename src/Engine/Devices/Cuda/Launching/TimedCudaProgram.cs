using System.Diagnostics;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Runs launches one after the other, not as a graph, with an event in the stream between them. The times of the events
/// give the time of each launch.
/// </summary>
internal sealed class TimedCudaProgram : IProgram
{
    private readonly CudaDevice _device;
    private readonly StreamHandle _stream;
    private readonly CudaStage[] _stages;
    private readonly bool _mayFault;
    private readonly LaunchTimes _times;
    private readonly EventHandle[] _marks;

    public TimedCudaProgram(
        CudaDevice device, StreamHandle stream, CudaStage[] stages, bool mayFault, LaunchTimes times)
    {
        (_device, _stream, _stages, _mayFault, _times) = (device, stream, stages, mayFault, times);
        _marks = [.. Enumerable.Range(0, stages.Length + 1).Select(_ => new EventHandle(stream.Context))];
        times.Prepare(stages.Length, lanes: 1);
    }

    public IReadOnlyList<Launch> Launches => _device.Describe(_stages);

    public void Run(int times)
    {
        for (int i = 0; i < times; i++)
        {
            _times.StartRun();
            long start = Stopwatch.GetTimestamp();
            using (_device.Take())
            {
                _marks[0].Record(_stream.Value);
                for (int s = 0; s < _stages.Length; s++)
                {
                    _stages[s].Launch.Enqueue(_stream.Value);
                    _marks[s + 1].Record(_stream.Value);
                }

                _stream.Synchronize();
                if (_mayFault)
                {
                    _device.ThrowFaults();
                }
            }

            for (int s = 0; s < _stages.Length; s++)
            {
                _times.Add(s, 0, At(s), At(s + 1));
            }

            _times.EndRun();

            long At(int mark) => start + (mark == 0 ? 0 : (long)(
                EventHandle.Between(_marks[0], _marks[mark]).TotalSeconds * Stopwatch.Frequency));
        }
    }

    public void Dispose() => Array.ForEach(_marks, mark => mark.Dispose());
}
