using System.Net;

namespace Engine.Server;

/// <summary>Describes how a model is served; by default only this machine can reach it.</summary>
public sealed record ServerOptions
{
    /// <summary>Gets or sets the port; 0 for any free port.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Gets or sets the address to listen at; by default only this machine.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>
    /// Gets or sets the token that callers must send, as <c>Authorization: Bearer TOKEN</c> or <c>?token=TOKEN</c>;
    /// null for none.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>Gets or sets the maximum number of samples that are predicted at once.</summary>
    public int MaxBatch { get; init; } = 128;

    /// <summary>Gets or sets the maximum number of waiting samples; further requests are refused with 503.</summary>
    public int MaxWaiting { get; init; } = 4096;

    /// <summary>Gets or sets the largest length of a request's body, in bytes.</summary>
    public long MaxBody { get; init; } = 16 << 20;

    /// <summary>Gets or sets the maximum number of pixels of a picture.</summary>
    public long MaxPixels { get; init; } = 24_000_000;

    /// <summary>Gets or sets the time limit of a request.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}
