using Engine.IO;

namespace Engine.Data;

/// <summary>Describes where the data come from. The runner uses the defaults.</summary>
public sealed record Cifar10Options
{
    /// <summary>
    /// Gets or sets the only path to search: the folder with the batches, its parent folder, or the published archive;
    /// null to search the paths that <see cref="Cifar10.LoadAsync"/> lists.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>Gets or sets whether CIFAR-10 may be downloaded if it is at none of these paths.</summary>
    public bool AllowDownload { get; init; } = true;

    /// <summary>Gets or sets the receiver of the download's progress.</summary>
    public IProgress<DownloadProgress>? Progress { get; init; }

    /// <summary>Gets or sets the numbers of synthetic training and test images if there is no CIFAR-10.</summary>
    public (int Train, int Test) SyntheticSize { get; init; } = (50_000, 10_000);

    /// <summary>Gets or sets the seed of the synthetic images.</summary>
    public ulong SyntheticSeed { get; init; } = 1;

    internal DownloadSource Download { get; init; } = DownloadSource.Cifar10;

    internal Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    internal string CurrentFolder { get; init; } = Environment.CurrentDirectory;
}

/// <summary>
/// Loads CIFAR-10 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009): 50,000 training and
/// 10,000 test images of 32×32 pixels in ten classes. It reads both published formats, downloads the data, or draws
/// synthetic images instead.
/// </summary>
public static class Cifar10
{
    /// <summary>Reads a folder with batches, its parent folder, or the published archive.</summary>
    /// <exception cref="DataFormatException">
    /// There are no batches there, or they are incomplete or malformed.
    /// </exception>
    public static Cifar10Set Read(string path) => Read(path, CancellationToken.None);

    private static Cifar10Set Read(string path, CancellationToken cancellation)
    {
        PathKinds.RequireName(path);
        string full = Path.GetFullPath(path);
        string choices =
            $"{Cifar10Files.PickleFolder}, {Cifar10Files.BinaryFolder} or {Cifar10Files.PickleArchive}";
        return Cifar10Files.Read(Cifar10Files.Find(full) ?? throw new DataFormatException(Directory.Exists(full)
            ? $"{full} holds no CIFAR-10. It should hold {choices}, or be one of these."
            : $"{full} does not exist or is no CIFAR-10 archive. Give the folder that holds {choices}."), cancellation);
    }

    /// <summary>
    /// Loads CIFAR-10 from <see cref="Cifar10Options.Path"/>. If this is null, it searches the folder in the
    /// environment variable ENGINE_DATA, ./data, and the user's cache folder, and else downloads into the cache folder.
    /// If the download fails, it draws <see cref="SyntheticImages"/> and says so in <see cref="Cifar10Set.Notice"/>.
    /// </summary>
    /// <exception cref="DataFormatException">
    /// The given path contains no CIFAR-10, or the data are malformed.
    /// </exception>
    /// <exception cref="EngineException">
    /// The download cannot be written, for instance because the disk is full.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// It was canceled. The downloaded part is kept for the next time.
    /// </exception>
    public static async Task<Cifar10Set> LoadAsync(
        Cifar10Options? options = null, CancellationToken cancellation = default)
    {
        options ??= new Cifar10Options();
        if (options.Path is { } path)
        {
            return await Task.Run(() => Read(path, cancellation), cancellation).ConfigureAwait(false);
        }

        string cache = CacheFolder(options.Variable);
        string? named = options.Variable("ENGINE_DATA") is { Length: > 0 } value ? value : null;
        string[] paths =
            [.. new[] { named, Path.Combine(options.CurrentFolder, "data"), cache }
                .OfType<string>()
                .Select(each => Path.GetFullPath(each, options.CurrentFolder))];
        if (paths.Select(Cifar10Files.Find).FirstOrDefault(each => each is not null) is { } found)
        {
            Cifar10Set set = await Task.Run(() => Cifar10Files.Read(found, cancellation), cancellation)
                .ConfigureAwait(false);
            return named is null || found.StartsWith(paths[0], StringComparison.Ordinal)
                ? set
                : set with { Notice = $"{paths[0]}, which ENGINE_DATA names, holds no CIFAR-10; using {found}." };
        }

        string failure = "no download was wanted";
        if (options.AllowDownload)
        {
            try
            {
                var downloader = new Downloader(options.Download, options.Progress);
                string archive = Path.Combine(cache, Cifar10Files.PickleArchive);
                await downloader.DownloadAsync(archive, cancellation).ConfigureAwait(false);
                return await Task.Run(
                    () => Cifar10Files.Read(Unpack(archive, cancellation), cancellation), cancellation)
                    .ConfigureAwait(false);
            }
            catch (DownloadException e)
            {
                failure = $"the download failed: {e.Message}";
            }
        }

        Cifar10Set drawn = await Task.Run(() => Draw(options, paths, failure), cancellation).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return drawn;
    }

    /// <summary>Calls <see cref="LoadAsync"/> and waits for the result.</summary>
    public static Cifar10Set Load(Cifar10Options? options = null) =>
        Task.Run(() => LoadAsync(options)).GetAwaiter().GetResult();

    /// <summary>
    /// Returns the folder for downloads: XDG_CACHE_HOME/engine or ~/.cache/engine; on Windows,
    /// LocalApplicationData/engine.
    /// </summary>
    internal static string CacheFolder(Func<string, string?> variable)
    {
        string? root = OperatingSystem.IsWindows()
            ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : variable("XDG_CACHE_HOME") is { } xdg && Path.IsPathRooted(xdg)
                ? xdg
                : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home
                    ? Path.Combine(home, ".cache")
                    : Path.GetTempPath();
        return Path.Combine(root, "engine");
    }

    private static Cifar10Set Draw(Cifar10Options options, string[] paths, string failure)
    {
        (int train, int test) = options.SyntheticSize;
        return SyntheticImages.Draw(train, test, options.SyntheticSeed) with
        {
            Notice = $"No CIFAR-10 found in {string.Join(", ", paths)}; {failure.TrimEnd('.')}; using a built-in " +
                "drawn set: accuracies are not CIFAR-10's.",
        };
    }

    /// <summary>
    /// Unpacks the archive into a folder beside it, which makes later starts faster, and returns the folder. If this is
    /// impossible, returns the archive.
    /// </summary>
    private static string Unpack(string archive, CancellationToken cancellation)
    {
        string folder = Path.Combine(Path.GetDirectoryName(archive)!, Cifar10Files.PickleFolder);
        string partial = $"{folder}.{Environment.ProcessId}.part";
        try
        {
            Cifar10Files.Unpack(archive, partial, cancellation);
            Directory.Move(partial, folder);
            File.Delete(archive);
            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process may have unpacked it first.
            return File.Exists(archive) ? archive : folder;
        }
        finally
        {
            if (Directory.Exists(partial))
            {
                Directory.Delete(partial, recursive: true);
            }
        }
    }
}
