using System.Net;

namespace Engine.Server;

/// <summary>Describes how a model is served; the defaults are for this machine alone.</summary>
public sealed record ServerOptions
{
    /// <summary>Gets or sets the port; 0 for any that is free.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Gets or sets where it listens: this machine alone, unless told otherwise.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>
    /// Gets or sets what callers must show, as <c>Authorization: Bearer TOKEN</c> or <c>?token=TOKEN</c>; null for
    /// nothing.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>Gets or sets how many samples are predicted at once, at most.</summary>
    public int MaxBatch { get; init; } = 128;

    /// <summary>Gets or sets how many samples may wait; a request beyond that is refused with 503.</summary>
    public int MaxWaiting { get; init; } = 4096;

    /// <summary>Gets or sets how long a request's body may be, in bytes.</summary>
    public long MaxBody { get; init; } = 16 << 20;

    /// <summary>Gets or sets how many pixels a picture may have.</summary>
    public long MaxPixels { get; init; } = 24_000_000;

    /// <summary>Gets or sets how long a request may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
