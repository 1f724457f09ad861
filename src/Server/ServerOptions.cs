using System.Net;

namespace Engine.Server;

/// <summary>How a model is served; the defaults are for this machine alone.</summary>
public sealed record ServerOptions
{
    /// <summary>The port; 0 for any that is free.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Where it listens: this machine alone, unless told otherwise.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>What callers must show, as <c>Authorization: Bearer TOKEN</c> or <c>?token=TOKEN</c>; null for nothing.</summary>
    public string? Token { get; init; }

    /// <summary>How many samples are predicted at once, at most.</summary>
    public int MaxBatch { get; init; } = 128;

    /// <summary>How many samples may wait; a request beyond that is refused with 503.</summary>
    public int MaxWaiting { get; init; } = 4096;

    /// <summary>How long a request's body may be, in bytes.</summary>
    public long MaxBody { get; init; } = 16 << 20;

    /// <summary>How many pixels a picture may have.</summary>
    public long MaxPixels { get; init; } = 24_000_000;

    /// <summary>How long a request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
