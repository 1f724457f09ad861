using System.Globalization;
using System.Text;
using Engine.Graph;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Writes a line per epoch to a CSV file for spreadsheets and pandas: the figures of its record, the custom scores and
/// the settings of the update rule. Numbers have decimal points in every culture. Each line is in the file as soon as
/// its epoch is over. If the network has trained before, the file is continued; lines of epochs later than the
/// network's last one are removed.
/// </summary>
public sealed class CsvLog : Callback, IDisposable
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private const string LineEnd = "\n";

    private readonly string _path;
    private FileStream? _file;
    private string? _heading;

    /// <summary>Writes to this file.</summary>
    public CsvLog(string path) => _path = path ?? throw new ArgumentNullException(nameof(path));

    /// <inheritdoc/>
    /// <exception cref="EngineException">The file cannot be written, or it exists and is not such a log.</exception>
    public override void OnTrainingStarted(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        Dispose();
        string[] names =
        [
            "epoch", "train_loss", "valid_loss", "valid_accuracy", .. net.CustomScores.Select(score => score.Name),
            .. net.UpdateSettings.Keys, "train_seconds", "dur",
        ];
        _heading = string.Join(',', names.Select(Quoted));
        try
        {
            _file = WritableFile.Open(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite);
            bool isContinued = false;
            if (_file.CanSeek && _file.Length > 0)
            {
                long kept = Kept(_file, net.TrainHistory.Count);
                _file.SetLength(kept);
                _file.Position = kept;
                isContinued = kept > 0;
            }

            if (!isContinued)
            {
                WriteLine(_heading);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or EngineException)
        {
            Dispose();
            throw error as EngineException ?? new EngineException($"{_path} cannot be written: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        double[] measured = [record.TrainLoss, record.ValidLoss, record.ValidAccuracy, .. record.Scores.Values];
        double[] times = [record.TrainSeconds, record.Dur];
        string[] cells =
        [
            record.Epoch.ToString(CultureInfo.InvariantCulture), .. measured.Select(Text),
            .. net.UpdateSettings.Values.Select(Text), .. times.Select(Text),
        ];
        try
        {
            WriteLine(string.Join(',', cells));
        }
        catch (IOException error)
        {
            throw new EngineException($"{_path} cannot be written: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net) => Dispose();

    /// <summary>Closes the file; Fit does so itself at its end.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    /// <summary>Returns the number of bytes up to the end of an epoch's line; 0 to start a new file.</summary>
    private long Kept(FileStream file, int epoch)
    {
        byte[] bytes = new byte[epoch == 0 ? 0 : file.Length];
        file.ReadExactly(bytes);
        string[] lines = Encoding.UTF8.GetString(bytes).Split(LineEnd);
        if (bytes.Length > 0 && lines[0] != _heading)
        {
            throw new EngineException(
                $"{_path} cannot be continued: it begins with '{Start(lines[0])}', where a log of this network begins "
                + $"with '{Start(_heading!)}'. Name another file.");
        }

        // A line without a line end was cut off.
        return lines[..^1]
            .TakeWhile((line, i) => i == 0 || IsUpTo(line))
            .Sum(line => Encoding.UTF8.GetByteCount(line) + 1L);

        bool IsUpTo(string line) =>
            int.TryParse(line.Split(',')[0], CultureInfo.InvariantCulture, out int number) && number <= epoch;

        static string Start(string line) => line.Length > 60 ? line[..60] + "…" : line;
    }

    private void WriteLine(string line)
    {
        _file!.Write(Encoding.UTF8.GetBytes(line + LineEnd));
        _file.Flush();
    }

    /// <summary>
    /// Returns a number with all its digits; an empty text for nan, as spreadsheets and pandas expect.
    /// </summary>
    private static string Text(double value) =>
        double.IsNaN(value) ? ""
        : double.IsInfinity(value) ? value > 0 ? "inf" : "-inf"
        : value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Returns a float32 setting with the fewest digits that identify it: 0.01, not 0.00999999977…</summary>
    private static string Text(SharedVariable setting) => setting.DType == DType.Float32
        ? setting.GetScalar<float>().ToString(CultureInfo.InvariantCulture)
        : Text(setting.GetScalar<double>());

    /// <summary>Quotes a text that contains a comma, a quote or a line end (RFC 4180).</summary>
    private static string Quoted(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0
        ? text
        : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
