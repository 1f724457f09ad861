using System.Globalization;
using Engine.Layers;

namespace Engine.Training;

/// <summary>Prints the tables of a network with <see cref="NeuralNet.Verbose"/>. They are exactly nolearn's.</summary>
internal sealed class PrintedTables : Callback
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private const string Cyan = "\e[36m";
    private const string Green = "\e[32m";
    private const string Plain = "\e[0m";

    private readonly TextWriter _output;
    private readonly bool _hasColors;
    private readonly List<string> _warnings = [];
    private bool _needsHeading;

    public PrintedTables(TextWriter? output, bool? hasColors)
    {
        _output = output ?? Console.Out;
        _hasColors = hasColors ?? (output is null && !Console.IsOutputRedirected
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));
    }

    public override void OnTrainingStarted(NeuralNet net)
    {
        _needsHeading = net.TrainHistory.Count == 0 || net.IsFirstFit;
        if (!_needsHeading)
        {
            return;
        }

        foreach (string line in Layers(net))
        {
            _output.WriteLine(line);
        }

        _output.WriteLine();
        _output.Flush();
    }

    /// <summary>Returns the table of a network's layers.</summary>
    public static IEnumerable<string> Layers(NeuralNet net)
    {
        string[] heading =
            [$"# Neural Network with {net.LearnableParameters} learnable parameters", "", "## Layer information", ""];
        return [.. heading, .. Table(["#", "name", "size"], [.. net.Layers.Select(Row)], hasColors: false)];

        static Cell[] Row(LayerSummary layer, int index) =>
        [
            new(index.ToString(CultureInfo.InvariantCulture)),
            new(layer.Name),
            new(string.Join('x', layer.OutputShape.Skip(1))),
        ];
    }

    public override void OnWarning(NeuralNet net, TrainingWarning warning)
    {
        if (warning.Epoch is null)
        {
            _output.WriteLine($"Warning: {warning}");
            _output.WriteLine();
            _output.Flush();
        }
        else
        {
            _warnings.Add($"  Warning: {warning}");
        }
    }

    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        List<(string Header, Cell Cell)> columns =
        [
            ("epoch", new Cell(record.Epoch.ToString(CultureInfo.InvariantCulture))),
            ("trn loss", new Cell(Number(record.TrainLoss), record.TrainLossBest ? Cyan : null)),
            ("val loss", new Cell(Number(record.ValidLoss), record.ValidLossBest ? Green : null)),
            ("trn/val", new Cell(Number(record.TrainLoss / record.ValidLoss))),
        ];
        if (net.Scored is not null)
        {
            columns.Add(("valid acc", new Cell(Number(record.ValidAccuracy))));
        }

        columns.AddRange(record.Scores.Select(score => (score.Key, new Cell(Number(score.Value)))));
        columns.Add(("dur", new Cell(record.Dur.ToString("F2", CultureInfo.InvariantCulture) + "s")));

        // Each epoch is its own table. Only the first one that this network trains has a heading.
        Cell[] cells = [.. columns.Select(column => column.Cell)];
        string[] table = [.. Table([.. columns.Select(column => column.Header)], [cells], _hasColors)];
        foreach (string line in _needsHeading ? table[..^1] : [])
        {
            _output.WriteLine(line);
        }

        _needsHeading = false;
        string note = net.RowNote is null ? "" : $"  {net.RowNote}";
        _output.WriteLine($"{table[^1]}{note}{string.Concat(_warnings)}");
        _warnings.Clear();
        _output.Flush();
    }

    private static string Number(double value) =>
        double.IsNaN(value) ? "nan"
        : double.IsInfinity(value) ? value > 0 ? "inf" : "-inf"
        : value.ToString("F5", CultureInfo.InvariantCulture);

    /// <summary>
    /// Formats a table in the style "simple" of Python's tabulate. A column is two wider than its heading or as wide as
    /// its widest cell. Numbers are aligned right, texts left. No line ends with spaces.
    /// </summary>
    private static IEnumerable<string> Table(string[] headers, Cell[][] rows, bool hasColors)
    {
        int[] widths =
            [.. headers.Select((header, i) => Math.Max(header.Length + 2, rows.Max(row => row[i].Text.Length)))];
        bool[] areNumbers = [.. headers.Select((_, i) => rows.All(row => row[i].IsNumber))];
        yield return Line(i => Pad(headers[i], headers[i], i));
        yield return Line(i => new string('-', widths[i]));
        foreach (Cell[] row in rows)
        {
            yield return Line(i => Pad(row[i].Text, hasColors ? row[i].Colored : row[i].Text, i));
        }

        string Line(Func<int, string> cell) =>
            string.Join("  ", Enumerable.Range(0, widths.Length).Select(cell)).TrimEnd();

        string Pad(string text, string shown, int column)
        {
            string spaces = new(' ', widths[column] - text.Length);
            return areNumbers[column] ? spaces + shown : shown + spaces;
        }
    }

    private readonly record struct Cell(string Text, string? Color = null)
    {
        public string Colored => Color is null ? Text : Color + Text + Plain;

        public bool IsNumber => Text is "nan" or "inf" or "-inf"
            || double.TryParse(Text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
    }
}
