using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Engine.Tests.Server;

/// <summary>
/// Headless Chromium, if installed, controlled through the DevTools protocol
/// (https://chromedevtools.github.io/devtools-protocol).
/// </summary>
internal sealed class Browser : IAsyncDisposable
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome", "chrome"];

    private readonly Process _process;
    private readonly TempFolder _profile;
    private readonly ClientWebSocket _socket = new();
    private int _last;
    private string? _session;

    private Browser(Process process, TempFolder profile) => (_process, _profile) = (process, profile);

    /// <summary>Gets the browser's program; null if there is none.</summary>
    public static string? Program => s_names
        .SelectMany(
            name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Starts the browser with an empty page.</summary>
    public static async Task<Browser> Start()
    {
        var profile = new TempFolder();
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(Program!)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
                ArgumentList =
                {
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--remote-debugging-port=0",
                    "--remote-allow-origins=*", $"--user-data-dir={profile.Path}", "about:blank",
                },
            },
        };
        process.Start();
        var browser = new Browser(process, profile);
        const string Mark = "DevTools listening on ";
        string? line;
        while ((line = await process.StandardError.ReadLineAsync()) is not null
            && !line.StartsWith(Mark, StringComparison.Ordinal))
        {
        }

        _ = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        await browser._socket.ConnectAsync(new Uri(line![Mark.Length..]), CancellationToken.None);
        JsonNode target = await browser.Call("Target.createTarget", new { url = "about:blank" });
        JsonNode attached =
            await browser.Call("Target.attachToTarget", new { targetId = (string)target["targetId"]!, flatten = true });
        browser._session = (string)attached["sessionId"]!;
        await browser.Call("Page.enable", new { });
        await browser.Call("Runtime.enable", new { });
        return browser;
    }

    /// <summary>Opens a page in a window of this size.</summary>
    public async Task Open(Uri page, int width, int height, bool isDark)
    {
        await Call(
            "Emulation.setDeviceMetricsOverride", new { width, height, deviceScaleFactor = 1, mobile = width < 600 });
        await Call("Emulation.setEmulatedMedia",
            new { features = new[] { new { name = "prefers-color-scheme", value = isDark ? "dark" : "light" } } });
        await Call("Page.navigate", new { url = page.ToString() });
        await Until("document.readyState === 'complete'");
    }

    /// <summary>Returns the value of a script.</summary>
    public async Task<JsonNode?> Value(string script)
    {
        JsonNode result =
            await Call("Runtime.evaluate", new { expression = script, returnByValue = true, awaitPromise = true });
        return result["exceptionDetails"] is { } error
            ? throw new InvalidOperationException($"{script}: {error.ToJsonString()}")
            : result["result"]!["value"]?.DeepClone();
    }

    /// <summary>Waits, for at most half a minute, until a script returns true.</summary>
    public async Task Until(string script)
    {
        string wait =
            $"new Promise(done => {{ const end = Date.now() + 30000; const look = () => {script} ? done(true) "
                + ": Date.now() > end ? done(false) : setTimeout(look, 20); look(); })";
        Assert.That((bool?)await Value(wait), Is.True,
            $"{script} has not come; the page says: {await Value("document.body.innerText")}");
    }

    /// <summary>Presses and releases a key.</summary>
    public async Task Press(string key, int code, string? text = null)
    {
        foreach (string type in (string[])["keyDown", "keyUp"])
        {
            await Call("Input.dispatchKeyEvent",
                new { type, key, code = key, windowsVirtualKeyCode = code, text = type == "keyDown" ? text : null });
        }
    }

    /// <summary>Returns the page in full length as a PNG file.</summary>
    public async Task<byte[]> Picture() =>
        Convert.FromBase64String(
            (string)(await Call("Page.captureScreenshot", new { format = "png", captureBeyondViewport = true }))[
                "data"]!);

    public async ValueTask DisposeAsync()
    {
        try
        {
            _session = null;
            await Call("Browser.close", new { });
        }
        catch (WebSocketException)
        {
            // It has already ended.
        }

        _socket.Dispose();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _profile.Dispose();
    }

    private async Task<JsonNode> Call(string method, object parameters)
    {
        int id = ++_last;
        await _socket.SendAsync(
            JsonSerializer.SerializeToUtf8Bytes(
                new { id, method, @params = parameters, sessionId = _session }, s_format),
            WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        while (true)
        {
            JsonNode message = JsonNode.Parse(await Receive())!;
            if ((int?)message["id"] == id)
            {
                return message["error"] is { } error
                    ? throw new InvalidOperationException($"{method}: {error.ToJsonString()}")
                    : message["result"]!;
            }
        }
    }

    private static readonly JsonSerializerOptions s_format =
        new() { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull };

    private async Task<string> Receive()
    {
        byte[] buffer = new byte[1 << 16];
        var text = new StringBuilder();
        Decoder decoder = Encoding.UTF8.GetDecoder();
        char[] chars = new char[buffer.Length];
        WebSocketReceiveResult part;
        do
        {
            part = await _socket.ReceiveAsync(buffer, CancellationToken.None);
            text.Append(chars, 0, decoder.GetChars(buffer, 0, part.Count, chars, 0));
        }
        while (!part.EndOfMessage);
        return text.ToString();
    }
}
