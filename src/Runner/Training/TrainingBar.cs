using System.Globalization;
using Engine.Training;
using Spectre.Console;

namespace Engine.Runner;

/// <summary>
/// Shows the progress of an epoch on a terminal, in one line that is erased before the epoch's row of the table is
/// printed; otherwise shows nothing.
/// </summary>
internal sealed class TrainingBar(IAnsiConsole console) : Callback
{
    private const int WidestBar = 20, NarrowestBar = 6;
    private const string Gap = "  ";

    // A shorter epoch needs only its row.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(0.3);

    private readonly bool _isShown = console.CanRedraw();
    private bool _isDrawn;
    private TrainingProgress? _first;
    private TimeSpan? _lastEpoch;

    /// <inheritdoc/>
    public override bool WantsProgress => _isShown;

    /// <inheritdoc/>
    public override void OnProgress(NeuralNet net, TrainingProgress progress)
    {
        if (progress.Batch >= progress.Batches)
        {
            Clear();
        }
        else if (_first is not { } first || first.Epoch != progress.Epoch)
        {
            // The first batches may have waited for the machine to warm up, so speed is measured from here on.
            _first = progress;
        }
        else if (progress.Elapsed >= s_patience)
        {
            _isDrawn = true;
            console.Redraw(Line(first, progress, console.Profile.Width - 1));
        }
    }

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record) =>
        _lastEpoch = TimeSpan.FromSeconds(record.Dur);

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net) => Clear();

    private void Clear()
    {
        if (_isDrawn)
        {
            console.Redraw("");
            _isDrawn = false;
        }
    }

    /// <summary>
    /// Returns the parts that fit in a width: the most useful ones first, then a bar in the remaining width.
    /// </summary>
    private string Line(TrainingProgress first, TrainingProgress now, int width)
    {
        double speed = (now.Samples - first.Samples) / (now.Elapsed - first.Elapsed).TotalSeconds;
        TimeSpan left = TimeSpan.FromSeconds((now.SampleCount - now.Samples) / speed);
        TimeSpan inAll = left + ((now.LastEpoch - now.Epoch) * (_lastEpoch ?? now.Elapsed + left));
        string line = Text($"epoch {now.Epoch}/{now.LastEpoch}");
        int space = width - line.Length;
        string batches = Part(Text($"  {now.Batch}/{now.Batches} batches"));
        string toGo = Part($"  {Time(left)} left");
        string images = Part(Text($"  {speed:N0} images/s"));
        string toEnd = now.Epoch < now.LastEpoch && toGo.Length > 0 ? Part($", {Time(inAll)} in all") : "";
        int bar = Math.Min(space - Gap.Length, WidestBar);
        if (bar >= NarrowestBar)
        {
            line += Gap + console.Bar((double)now.Batch / now.Batches, bar);
        }

        line += batches + images + toGo + toEnd;
        return line.Length <= width ? line : line[..width];

        string Part(string text)
        {
            if (text.Length > space)
            {
                return "";
            }

            space -= text.Length;
            return text;
        }
    }

    private static string Time(TimeSpan time)
    {
        double seconds = Math.Ceiling(time.TotalSeconds);
        var whole = TimeSpan.FromSeconds(seconds);
        return seconds < 60 ? Text($"{seconds:F0} s")
            : seconds < 3600 ? Text($"{whole.Minutes}:{whole.Seconds:00}")
            : Text($"{Math.Floor(whole.TotalHours):F0}:{whole.Minutes:00}:{whole.Seconds:00}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
