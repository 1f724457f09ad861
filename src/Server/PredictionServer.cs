using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Engine.Data;
using Engine.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Engine.Server;

/// <summary>
/// Represents a model behind HTTP: <c>POST /predict</c> with rows in JSON, a picture or a form of several;
/// <c>/health</c>, <c>/metrics</c>, <c>/model</c>, and a page for people. Requests that arrive at the same time are
/// predicted together. When it stops, it still answers the requests that it has accepted.
/// </summary>
public sealed class PredictionServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Model _model;
    private readonly ServerOptions _options;
    private readonly Batcher _batcher;
    private readonly RequestReader _reader;
    private readonly ServerMetrics _metrics = new();

    private PredictionServer(Model model, ServerOptions options)
    {
        (_model, _options) = (model, options);
        _batcher = new Batcher(model.Predict, options.MaxBatch, options.MaxWaiting);
        _reader = new RequestReader(model, options);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Timeout);
        builder.Services.Configure<FormOptions>(form => form.MultipartBodyLengthLimit = options.MaxBody);
        builder.Services.AddSingleton<IConnectionListenerFactory, DrainingListeners>();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Address, options.Port);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBody;
            kestrel.Limits.RequestHeadersTimeout = options.Timeout;
        });
        _app = builder.Build();
        _app.Use(Guard);
        Pages.Map(_app, ("/", "index.html"), ("/page.css", "page.css"), ("/page.js", "page.js"));
        Pages.Map(_app, "/health", () => Results.Text("{\"status\":\"ok\"}", "application/json"));
        Pages.Map(_app, "/metrics", () => Results.Text(_metrics.Write(_batcher), "text/plain; version=0.0.4"));
        Pages.Map(_app, "/model", () => Results.Bytes(ModelJson.Describe(model), "application/json"));
        _app.MapPost("/predict", Predict);
    }

    /// <summary>Gets its address.</summary>
    public Uri Address => Pages.Address(_app);

    /// <summary>Starts serving a model.</summary>
    /// <param name="model">The model; other callers may use it too.</param>
    /// <param name="options">The options; null for only this machine.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="EngineException">
    /// Other machines could reach it without a token, or it cannot listen at the address.
    /// </exception>
    public static async Task<PredictionServer> StartAsync(
        Model model, ServerOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ServerOptions();
        if (!IPAddress.IsLoopback(options.Address) && string.IsNullOrEmpty(options.Token))
        {
            throw new EngineException($"Whoever reaches {options.Address} could use the model: set a token.");
        }

        var server = new PredictionServer(model, options);
        try
        {
            await server._app.StartAsync(cancellationToken);
            return server;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw Pages.CannotListen(options.Port, options.Address, error);
        }
    }

    /// <summary>Accepts no new requests, and answers the accepted ones.</summary>
    public Task StopAsync() => _app.StopAsync(CancellationToken.None);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None);
        await _batcher.DisposeAsync();
        await _app.DisposeAsync();
        _reader.Dispose();
    }

    /// <summary>Admits requests with the token, or from this machine under this machine's name.</summary>
    private async Task Guard(HttpContext context, RequestDelegate next)
    {
        Pages.Protect(context.Response);
        if (_options.Token is null && !Pages.IsAskedAsThisMachine(context.Request))
        {
            await Refuse(
                context, StatusCodes.Status403Forbidden, "This server is for this machine alone: ask localhost.");
        }
        else if (_options.Token is not null && context.Request.Path != "/health" && !HasToken(context.Request))
        {
            await Refuse(
                context, StatusCodes.Status401Unauthorized,
                "Show the token: the header 'Authorization: Bearer TOKEN', or ?token=TOKEN.");
        }
        else
        {
            await next(context);
            if (context.Response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed)
            {
                await Refuse(context, context.Response.StatusCode,
                    context.Response.StatusCode == StatusCodes.Status405MethodNotAllowed
                    ? $"{context.Request.Path} is asked by {context.Response.Headers.Allow}, "
                        + $"not by {context.Request.Method}."
                    : $"There is no {context.Request.Path} here: ask /predict, /model, /health or /metrics.");
            }
        }
    }

    private bool HasToken(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        string given = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim()
            : request.Query["token"].FirstOrDefault() ?? request.Cookies["token"] ?? "";
        bool isRight = CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(_options.Token!)));
        if (isRight && request.Query.ContainsKey("token"))
        {
            // The page's own requests send it from now on.
            request.HttpContext.Response.Cookies.Append(
                "token", given, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict });
        }

        return isRight;
    }

    private async Task Predict(HttpContext context)
    {
        var watch = Stopwatch.StartNew();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(_options.Timeout);
        try
        {
            (Table samples, IReadOnlyList<string?> names) = await _reader.Read(context.Request, limit.Token);
            IReadOnlyList<Prediction>? predictions = await _batcher.Predict(samples).WaitAsync(limit.Token);
            if (predictions is null)
            {
                context.Response.Headers.RetryAfter = "1";
                await Refuse(
                    context, StatusCodes.Status503ServiceUnavailable, "Too many samples wait: ask again in a second.");
            }
            else
            {
                context.Response.ContentType = "application/json";
                await context.Response.Body.WriteAsync(ModelJson.Write(predictions, names), limit.Token);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            await Refuse(context, StatusCodes.Status503ServiceUnavailable, "The request took too long.");
        }
        catch (OperationCanceledException)
        {
            // The client is gone; the status is for the metrics (nginx' "client closed request").
            context.Response.StatusCode = 499;
        }
        catch (BadHttpRequestException error)
        {
            await Refuse(context, error.StatusCode, error.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? FormattableString.Invariant($"The request is longer than {_options.MaxBody:N0} bytes.") : "The "
                    + "request is cut off or malformed.");
        }
        catch (Exception error) when (error is EngineException or JsonException or InvalidDataException or IOException)
        {
            string why = error switch
            {
                EngineException => error.Message,
                JsonException json =>
                    $"This is not JSON: line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}.",
                InvalidDataException form => $"The request is cut off or malformed: {form.Message}",
                _ => "The request is cut off or malformed.",
            };
            await Refuse(context, StatusCodes.Status400BadRequest, why);
        }
        catch when (!context.Response.HasStarted)
        {
            // The server answers 500 by itself, but only after the request is counted.
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            throw;
        }
        finally
        {
            _metrics.Count(context.Response.StatusCode, watch.Elapsed);
        }
    }

    private static async Task Refuse(HttpContext context, int status, string why)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = "application/json";
            await context.Response.Body.WriteAsync(ModelJson.Error(why));
        }
    }
}
