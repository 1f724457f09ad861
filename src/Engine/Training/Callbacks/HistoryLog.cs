using System.Text.Json;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Writes each epoch's figures as a line of JSON as soon as they are known: <c>epoch</c>, <c>train_loss</c>,
/// <c>valid_loss</c>, <c>valid_accuracy</c>, <c>train_seconds</c> and <c>dur</c>, null for a figure that does not
/// exist. The runner writes this file with <c>--history</c>; <c>runner plot</c>, <c>runner report</c> and pandas read
/// it. An existing file is replaced; the new one begins with the network's earlier epochs.
/// </summary>
public class HistoryLog : Callback, IDisposable
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private readonly string _path;
    private StreamWriter? _lines;
    private NeuralNet? _net;
    private int _written;

    /// <summary>Creates a log in this file, which is opened when the training starts.</summary>
    public HistoryLog(string path) => _path = path ?? throw new ArgumentNullException(nameof(path));

    /// <summary>
    /// Gets the entries that every line has besides the figures: texts, numbers, booleans. There are none at first.
    /// </summary>
    public IDictionary<string, object> Notes { get; } = new OrderedDictionary<string, object>();

    /// <inheritdoc/>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public override void OnTrainingStarted(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        Open();
        if (net != _net)
        {
            (_net, _written) = (net, 0);
        }

        foreach (EpochRecord record in net.TrainHistory.Where(record => record.Epoch > _written))
        {
            OnEpochFinished(net, record);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        Write(
            ("epoch", record.Epoch),
            ("train_loss", record.TrainLoss),
            ("valid_loss", record.ValidLoss),
            ("valid_accuracy", record.ValidAccuracy),
            ("train_seconds", record.TrainSeconds),
            ("dur", record.Dur));
        _written = record.Epoch;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _lines?.Dispose();
            _lines = null;
        }
    }

    /// <summary>Creates the file if it is not open yet.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    protected void Open()
    {
        _lines ??= new StreamWriter(WritableFile.Create(_path)) { AutoFlush = true };
    }

    /// <summary>
    /// Writes a line: these figures and the notes. JSON has no nan or infinity: null stands for them.
    /// </summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    protected void Write(params ReadOnlySpan<(string Name, object? Value)> figures)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach ((string name, object? value) in figures)
            {
                Write(json, name, value);
            }

            foreach ((string name, object value) in Notes)
            {
                Write(json, name, value);
            }

            json.WriteEndObject();
        }

        try
        {
            _lines!.WriteLine(System.Text.Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
        }
        catch (IOException error)
        {
            throw new EngineException($"{_path} cannot be written: {error.Message}", error);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, object? value)
    {
        json.WritePropertyName(name);
        switch (value)
        {
            case int number:
                json.WriteNumberValue(number);
                break;
            case float number when float.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case bool truth:
                json.WriteBooleanValue(truth);
                break;
            case null or float or double:
                json.WriteNullValue();
                break;
            case JsonElement element:
                element.WriteTo(json);
                break;
            default:
                json.WriteStringValue(Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture));
                break;
        }
    }
}
