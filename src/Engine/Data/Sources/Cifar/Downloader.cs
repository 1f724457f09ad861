using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using static Engine.TextTable;

namespace Engine.Data;

/// <summary>Represents the progress of a download.</summary>
/// <param name="Received">The number of bytes received, including those of an earlier, interrupted download.</param>
/// <param name="Total">The number of bytes of the whole file; null if unknown.</param>
public readonly record struct DownloadProgress(long Received, long? Total);

/// <summary>Represents a file to download, with its URL and hashes.</summary>
internal sealed record DownloadSource(Uri Url, string Md5, string Sha256)
{
    /// <summary>
    /// Gets the source of CIFAR-10 for Python. The MD5 sum is published on its page; the SHA-256 sum is of the same
    /// file.
    /// </summary>
    public static DownloadSource Cifar10 { get; } = new(
        new Uri("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"),
        "c58f30108f718f92721af3b95e74349a",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce");

    /// <summary>Gets or sets the timeout for data from the server.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    public Func<HttpMessageHandler> Handler { get; init; } = () => new SocketsHttpHandler();

    /// <summary>
    /// Gets or sets the function that opens the file for appending. It uses no buffer, so a full disk is noticed at
    /// once.
    /// </summary>
    public Func<string, Stream> Open { get; init; } =
        path => new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
}

/// <summary>Represents an error of the network: no response, or an unexpected one.</summary>
internal sealed class DownloadException(string message, Exception? inner = null) : EngineException(message, inner);

/// <summary>
/// Downloads a file to <c>destination.part</c>, resumes an earlier interrupted download, and moves the file to its
/// place only if its hashes are right.
/// </summary>
internal sealed class Downloader(DownloadSource source, IProgress<DownloadProgress>? progress)
{
    private const int MaximumAttempts = 20;
    private const int ReportEvery = 1 << 18;

    public async Task DownloadAsync(string destination, CancellationToken cancellation)
    {
        string part = destination + ".part";
        using var client = new HttpClient(source.Handler()) { Timeout = Timeout.InfiniteTimeSpan };
        bool resumed = LengthOf(part) > 0;
        await FetchAsync(client, part, cancellation).ConfigureAwait(false);
        string? difference = await DifferenceAsync(part, cancellation).ConfigureAwait(false);
        if (difference is not null && resumed)
        {
            // The existing part may be from another version of the file.
            File.Delete(part);
            await FetchAsync(client, part, cancellation).ConfigureAwait(false);
            difference = await DifferenceAsync(part, cancellation).ConfigureAwait(false);
        }

        if (difference is not null)
        {
            File.Delete(part);
            throw new DownloadException($"what {source.Url} sent is not CIFAR-10: {difference}");
        }

        OnDisk(destination, () => File.Move(part, destination, overwrite: true));
    }

    private async Task FetchAsync(HttpClient client, string part, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            long before = LengthOf(part);
            try
            {
                await AttemptAsync(client, part, before, cancellation).ConfigureAwait(false);
                return;
            }
            catch (HttpRequestException e)
            {
                throw new DownloadException($"{source.Url} cannot be reached: {e.Message}", e);
            }
            catch (HttpIOException e)
            {
                if (LengthOf(part) <= before || attempt == MaximumAttempts)
                {
                    throw new DownloadException(
                        $"the connection to {source.Url} was cut {attempt} times: {e.Message}", e);
                }
            }
            catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
            {
                throw new DownloadException(
                    FormattableString.Invariant(
                        $"{source.Url} did not answer for {source.Patience.TotalSeconds:0.#} seconds"),
                    e);
            }
        }
    }

    /// <summary>Requests the missing part and appends it.</summary>
    /// <exception cref="HttpIOException">
    /// The connection was interrupted. The received bytes are in the file.
    /// </exception>
    private async Task AttemptAsync(HttpClient client, string part, long start, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Get, source.Url);
        if (start > 0)
        {
            request.Headers.Range = new RangeHeaderValue(start, null);
        }

        patience.CancelAfter(source.Patience);
        using HttpResponseMessage response = await client
            .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
        if (start > 0 && response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            // Nothing is missing. The hashes show whether the content is right.
            return;
        }

        if (!response.IsSuccessStatusCode)
        {
            throw new DownloadException($"{source.Url} answered {(int)response.StatusCode} {response.ReasonPhrase}");
        }

        bool appends = response.StatusCode == HttpStatusCode.PartialContent &&
            response.Content.Headers.ContentRange?.From == start;
        OnDisk(part, () => Directory.CreateDirectory(Path.GetDirectoryName(part)!));
        if (start > 0 && !appends)
        {
            OnDisk(part, () => File.Delete(part));
            start = 0;
            if (response.StatusCode == HttpStatusCode.PartialContent)
            {
                throw new DownloadException($"{source.Url} answered with another part of the file than was asked for");
            }
        }

        Stream file = OnDisk(part, () => source.Open(part));
        await using (file.ConfigureAwait(false))
        {
            Stream body = await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            await CopyAsync(body, file, part, start, start + response.Content.Headers.ContentLength, patience)
                .ConfigureAwait(false);
        }
    }

    private async Task CopyAsync(
        Stream body, Stream file, string part, long received, long? total, CancellationTokenSource patience)
    {
        byte[] buffer = new byte[1 << 17];
        long reported = received;
        progress?.Report(new DownloadProgress(received, total));
        while (true)
        {
            patience.CancelAfter(source.Patience);
            int count;
            try
            {
                count = await body.ReadAsync(buffer, patience.Token).ConfigureAwait(false);
            }
            catch (IOException e) when (e is not HttpIOException)
            {
                throw new HttpIOException(HttpRequestError.ResponseEnded, e.Message, e);
            }

            if (count == 0)
            {
                break;
            }

            OnDisk(part, () => file.Write(buffer, 0, count));
            received += count;
            if (received - reported >= ReportEvery)
            {
                progress?.Report(new DownloadProgress(reported = received, total));
            }
        }

        progress?.Report(new DownloadProgress(received, total));
        if (received < total)
        {
            throw new HttpIOException(
                HttpRequestError.ResponseEnded, $"{Digits(received)} of {Digits(total.Value)} bytes came");
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private async Task<string?> DifferenceAsync(string path, CancellationToken cancellation)
    {
        using FileStream file = File.OpenRead(path);
        string sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation).ConfigureAwait(false));
        file.Position = 0;
        // MD5 is used only because the page publishes it. SHA-256 gives the protection.
#pragma warning disable CA5351
        string md5 = Convert.ToHexStringLower(await MD5.HashDataAsync(file, cancellation).ConfigureAwait(false));
#pragma warning restore CA5351
        return sha256 == source.Sha256 && md5 == source.Md5
            ? null
            : $"{Digits(file.Length)} bytes with the SHA-256 sum {sha256} and the MD5 sum {md5} instead of " +
              $"{source.Sha256} and {source.Md5}";
    }

    private static void OnDisk(string path, Action write) => OnDisk(path, () =>
    {
        write();
        return true;
    });

    /// <summary>Runs a disk operation. If the disk is full, deletes the download to free its space.</summary>
    private static T OnDisk<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string folder = Path.GetDirectoryName(path)!;
            if (!IsDiskFull(e))
            {
                throw new EngineException(
                    $"CIFAR-10 cannot be downloaded to {folder}: {e.Message} Set XDG_CACHE_HOME to a folder that " +
                    "can be written, or download it yourself and give its folder with --data.", e);
            }

            File.Delete(path);
            throw new EngineException(
                $"The disk is full: CIFAR-10 needs about 530 MB in {folder}, 170 MB of them only while it is " +
                "unpacked. Nothing was kept. Free some space, or set XDG_CACHE_HOME to a folder on another disk.", e);
        }
    }

    // ENOSPC and EDQUOT; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
    private static bool IsDiskFull(Exception e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xFFFF) is 39 or 112
        : e.HResult is 28 or 122 or 69;
}
