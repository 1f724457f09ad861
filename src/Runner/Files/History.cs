using System.Globalization;
using System.Text.Json;
using Engine.IO;
using Engine.Plots;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The contents of a training's history file.</summary>
/// <param name="Name">The name: the file's name, with the device if the file has several.</param>
/// <param name="Epochs">The figures of the epochs.</param>
/// <param name="TestAccuracy">The accuracy on the test images; null if the training was interrupted before.</param>
/// <param name="IsSynthetic">Whether the images were drawn.</param>
internal sealed record History(
    string Name, IReadOnlyList<EpochFigures> Epochs, double? TestAccuracy, bool IsSynthetic)
{
    /// <summary>The device it ran on; null if the file does not say.</summary>
    public string? Device { get; init; }

    /// <summary>
    /// Reads the files of <c>--history</c>, <see cref="Training.HistoryLog"/> or <see cref="Training.CsvLog"/>. A file
    /// of <c>compare</c> has a training for each device.
    /// </summary>
    /// <exception cref="EngineException">A file cannot be read or is not a history; the message names file and
    /// line.</exception>
    public static IReadOnlyList<History> Read(IReadOnlyList<string> paths)
    {
        bool areNamesDistinct = paths.Select(Short).Distinct().Count() == paths.Count;
        return [.. paths.SelectMany(path => Read(path, areNamesDistinct ? Short(path) : path))];

        static string Short(string path) => Path.GetFileNameWithoutExtension(path);
    }

    /// <summary>Returns the history that a network keeps of its training.</summary>
    public static History Of(string name, IReadOnlyList<EpochRecord> records, string device) => new(
        name,
        [.. records.Select(record => new EpochFigures(
            record.Epoch, record.TrainLoss, record.ValidLoss, record.ValidAccuracy, record.TrainSeconds, record.Dur))],
        TestAccuracy: null, IsSynthetic: false)
    {
        Device = device,
    };

    /// <summary>Returns the figures to draw.</summary>
    public TrainingCurves ToCurves() => new(
        Name,
        [.. Epochs.Select(epoch => (double)epoch.Epoch)],
        [.. Epochs.Select(epoch => epoch.TrainLoss)],
        [.. Epochs.Select(epoch => epoch.ValidLoss)],
        [.. Epochs.Select(epoch => epoch.ValidAccuracy)]);

    private static IEnumerable<History> Read(string path, string name)
    {
        FileKind.Require(
            path, "A history is a file that --history, HistoryLog or CsvLog wrote.", FileKind.History, FileKind.Rows);
        string[] lines = ReadableFile.ReadAllText(path).TrimEnd().Split('\n', StringSplitOptions.TrimEntries);
        if (lines is [['e', 'p', 'o', 'c', 'h', ',', ..], ..])
        {
            return [new History(name, EpochFigures.ReadTable(lines, path), null, IsSynthetic: false)];
        }

        var epochs = new OrderedDictionary<string, List<EpochFigures>>();
        double? test = null;
        string? testDevice = null;
        bool isSynthetic = false;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
            {
                continue;
            }

            try
            {
                using JsonDocument line = JsonDocument.Parse(lines[i]);
                JsonElement root = line.RootElement;
                isSynthetic |= root.TryGetProperty("synthetic", out JsonElement drawn) && drawn.GetBoolean();
                string device = root.TryGetProperty("device", out JsonElement named) ? named.GetString() ?? "" : "";
                if (root.TryGetProperty("epoch", out JsonElement epoch))
                {
                    epochs.TryAdd(device, []);
                    epochs[device].Add(EpochFigures.Read(root, epoch.GetInt32()));
                }
                else if (root.TryGetProperty("test_accuracy", out JsonElement accuracy))
                {
                    test = accuracy.GetDouble();
                    testDevice = device.Length > 0 ? device : null;
                }
                else if (!root.TryGetProperty("comparison", out _) && !root.TryGetProperty("test_r2", out _))
                {
                    throw new FormatException("it has neither epoch nor test_accuracy");
                }
            }
            catch (JsonException) when (i == lines.Length - 1 && epochs.Count > 0)
            {
                // A training that was killed while it wrote ends in this way.
            }
            catch (Exception error) when (error is JsonException or FormatException or InvalidOperationException)
            {
                string why = error.Message.Split(" LineNumber:")[0].TrimEnd('.');
                throw new EngineException(
                    $"{path}, line {i + 1} is not of a training's history, as --history writes it: {why}.", error);
            }
        }

        return epochs.Count == 0
            ? throw new EngineException($"{path} holds no epoch of a training; --history FILE writes one as it trains.")
            : epochs.Select(pair => new History(
                epochs.Count > 1 ? $"{name}, {pair.Key}" : name, pair.Value, epochs.Count > 1 ? null : test,
                isSynthetic)
            {
                Device = pair.Key.Length > 0 ? pair.Key : testDevice,
            });
    }
}

/// <summary>Returns an epoch's figure; NaN if there is none.</summary>
internal sealed record EpochFigures(
    int Epoch, double TrainLoss, double ValidLoss, double ValidAccuracy, double TrainSeconds, double Seconds)
{
    /// <summary>Reads the table that <see cref="Training.CsvLog"/> writes; a truncated last line is ignored.</summary>
    public static IReadOnlyList<EpochFigures> ReadTable(string[] lines, string path)
    {
        string[] heads = Cells(lines[0]);
        var epochs = new List<EpochFigures>();
        for (int i = 1; i < lines.Length; i++)
        {
            string[] cells = Cells(lines[i]);
            if (cells.Length != heads.Length || !int.TryParse(cells[0], CultureInfo.InvariantCulture, out int epoch))
            {
                if (i == lines.Length - 1 && epochs.Count > 0)
                {
                    break;
                }

                throw new EngineException(
                    $"{path}, line {i + 1} is not of a training's history, as CsvLog writes it: it has {cells.Length} "
                    + $"cells, the first line {heads.Length}.");
            }

            epochs.Add(new EpochFigures(
                epoch, Number("train_loss"), Number("valid_loss"), Number("valid_accuracy"), Number("train_seconds"),
                Number("dur")));

            double Number(string name) => Array.IndexOf(heads, name) is >= 0 and int at
                && double.TryParse(cells[at], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                ? value
                : double.NaN;
        }

        return epochs.Count > 0 ? epochs : throw new EngineException($"{path} holds no epoch of a training.");
    }

    /// <summary>Returns the cells of a line. Cells in quotes may contain commas; no cell spans lines here.</summary>
    private static string[] Cells(string line)
    {
        var cells = new List<string> { "" };
        bool isQuoted = false;
        foreach (char letter in line)
        {
            isQuoted ^= letter == '"';
            if (letter == ',' && !isQuoted)
            {
                cells.Add("");
            }
            else if (letter != '"')
            {
                cells[^1] += letter;
            }
        }

        return [.. cells];
    }

    /// <summary>Reads the figures from a line of a history.</summary>
    public static EpochFigures Read(JsonElement line, int epoch)
    {
        return new EpochFigures(
            epoch, Number("train_loss"), Number("valid_loss"), Number("valid_accuracy"), Number("train_seconds"),
            Number("dur"));

        double Number(string name) =>
            line.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
                ? value.ValueKind == JsonValueKind.String
                    ? double.Parse(value.GetString()!, CultureInfo.InvariantCulture)
                    : value.GetDouble()
                : double.NaN;
    }
}
