using System.Globalization;
using System.Text.Json;
using Engine.IO;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// The file of a search: a line of JSON that describes the search, and one for each completed trial, so that an
/// interrupted search continues there.
/// </summary>
internal sealed class SearchFile : IDisposable
{
    private static readonly JsonSerializerOptions s_format =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly Dictionary<(string Settings, int Epochs), (double Score, double Seconds)> _known = [];
    private readonly StreamWriter? _writer;

    /// <param name="path">The file; null for none.</param>
    /// <param name="search">The description of the search; another search's file is refused.</param>
    /// <exception cref="EngineException">It belongs to another search, or cannot be read or written.</exception>
    public SearchFile(string? path, string search)
    {
        if (path is null)
        {
            return;
        }

        bool isNew = !File.Exists(path) || new FileInfo(path).Length == 0;
        string[] whole = isNew ? [] : Read(path, search);
        // A line that was truncated when the search was killed is written again.
        WholeFile.Write(path, stream =>
        {
            using var lines = new StreamWriter(stream, leaveOpen: true);
            lines.WriteLine(JsonSerializer.Serialize(new Dictionary<string, string> { ["search"] = search }));
            Array.ForEach(whole, lines.WriteLine);
        });
        _writer = new StreamWriter(WritableFile.Open(path, FileMode.Append, FileAccess.Write)) { AutoFlush = true };
    }

    /// <summary>The number of trials in the file.</summary>
    public int Count => _known.Count;

    /// <summary>Returns the score of an earlier trial.</summary>
    public bool TryGet(SearchCandidate candidate, int epochs, out (double Score, double Seconds) trial) =>
        _known.TryGetValue((candidate.ToString(), epochs), out trial);

    /// <summary>Writes a trial.</summary>
    public void Add(Trial<SearchCandidate> trial) => _writer?.WriteLine(JsonSerializer.Serialize(new Line(
        trial.Candidate.ToString(), trial.Epochs, double.IsNaN(trial.Score) ? null : trial.Score,
        Math.Round(trial.Time.TotalSeconds, 3)), s_format));

    public void Dispose() => _writer?.Dispose();

    private string[] Read(string path, string search)
    {
        string[] lines = [.. ReadableFile.ReadAllText(path)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        string? other = Parse<Dictionary<string, string>>(lines.FirstOrDefault() ?? "")?.GetValueOrDefault("search");
        if (other != search)
        {
            throw new EngineException(other is null
                ? $"--results: {path} is there and is no file of a search: name another."
                : $"--results: {path} is of another search, '{other}', not of this one, '{search}': "
                    + "name another file, or repeat that search.");
        }

        var whole = new List<string>();
        foreach (string line in lines.Skip(1))
        {
            if (Parse<Line>(line) is { Settings: not null } trial)
            {
                _known[(trial.Settings, trial.Epochs)] = (trial.Score ?? double.NaN, trial.Seconds);
                whole.Add(line);
            }
        }

        return [.. whole];
    }

    private static T? Parse<T>(string line) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, s_format);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record Line(string Settings, int Epochs, double? Score, double Seconds)
    {
        /// <summary>Returns the members, with decimal points in the numbers.</summary>
        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{Settings}, {Epochs}: {Score}");
    }
}
