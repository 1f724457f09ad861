using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Engine.Training;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Engine.Server;

/// <summary>
/// Represents a page on this machine that shows a training while it runs: losses and accuracies, the learning rate,
/// samples per second and the first layer's filters. A button ends the training after the current batch. Events are
/// sent immediately (server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html). Add it to a
/// network's callbacks.
/// </summary>
public sealed class TrainingWatch : Callback, IAsyncDisposable
{
    /// <summary>The number of events that may wait for a slow reader; the oldest are dropped.</summary>
    private const int MaxWaiting = 256;

    /// <summary>The header that ends the training; other sites cannot make a browser send it.</summary>
    private const string Proof = "X-Engine-Watch";

    private readonly WebApplication _app;
    private readonly Lock _lock = new();
    private readonly List<Channel<string>> _readers = [];
    private readonly List<string> _past = [];
    private NeuralNet? _net;
    private string? _filters;
    private bool _hasEnded;

    private TrainingWatch(int port)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, port);
            kestrel.AddServerHeader = false;
        });
        _app = builder.Build();
        _app.Use(Guard);
        Pages.Map(_app, ("/", "watch.html"), ("/watch.js", "watch.js"), ("/page.css", "page.css"));
        _app.MapGet("/events", Send);
        _app.MapPost("/stop", Stop);
    }

    /// <summary>Gets the address of the page.</summary>
    public Uri Address => Pages.Address(_app);

    /// <summary>Gets whether somebody has ended the training on the page.</summary>
    public bool IsStopped { get; private set; }

    /// <inheritdoc/>
    public override bool WantsProgress => true;

    /// <summary>Opens the page.</summary>
    /// <param name="port">Its port; 0 for any free port.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="EngineException">It cannot listen there.</exception>
    public static async Task<TrainingWatch> StartAsync(int port = 0, CancellationToken cancellationToken = default)
    {
        var watch = new TrainingWatch(port);
        try
        {
            await watch._app.StartAsync(cancellationToken);
            return watch;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            await watch.DisposeAsync();
            throw Pages.CannotListen(port, IPAddress.Loopback, error);
        }
    }

    /// <inheritdoc/>
    public override void OnTrainingStarted(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        _net = net;
        Tell("begin", WatchJson.Begin(net));
        foreach (EpochRecord epoch in net.TrainHistory)
        {
            Tell("epoch", WatchJson.Epoch(epoch, double.NaN));
        }

        TellFilters(net);
    }

    /// <inheritdoc/>
    public override void OnProgress(NeuralNet net, TrainingProgress progress) =>
        Tell("progress", WatchJson.Progress(progress), isKept: false);

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        Tell("epoch", WatchJson.Epoch(record, net.LearningRate));
        TellFilters(net);
    }

    /// <inheritdoc/>
    public override void OnWarning(NeuralNet net, TrainingWarning warning)
    {
        ArgumentNullException.ThrowIfNull(warning);
        Tell("warning", WatchJson.Text(warning.Message));
    }

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net)
    {
        Tell("end", WatchJson.Text(IsStopped ? "Stopped on this page." : "The training has ended."));
        lock (_lock)
        {
            _hasEnded = true;
            _readers.ForEach(reader => reader.Writer.TryComplete());
        }
    }

    /// <summary>Closes the page.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _hasEnded = true;
            _readers.ForEach(reader => reader.Writer.TryComplete());
        }

        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    private static async Task Guard(HttpContext context, RequestDelegate next)
    {
        Pages.Protect(context.Response);
        if (Pages.IsAskedAsThisMachine(context.Request))
        {
            await next(context);
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
        }
    }

    private IResult Stop(HttpRequest request)
    {
        if (!request.Headers.ContainsKey(Proof))
        {
            return Results.StatusCode(StatusCodes.Status403Forbidden);
        }

        IsStopped = true;
        _net?.StopTraining();
        return Results.NoContent();
    }

    private void TellFilters(NeuralNet net)
    {
        if (WatchJson.Filters(net) is { } filters)
        {
            lock (_lock)
            {
                _filters = Event("filters", filters);
            }

            Tell("filters", filters, isKept: false);
        }
    }

    private void Tell(string kind, string json, bool isKept = true)
    {
        string text = Event(kind, json);
        lock (_lock)
        {
            if (isKept)
            {
                _past.Add(text);
            }

            _readers.ForEach(reader => reader.Writer.TryWrite(text));
        }
    }

    private static string Event(string kind, string json) => $"event: {kind}\ndata: {json}\n\n";

    /// <summary>Sends all past events, and then new ones.</summary>
    private async Task Send(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        var channel = Channel.CreateBounded<string>(
            new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest });
        string past;
        lock (_lock)
        {
            past = string.Concat(_past) + _filters;
            if (_hasEnded)
            {
                channel.Writer.Complete();
            }
            else
            {
                _readers.Add(channel);
            }
        }

        try
        {
            await Write(context, past);
            await foreach (string text in channel.Reader.ReadAllAsync(context.RequestAborted))
            {
                await Write(context, text);
            }
        }
        catch (OperationCanceledException)
        {
            // The page was closed.
        }
        finally
        {
            lock (_lock)
            {
                _readers.Remove(channel);
            }
        }
    }

    private static async Task Write(HttpContext context, string text)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
