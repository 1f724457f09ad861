using Spectre.Console;

namespace Engine.Runner;

/// <summary>
/// Shows how far a download is: a bar on a terminal, one plain line elsewhere, nothing if nothing is downloaded.
/// </summary>
internal sealed class DownloadBar(IAnsiConsole console, string what) : IDisposable
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _drawing;
    private ProgressTask? _bar;

    /// <summary>Says how many bytes are there, and how many are to come in all if the server told.</summary>
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

    /// <summary>Leaves the bar as it is, and the terminal to others.</summary>
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

    /// <summary>What fits beside each other; a terminal too narrow for all would get each in several lines.</summary>
    private IEnumerable<ProgressColumn> Columns(int width)
    {
        const int MinBar = 8, Bar = 14, Sizes = 18, Speed = 12, Time = 9;
        int room = width - what.Length - Bar - Time;
        if (room >= MinBar - Bar)
        {
            yield return new TaskDescriptionColumn();
        }

        yield return new ProgressBarColumn();
        if (room >= Sizes)
        {
            yield return new DownloadedColumn();
        }

        if (room >= Sizes + Speed)
        {
            yield return new TransferSpeedColumn();
        }

        yield return new RemainingTimeColumn();
    }
}
