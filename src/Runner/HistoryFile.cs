using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.Devices;
using Engine.IO;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Writes each epoch's figures as a line of JSON as soon as they are known, then one for the test.</summary>
internal sealed class HistoryFile : Callback, IDisposable
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly StreamWriter _lines;
    private readonly bool _isSynthetic;

    /// <summary>Begins a file, in the place of a former one.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public HistoryFile(string path, bool isSynthetic)
    {
        try
        {
            _lines = new StreamWriter(WritableFile.Create(path)) { AutoFlush = true };
        }
        catch (EngineException error)
        {
            throw new EngineException($"--history: {error.Message}", error);
        }

        _isSynthetic = isSynthetic;
    }

    /// <summary>The device that trains, to be named in each epoch's line; null to leave it out.</summary>
    public Device? Device { get; set; }

    /// <summary>Of a training that is resumed the file has all epochs.</summary>
    public override void OnTrainingStarted(NeuralNet net)
    {
        foreach (EpochRecord record in net.TrainHistory)
        {
            OnEpochFinished(net, record);
        }
    }

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record) => Write(new()
    {
        ["device"] = Device?.Name,
        ["epoch"] = record.Epoch,
        ["train_loss"] = Finite(record.TrainLoss),
        ["valid_loss"] = Finite(record.ValidLoss),
        ["valid_accuracy"] = Finite(record.ValidAccuracy),
        ["train_seconds"] = record.TrainSeconds,
        ["dur"] = record.Dur,
    });

    /// <summary>The last line.</summary>
    public void End(float testAccuracy, Device device) => Write(new()
    {
        ["test_accuracy"] = testAccuracy,
        ["device"] = device.Name,
    });

    /// <summary>The last line of a comparison.</summary>
    public void End(Comparison comparison) => Write(new()
    {
        ["comparison"] = comparison,
    });

    public void Dispose() => _lines.Dispose();

    /// <summary>JSON knows no NaN: null stands for it.</summary>
    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private void Write(OrderedDictionary<string, object?> figures)
    {
        if (figures.TryGetValue("device", out object? device) && device is null)
        {
            figures.Remove("device");
        }

        if (_isSynthetic)
        {
            figures.Add("synthetic", true);
        }

        _lines.WriteLine(JsonSerializer.Serialize(figures, s_format));
    }
}
