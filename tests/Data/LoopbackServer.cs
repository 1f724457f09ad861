using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Engine.Tests.Data;

/// <summary>A web server with one file on a loopback port. It misbehaves on demand, request by request.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closing = new();
    private readonly byte[] _content;
    private readonly Task _serving;

    public LoopbackServer(byte[] content)
    {
        _content = content;
        _listener.Start();
        _serving = ServeAsync();
    }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/cifar-10-python.tar.gz");

    /// <summary>The first byte that each request asked for, in order.</summary>
    public List<long> Starts { get; } = [];

    /// <summary>
    /// The bytes of the body after which the connection closes, one item per request; later responses are complete.
    /// </summary>
    public Queue<int> Cuts { get; } = [];

    /// <summary>
    /// The bytes of the body after which the server falls silent on an open connection; -1 before the headers; null
    /// never.
    /// </summary>
    public int? SilentAfter { get; set; }

    public bool KnowsRanges { get; init; } = true;

    public string? Status { get; init; }

    public void Dispose()
    {
        _closing.Cancel();
        _listener.Stop();
        _serving.GetAwaiter().GetResult();
        _closing.Dispose();
        _listener.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(_closing.Token);
                await AnswerAsync(client.GetStream());
            }
            catch (Exception e) when (
                e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client has closed the connection, as in some tests, or the test is over.
            }
        }
    }

    private async Task AnswerAsync(NetworkStream stream)
    {
        var reader = new StreamReader(stream, Encoding.ASCII);
        int start = 0;
        while (await reader.ReadLineAsync(_closing.Token) is { Length: > 0 } line)
        {
            if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
            {
                start = int.Parse(line[13..].TrimEnd('-'));
            }
        }

        Starts.Add(start);
        start = KnowsRanges ? start : 0;
        if (SilentAfter == -1)
        {
            await Task.Delay(Timeout.Infinite, _closing.Token);
        }

        string status = Status
            ?? (start >= _content.Length ? "416 Range Not Satisfiable" : start > 0 ? "206 Partial Content" : "200 OK");
        bool sends = status[0] == '2';
        byte[] body = sends ? _content[start..] : [];
        string range = sends && start > 0
            ? $"Content-Range: bytes {start}-{_content.Length - 1}/{_content.Length}\r\n"
            : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n{range}Connection: close\r\n\r\n"), _closing.Token);
        int length = SilentAfter ?? (Cuts.TryDequeue(out int cut) ? cut : body.Length);
        await stream.WriteAsync(body.AsMemory(0, Math.Min(length, body.Length)), _closing.Token);
        if (SilentAfter is not null)
        {
            await Task.Delay(Timeout.Infinite, _closing.Token);
        }
    }
}
