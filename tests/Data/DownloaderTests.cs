using System.Net;
using System.Security.Cryptography;
using Engine.Data;

namespace Engine.Tests.Data;

public class DownloaderTests
{
    private static readonly byte[] s_content = Batches.Pixels(200);

    private Batches _batches = null!;

    private string Destination => Path.Combine(_batches.Folder, "cache", "file.tar.gz");

    private string Part => Destination + ".part";

    [SetUp]
    public void MakeFolder() => _batches = new Batches();

    [TearDown]
    public void DeleteFolder() => _batches.Dispose();

#pragma warning disable CA5351 // The page publishes an MD5 sum.
    internal static DownloadSource SourceOf(Uri url, byte[] content) => new(
        url, Convert.ToHexStringLower(MD5.HashData(content)), Convert.ToHexStringLower(SHA256.HashData(content)));
#pragma warning restore CA5351

    private Task DownloadAsync(
        DownloadSource source, IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default) =>
        new Downloader(source, progress).DownloadAsync(Destination, cancellation);

    private void AssertWhole()
    {
        Assert.That(File.ReadAllBytes(Destination).AsSpan().SequenceEqual(s_content));
        Assert.That(File.Exists(Part), Is.False);
    }

    [Test]
    public async Task A_file_is_downloaded_with_progress_and_moved_into_place()
    {
        using var server = new LoopbackServer(s_content);
        var progress = new Recorder();

        await DownloadAsync(SourceOf(server.Url, s_content), progress);

        AssertWhole();
        Assert.That(progress.Reports[0], Is.EqualTo(new DownloadProgress(0, s_content.Length)));
        Assert.That(progress.Reports[^1], Is.EqualTo(new DownloadProgress(s_content.Length, s_content.Length)));
        Assert.That(progress.Reports.Select(report => report.Received), Is.Ordered);
        Assert.That(progress.Reports, Has.Count.GreaterThan(2));
    }

    [Test]
    public async Task A_cut_connection_is_taken_up_where_it_was_cut()
    {
        using var server = new LoopbackServer(s_content);
        server.Cuts.Enqueue(1000);
        server.Cuts.Enqueue(200_000);
        var progress = new Recorder();

        await DownloadAsync(SourceOf(server.Url, s_content), progress);

        AssertWhole();
        Assert.That(server.Starts, Is.EqualTo(new long[] { 0, 1000, 201_000 }));
        Assert.That(progress.Reports[^1], Is.EqualTo(new DownloadProgress(s_content.Length, s_content.Length)));
    }

    [Test]
    public async Task A_download_of_an_earlier_run_is_continued()
    {
        using var server = new LoopbackServer(s_content);
        _batches.Write(Part, s_content[..5000]);

        await DownloadAsync(SourceOf(server.Url, s_content));

        AssertWhole();
        Assert.That(server.Starts, Is.EqualTo(new long[] { 5000 }));
    }

    [Test]
    public async Task A_server_that_knows_no_ranges_sends_all_again()
    {
        using var server = new LoopbackServer(s_content) { KnowsRanges = false };
        _batches.Write(Part, s_content[..5000]);

        await DownloadAsync(SourceOf(server.Url, s_content));

        AssertWhole();
    }

    [Test]
    public async Task A_whole_part_of_an_earlier_run_is_only_checked()
    {
        using var server = new LoopbackServer(s_content);
        _batches.Write(Part, s_content);

        await DownloadAsync(SourceOf(server.Url, s_content));

        AssertWhole();
        Assert.That(server.Starts, Is.EqualTo(new long[] { s_content.Length }));
    }

    [Test]
    public async Task A_part_of_another_file_is_thrown_away_and_all_downloaded_again(
        [Values(5000, 1_000_000)] int length)
    {
        using var server = new LoopbackServer(s_content);
        _batches.Write(Part, new byte[length]);

        await DownloadAsync(SourceOf(server.Url, s_content));

        AssertWhole();
        Assert.That(server.Starts, Is.EqualTo(new long[] { length, 0 }));
    }

    [Test]
    public void A_wrong_hash_is_an_error_and_nothing_is_kept()
    {
        using var server = new LoopbackServer([.. s_content[..^1], 0]);
        DownloadSource source = SourceOf(server.Url, s_content);

        Assert.That(() => DownloadAsync(source),
            Throws.TypeOf<DownloadException>().With.Message.Contains(source.Sha256));
        Assert.That(Directory.EnumerateFiles(Path.GetDirectoryName(Destination)!), Is.Empty);
    }

    [Test]
    public void A_wrong_md5_sum_alone_is_an_error()
    {
        using var server = new LoopbackServer(s_content);
        DownloadSource source = SourceOf(server.Url, s_content) with { Md5 = new string('0', 32) };

        Assert.That(() => DownloadAsync(source), Throws.TypeOf<DownloadException>().With.Message.Contains(source.Md5));
    }

    [Test]
    public void A_silent_server_is_given_up_and_what_came_is_kept([Values(-1, 0, 5000)] int after)
    {
        using var server = new LoopbackServer(s_content) { SilentAfter = after };
        DownloadSource source = SourceOf(server.Url, s_content) with { Patience = TimeSpan.FromMilliseconds(200) };

        Assert.That(() => DownloadAsync(source),
            Throws.TypeOf<DownloadException>().With.Message.Contains("did not answer for 0.2 s"));
        Assert.That(File.Exists(Destination), Is.False);
        Assert.That(File.Exists(Part) ? new FileInfo(Part).Length : 0, Is.EqualTo(Math.Max(after, 0)));
    }

    [Test]
    public void A_connection_cut_again_without_a_byte_is_given_up()
    {
        using var server = new LoopbackServer(s_content);
        server.Cuts.Enqueue(1000);
        server.Cuts.Enqueue(0);

        Assert.That(() => DownloadAsync(SourceOf(server.Url, s_content)),
            Throws.TypeOf<DownloadException>().With.Message.Contains("cut"));
        Assert.That(new FileInfo(Part).Length, Is.EqualTo(1000));
    }

    [Test]
    public void Another_answer_than_the_file_is_an_error_that_says_which()
    {
        using var server = new LoopbackServer(s_content) { Status = "503 Service Unavailable" };

        Assert.That(() => DownloadAsync(SourceOf(server.Url, s_content)),
            Throws.TypeOf<DownloadException>().With.Message.Contains("503"));
    }

    [Test]
    public void No_network_is_a_download_error()
    {
        DownloadSource source =
            SourceOf(new Uri("http://example.invalid/file"), s_content) with { Handler = () => new Unreachable() };

        Assert.That(() => DownloadAsync(source),
            Throws.TypeOf<DownloadException>().With.Message.Contains("example.invalid"));
        Assert.That(Directory.Exists(Path.GetDirectoryName(Destination)), Is.False);
    }

    [Test]
    public async Task A_full_disk_is_a_clear_error_and_gets_its_space_back()
    {
        using var server = new LoopbackServer(s_content);
        DownloadSource source =
            SourceOf(server.Url, s_content) with { Open = path => new FullDisk(path, room: 150_000) };

        EngineException? error = await Assert.ThrowsAsync<EngineException>(() => DownloadAsync(source));

        Assert.That(error!.Message, Does.Contain("disk is full").And.Contain(Path.GetDirectoryName(Destination)));
        Assert.That(Directory.EnumerateFiles(Path.GetDirectoryName(Destination)!), Is.Empty);
    }

    [Test]
    [Platform("Linux")]
    public void The_system_s_own_error_for_a_full_disk_is_understood()
    {
        using var server = new LoopbackServer(s_content);
        DownloadSource source = SourceOf(server.Url, s_content) with
        {
            Open = _ => new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0),
        };

        Assert.That(() => DownloadAsync(source),
            Throws.TypeOf<EngineException>().With.Message.Contains("disk is full"));
    }

    [Test]
    public void A_cache_that_cannot_be_made_is_an_error_that_says_what_to_do()
    {
        using var server = new LoopbackServer(s_content);
        _batches.Write("cache", [1]);

        Assert.That(() => DownloadAsync(SourceOf(server.Url, s_content)),
            Throws.TypeOf<EngineException>().With.Message.Contains("XDG_CACHE_HOME").And.Message.Contains("--data"));
    }

    [Test]
    public void Canceling_keeps_what_came()
    {
        using var server = new LoopbackServer(s_content) { SilentAfter = 5000 };
        using var canceling = new CancellationTokenSource();
        var progress = new Recorder();
        DownloadSource source = SourceOf(server.Url, s_content) with
        {
            Open = path => new Watched(path, written => { if (written == 5000) { canceling.Cancel(); } }),
        };

        Assert.That(() => DownloadAsync(source, progress, canceling.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(new FileInfo(Part).Length, Is.EqualTo(5000));
    }

    private sealed class Recorder : IProgress<DownloadProgress>
    {
        public List<DownloadProgress> Reports { get; } = [];

        public void Report(DownloadProgress value) => Reports.Add(value);
    }

    internal sealed class Unreachable : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new HttpRequestException(HttpRequestError.NameResolutionError, "Name or service not known");
    }

    private sealed class FullDisk(string path, int room)
        : FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, 0)
    {
        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Position + count > room)
            {
                int error = OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28;
                throw new IOException("No space left on device", error);
            }

            base.Write(buffer, offset, count);
        }
    }

    private sealed class Watched(string path, Action<long> written)
        : FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, 0)
    {
        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            written(Position);
        }
    }
}
