using System.Globalization;
using System.Text;

namespace Engine.Server;

/// <summary>The metrics of <c>/metrics</c>, in the text format of Prometheus.</summary>
internal sealed class ServerMetrics
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, long> _requests = [];
    private double _seconds;

    /// <summary>Counts a request to predict.</summary>
    public void Count(int status, TimeSpan took)
    {
        lock (_lock)
        {
            _requests[status] = _requests.GetValueOrDefault(status) + 1;
            _seconds += took.TotalSeconds;
        }
    }

    /// <summary>Returns all metrics.</summary>
    public string Write(Batcher batcher)
    {
        var text = new StringBuilder();
        lock (_lock)
        {
            Add("engine_requests_total", "counter", "Requests to predict, by status.");
            foreach ((int status, long count) in _requests)
            {
                text.Append(CultureInfo.InvariantCulture, $"engine_requests_total{{status=\"{status}\"}} {count}\n");
            }

            Value("engine_request_seconds_total", "counter", "The time that they took together.", _seconds);
        }

        Value("engine_samples_total", "counter", "Samples that were predicted.", batcher.Samples);
        Value("engine_batches_total", "counter", "Batches that they were predicted in.", batcher.Batches);
        Value("engine_samples_waiting", "gauge", "Samples that wait or are being predicted.", batcher.Waiting);
        Value("engine_memory_bytes", "gauge", "The process's working set.", Environment.WorkingSet);
        return text.ToString();

        void Add(string name, string type, string help) => text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

        void Value(string name, string type, string help, double value)
        {
            Add(name, type, help);
            text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
        }
    }
}
