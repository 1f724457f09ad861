using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Engine.Server;

/// <summary>What the servers of this assembly have in common: their pages, and who is let in.</summary>
internal static class Pages
{
    /// <summary>Serves files of this assembly.</summary>
    public static void Map(WebApplication app, params ReadOnlySpan<(string Path, string File)> files)
    {
        foreach ((string path, string file) in files)
        {
            byte[] content = Resource(file);
            string type = Path.GetExtension(file) switch { ".html" => "text/html", ".css" => "text/css", _ => "text/javascript" };
            app.MapGet(path, () => Results.Bytes(content, $"{type}; charset=utf-8"));
        }
    }

    /// <summary>Returns where a server that has started is reached.</summary>
    public static Uri Address(WebApplication app) =>
        new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Has browsers load nothing but what this server gives.</summary>
    public static void Protect(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' blob:";
        response.Headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>
    /// Returns whether this machine is asked under its own name: a page from elsewhere may have its name point to this
    /// machine (DNS rebinding), and then asks under that name.
    /// </summary>
    public static bool IsAskedAsThisMachine(HttpRequest request) => request.Host.Host is "localhost" or "127.0.0.1" or "[::1]" or "::1";

    /// <summary>Says that a port cannot be listened on.</summary>
    public static EngineException PortInUse(int port, IPAddress address, IOException error) => new(
        $"Port {port} of {address} cannot be listened on, as another program does: choose another port.", error);

    private static byte[] Resource(string file)
    {
        using Stream stream = typeof(Pages).Assembly.GetManifestResourceStream($"Page/{file}")!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
