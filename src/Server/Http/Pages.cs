using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Engine.Server;

/// <summary>The common parts of the servers of this assembly: their pages, and the check of requests.</summary>
internal static class Pages
{
    /// <summary>Serves embedded files of this assembly.</summary>
    public static void Map(WebApplication app, params ReadOnlySpan<(string Path, string File)> files)
    {
        foreach ((string path, string file) in files)
        {
            byte[] content = Resource(file);
            string type =
                Path.GetExtension(file) switch { ".html" => "text/html", ".css" => "text/css", _ => "text/javascript" };
            Map(app, path, () => Results.Bytes(content, $"{type}; charset=utf-8"));
        }
    }

    /// <summary>Answers GET, and HEAD, by which monitors and load balancers ask.</summary>
    public static void Map(WebApplication app, string path, Func<IResult> answer) =>
        app.MapMethods(path, [HttpMethods.Get, HttpMethods.Head], answer);

    /// <summary>Returns the address of a started server.</summary>
    public static Uri Address(WebApplication app) =>
        new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Lets browsers load content only from this server.</summary>
    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' blob:";
        response.Headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>
    /// Returns whether the request uses this machine's own name. Another site can let its name point to this machine
    /// (DNS rebinding); its requests then use that name.
    /// </summary>
    public static bool IsAskedAsThisMachine(HttpRequest request) =>
        request.Host.Host is "localhost" or "127.0.0.1" or "[::1]" or "::1";

    /// <summary>Says why a port cannot be listened on.</summary>
    public static EngineException CannotListen(int port, IPAddress address, Exception error) => new(
        error.GetBaseException() is SocketException { SocketErrorCode: not SocketError.AddressAlreadyInUse } other
            ? $"Port {port} of {address} cannot be listened on: {other.Message}. Take an address of this machine, "
                + "and a port that the user may listen on."
            : $"Port {port} of {address} cannot be listened on, as another program does: choose another port.", error);

    private static byte[] Resource(string file)
    {
        using Stream stream = typeof(Pages).Assembly.GetManifestResourceStream($"Page/{file}")!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
