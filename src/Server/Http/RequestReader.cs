using System.Text.Json;
using Engine.Data;
using Engine.Models;
using Microsoft.AspNetCore.Http;

namespace Engine.Server;

/// <summary>Reads the samples of a request: rows in JSON, a picture, or several in a form.</summary>
internal sealed class RequestReader(Model model, ServerOptions options) : IDisposable
{
    private const int MaxFiles = 64;

    // Decoded pictures are large, so at most one per core is decoded at once.
    private readonly SemaphoreSlim _decoding = new(Environment.ProcessorCount);

    /// <summary>Returns the samples, and the names of the pictures.</summary>
    /// <exception cref="EngineException">The model cannot answer the request; the message says why.</exception>
    public async Task<(Table Samples, IReadOnlyList<string?> Names)> Read(
        HttpRequest request, CancellationToken cancellation)
    {
        string type = request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() ?? "";
        if (type == "application/json")
        {
            using JsonDocument json = await JsonDocument.ParseAsync(
                request.Body, new JsonDocumentOptions { MaxDepth = 16 }, cancellation);
            try
            {
                Table rows = JsonRows.Read(json.RootElement, model.Inputs);
                return (rows, new string?[rows.Count]);
            }
            catch (InvalidOperationException error)
            {
                throw new EngineException("A text in the request is not valid Unicode.", error);
            }
        }

        if (!PictureFile.Takes(model.Inputs))
        {
            throw new EngineException(
                "Send rows as JSON (Content-Type: application/json): an object with the values by name, "
                + "or a list of such.");
        }

        if (type == "multipart/form-data")
        {
            if (!request.HasFormContentType)
            {
                throw new EngineException(
                    "The Content-Type of the form is malformed: send 'multipart/form-data; boundary=' and what stands "
                    + "between its parts.");
            }

            IFormCollection form = await request.ReadFormAsync(cancellation);
            if (form.Files.Count is 0 or > MaxFiles)
            {
                throw new EngineException($"The form has {form.Files.Count} files: send 1 to {MaxFiles} pictures.");
            }

            var tables = new List<Table>();
            foreach (IFormFile file in form.Files)
            {
                using Stream stream = file.OpenReadStream();
                tables.Add(await Decode(file.FileName, stream, cancellation));
            }

            return (Table.Joined(tables), [.. form.Files.Select(file => file.FileName)]);
        }

        return type.StartsWith("image/", StringComparison.Ordinal) || type == "application/octet-stream"
            ? (await Decode("The picture", request.Body, cancellation), [null])
            : throw new EngineException(
                "Send a picture (Content-Type: image/jpeg or image/png), or a form with several "
                + "(multipart/form-data).");
    }

    public void Dispose() => _decoding.Dispose();

    private async Task<Table> Decode(string name, Stream stream, CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, cancellation);
        await _decoding.WaitAsync(cancellation);
        try
        {
            return PictureFile.Read(name, bytes.ToArray(), model.Inputs, options.MaxPixels);
        }
        finally
        {
            _decoding.Release();
        }
    }
}
