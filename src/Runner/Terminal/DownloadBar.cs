using Spectre.Console;

namespace Engine.Runner;

/// <summary>
/// Shows the progress of a download: a bar on a terminal, otherwise one plain line; nothing if nothing is downloaded.
/// </summary>
internal sealed class DownloadBar(IAnsiConsole console, string what) : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _drawing;
    private ProgressTask? _bar;

    /// <summary>Reports the number of downloaded bytes, and the total if the server sent it.</summary>
    public void Report(long bytesDone, long? bytesTotal)
    {
        if (_drawing is null)
        {
            Begin();
        }

        if (_bar is not null)
        {
            _bar.IsIndeterminate = bytesTotal is null;
            _bar.MaxValue = bytesTotal ?? Math.Max(bytesDone, 1);
            _bar.Value = bytesDone;
        }
    }

    /// <summary>Leaves the bar as it is, and releases the terminal.</summary>
    public void Dispose()
    {
        _ended.TrySetResult();
        _drawing?.GetAwaiter().GetResult();
    }

    private void Begin()
    {
        if (!console.CanRedraw())
        {
            console.WriteLine($"{what} …");
            _drawing = Task.CompletedTask;
            return;
        }

        _drawing = console.Progress()
            .Columns([.. Columns(console.Profile.Width)])
            .StartAsync(context =>
            {
                _bar = context.AddTask(Markup.Escape(what));
                return _ended.Task;
            });
    }

    /// <summary>Returns the parts that fit on one line; on a narrow terminal all parts would wrap.</summary>
    private IEnumerable<ProgressColumn> Columns(int width)
    {
        const int MinBar = 8, Bar = 14, Sizes = 18, Speed = 12, Time = 9;
        int space = width - what.Length - Bar - Time;
        if (space >= MinBar - Bar)
        {
            yield return new TaskDescriptionColumn();
        }

        yield return new ProgressBarColumn();
        if (space >= Sizes)
        {
            yield return new DownloadedColumn();
        }

        if (space >= Sizes + Speed)
        {
            yield return new TransferSpeedColumn();
        }

        yield return new RemainingTimeColumn();
    }
}
