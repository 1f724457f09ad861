using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>
/// samples/webapi.cs answers many requests at once, each with the same answer as a single request.
/// <c>ENGINE_WEB_REQUESTS</c> is their number, 800 by default.
/// </summary>
[NonParallelizable]
public sealed partial class WebSampleTests
{
    private const int AtOnce = 16, Different = 100;

    private static int Requests =>
        int.Parse(Environment.GetEnvironmentVariable("ENGINE_WEB_REQUESTS") ?? "800", CultureInfo.InvariantCulture);

    [Test]
    public async Task Many_requests_at_once_are_each_answered_right()
    {
        using Process server = Process.Start(new ProcessStartInfo(
            "dotnet", ["run", "samples/webapi.cs", "--", "--urls", "http://127.0.0.1:0"])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        })!;
        try
        {
            using var client = new HttpClient { BaseAddress = Address(server.StandardOutput) };
            var alone = new List<string>();
            for (int i = 0; i < Different; i++)
            {
                alone.Add(await client.GetStringAsync(Path(i)));
            }

            var wrong = new ConcurrentBag<string>();
            await Parallel.ForAsync(
                0,
                Requests,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
                async (request, cancellation) =>
                {
                    string answer = await client.GetStringAsync(Path(request % Different), cancellation);
                    if (answer != alone[request % Different])
                    {
                        wrong.Add($"{Path(request % Different)}: {answer}, not {alone[request % Different]}");
                    }
                });

            Assert.That(wrong, Is.Empty);
            Assert.That(alone, Is.Unique);
            Assert.That(
                new[] { "0/0", "0/1", "1/0", "1/1" }.Select(corner => client.GetStringAsync($"xor/{corner}").Result)
                    .Select(answer => JsonSerializer.Deserialize<float[]>(answer)![1]),
                Is.EqualTo(new[] { 0f, 1, 1, 0 }).Within(0.05));
        }
        finally
        {
            server.Kill(entireProcessTree: true);
            await server.WaitForExitAsync();
        }
    }

    private static string Path(int request) =>
        string.Create(CultureInfo.InvariantCulture, $"xor/{request % 10 / 9.0:F3}/{request / 10 / 9.0:F3}");

    /// <summary>Returns the address at which the server reports that it listens.</summary>
    private static Uri Address(StreamReader output)
    {
        var told = new List<string>();
        while (output.ReadLine() is { } line)
        {
            told.Add(line);
            if (Listening().Match(line) is { Success: true } found)
            {
                // Reads the rest of the output, because the server waits if the pipe is full.
                _ = output.ReadToEndAsync();
                return new Uri(found.Groups[1].Value);
            }
        }

        throw new AssertionException($"The server did not start:\n{string.Join('\n', told)}");
    }

    [GeneratedRegex(@"Now listening on: (http://127\.0\.0\.1:\d+)")]
    private static partial Regex Listening();
}
