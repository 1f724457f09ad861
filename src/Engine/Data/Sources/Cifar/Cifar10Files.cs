using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Engine.IO;
using static Engine.TextTable;

namespace Engine.Data;

/// <summary>Finds CIFAR-10's files in a folder or an archive, and reads them.</summary>
internal static class Cifar10Files
{
    public const string PickleFolder = "cifar-10-batches-py";
    public const string BinaryFolder = "cifar-10-batches-bin";
    public const string PickleArchive = "cifar-10-python.tar.gz";
    private const string BinaryArchive = "cifar-10-binary.tar.gz";
    private const string BinaryEnding = ".bin";
    private const string TestBatch = "test_batch";
    private const string TrainPrefix = "data_batch_";

    // The largest compression ratio of deflate. An archive that claims more is malformed.
    private const int MaximumCompression = 1032;

    private static readonly string[] s_classNames =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>
    /// Returns the folder with the batches or the archive, which is <paramref name="path"/> or inside it; null if there
    /// is none.
    /// </summary>
    public static string? Find(string path)
    {
        if (File.Exists(path))
        {
            return IsArchive(path) ? path : null;
        }

        string[] folders = [path, Path.Combine(path, PickleFolder), Path.Combine(path, BinaryFolder)];
        string[] archives = [Path.Combine(path, PickleArchive), Path.Combine(path, BinaryArchive)];
        return folders.FirstOrDefault(HoldsBatches) ?? archives.FirstOrDefault(File.Exists);
    }

    /// <summary>Reads what <see cref="Find"/> found.</summary>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static Cifar10Set Read(string location, CancellationToken cancellation = default)
    {
        try
        {
            Cifar10Set set = File.Exists(location) ? ReadArchive(location, cancellation) : ReadFolder(location);
            cancellation.ThrowIfCancellationRequested();
            return set;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataFormatException(
                $"{location} cannot be read: {e.Message} Check the files and their permissions.", e);
        }
    }

    /// <summary>
    /// Writes the data in an archive to a new folder. It uses only CIFAR-10's own file names, never a path from the
    /// archive.
    /// </summary>
    public static void Unpack(string archive, string folder, CancellationToken cancellation = default)
    {
        Directory.CreateDirectory(folder);
        foreach ((string name, byte[] content) in EntriesOf(archive, IsOne, cancellation))
        {
            File.WriteAllBytes(Path.Combine(folder, name), content);
        }
    }

    /// <summary>Returns whether a file is an archive, by its name.</summary>
    public static bool IsArchive(string path) =>
        path.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase) ||
        path.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase);

    private static bool HoldsBatches(string folder) =>
        Directory.Exists(folder) && Directory.EnumerateFiles(folder).Any(file => IsBatch(Path.GetFileName(file)));

    private static bool IsBatch(string name) =>
        WithoutEnding(name) is var stem && (stem == TestBatch || NumberOf(stem) > 0);

    private static bool IsOne(string name) => IsBatch(name) || IsMeta(name);

    private static bool IsMeta(string name) => name is "batches.meta" or "batches.meta.txt";

    private static string WithoutEnding(string name) => name.EndsWith(BinaryEnding, StringComparison.Ordinal)
        ? name[..^BinaryEnding.Length]
        : name;

    // At most three digits, so that one wrong name does not mean a million missing files.
    private static int NumberOf(string stem) => stem.StartsWith(TrainPrefix, StringComparison.Ordinal) &&
        stem.Length <= TrainPrefix.Length + 3 && stem[TrainPrefix.Length..] is [>= '1' and <= '9', ..] digits &&
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : 0;

    private static Cifar10Set ReadFolder(string folder)
    {
        string[] names = [.. Directory.EnumerateFiles(folder).Select(file => Path.GetFileName(file))];
        List<string> batches = InOrder(folder, names);
        string ending = batches[0].EndsWith(BinaryEnding, StringComparison.Ordinal) ? BinaryEnding : "";
        string meta = ending.Length > 0 ? "batches.meta.txt" : "batches.meta";
        IReadOnlyList<string> classes = s_classNames;
        if (names.Contains(meta))
        {
            using var source = new ByteSource(Path.Combine(folder, meta));
            classes = ClassNames(source);
        }

        var opened = new CifarBatch[batches.Count];
        try
        {
            batches.ForEach(batch => ReadableFile.RequireFile(Path.Combine(folder, batch)));
            InParallel(opened.Length, i => opened[i] = Open(new ByteSource(Path.Combine(folder, batches[i]))));
            return Assemble(opened, classes, folder);
        }
        finally
        {
            foreach (CifarBatch? batch in opened)
            {
                batch?.Dispose();
            }
        }
    }

    private static Cifar10Set ReadArchive(string archive, CancellationToken cancellation)
    {
        var batches = new Dictionary<string, CifarBatch>();
        IReadOnlyList<string> classes = s_classNames;
        foreach ((string name, byte[] content) in EntriesOf(archive, IsOne, cancellation))
        {
            var source = new ByteSource(content, $"{archive}, {name}");
            if (IsMeta(name))
            {
                classes = ClassNames(source);
            }
            else if (!batches.TryAdd(name, Open(source)))
            {
                throw new DataFormatException($"{source.Name}: the file is there twice. {FetchArchiveAgain}");
            }
        }

        List<string> order = InOrder(archive, batches.Keys);
        return Assemble([.. order.Select(name => batches[name])], classes, archive);
    }

    private const string FetchArchiveAgain =
        "Download the published archive again, or delete it to have it downloaded.";

    /// <summary>
    /// Returns the training batches in order and then the test batch, from the Python version if both are there.
    /// </summary>
    private static List<string> InOrder(string path, IReadOnlyCollection<string> names)
    {
        var present = new HashSet<string>(names);
        bool pickles = !present.Any(name => IsBatch(name) && name.EndsWith(BinaryEnding, StringComparison.Ordinal)) ||
            present.Any(name => IsBatch(name) && !name.EndsWith(BinaryEnding, StringComparison.Ordinal));
        string ending = pickles ? "" : BinaryEnding;
        int last = present
            .Where(name => name.EndsWith(BinaryEnding, StringComparison.Ordinal) != pickles)
            .Select(name => NumberOf(WithoutEnding(name)))
            .DefaultIfEmpty()
            .Max();
        List<string> order =
            [.. Enumerable.Range(1, Math.Max(last, 1)).Select(k => $"{TrainPrefix}{k}{ending}"), TestBatch + ending];
        string[] missing = [.. order.Where(name => !present.Contains(name))];
        return missing.Length == 0
            ? order
            : throw new DataFormatException(
                $"{path}: {string.Join(", ", missing.Take(5))} {(missing.Length == 1 ? "is" : "are")} missing. A " +
                $"set has {TrainPrefix}1{ending}, {TrainPrefix}2{ending} … without a gap, and {TestBatch}{ending}; " +
                "copy or unpack it again.");
    }

    private static CifarBatch Open(ByteSource source)
    {
        try
        {
            return source.Name.EndsWith(BinaryEnding, StringComparison.Ordinal)
                ? CifarBatch.FromBinary(source, CifarLabels.Ten)
                : CifarBatch.FromPickle(source, CifarLabels.Ten);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static Cifar10Set Assemble(CifarBatch[] batches, IReadOnlyList<string> classes, string path)
    {
        (byte[] trainPixels, int[] trainLabels) = Allocate(batches.AsSpan(0, batches.Length - 1), path);
        (byte[] testPixels, int[] testLabels) = Allocate(batches.AsSpan(^1), path);
        var starts = new int[batches.Length];
        for (int k = 1; k < batches.Length - 1; k++)
        {
            starts[k] = starts[k - 1] + batches[k - 1].Count;
        }

        InParallel(batches.Length, k =>
        {
            (byte[] pixels, int[] labels) = k < batches.Length - 1
                ? (trainPixels, trainLabels)
                : (testPixels, testLabels);
            batches[k].Read(
                pixels.AsSpan(starts[k] * CifarBatch.ImageBytes, batches[k].Count * CifarBatch.ImageBytes),
                labels.AsSpan(starts[k], batches[k].Count));
        });
        return new Cifar10Set(Images(trainPixels, trainLabels), Images(testPixels, testLabels), classes, path);
    }

    /// <summary>
    /// Returns the names of classes from a file of the data set: a pickle with a list of this key, or lines of text.
    /// </summary>
    public static string[] ClassNames(ByteSource source, string key, int count)
    {
        string[]? names = null;
        if (source.Name.EndsWith(".txt", StringComparison.Ordinal))
        {
            byte[] text = new byte[Math.Min(source.Length, 4096)];
            source.Read(text, 0);
            names = Encoding.UTF8.GetString(text).Split(
                '\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        }
        else
        {
            (PickleValue root, PickleReader reader) = PickleReader.Read(source);
            if (root.Reference is PickleDictionary dictionary &&
                reader.TryGet(dictionary, Encoding.UTF8.GetBytes(key), out PickleValue value) &&
                value.Reference is List<PickleValue> list && list.Count == count &&
                list.TrueForAll(item =>
                    item.Kind is PickleKind.Bytes or PickleKind.Text && PickleReader.LengthOf(item) < 256))
            {
                names = [.. list.Select(item => Encoding.UTF8.GetString(reader.BytesOf(item)))];
            }
        }

        return names?.Length == count
            ? names
            : throw new DataFormatException(
                $"{source.Name}: it does not name {(count == 10 ? "ten" : $"{count}")} classes. Copy or unpack it again"
                + (count == 10 ? ", or delete it to have CIFAR-10's own names." : "."));
    }

    private static Cifar10Images Images(byte[] pixels, int[] labels) =>
        new(Tensor.From(pixels, labels.Length, 3, 32, 32), Tensor.From(labels));

    private static (byte[] Pixels, int[] Labels) Allocate(ReadOnlySpan<CifarBatch> batches, string path)
    {
        long count = 0;
        foreach (CifarBatch batch in batches)
        {
            count += batch.Count;
        }

        return count * CifarBatch.ImageBytes <= Array.MaxLength
            ? (GC.AllocateUninitializedArray<byte>((int)count * CifarBatch.ImageBytes), new int[count])
            : throw new DataFormatException(
                $"{path}: {Digits(count)} images are more than the " +
                $"{Digits(Array.MaxLength / CifarBatch.ImageBytes)} " +
                "that a set may hold. Leave out some batches.");
    }

    // Throws the first error itself, which is readable, without the AggregateException.
    private static void InParallel(int count, Action<int> body)
    {
        try
        {
            Parallel.For(0, count, body);
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private static string[] ClassNames(ByteSource source) => ClassNames(source, "label_names", 10);

    /// <summary>
    /// Returns the files of a data set in an archive. An entry that is a link, or leaves its folder, is an error.
    /// </summary>
    /// <param name="archive">The archive.</param>
    /// <param name="isWanted">Whether a file of this name belongs to the data set.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    public static IEnumerable<(string Name, byte[] Content)> EntriesOf(
        string archive, Func<string, bool> isWanted, CancellationToken cancellation = default)
    {
        ReadableFile.RequireFile(archive);
        using var file = new FileStream(archive, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        using var tar = new TarReader(unzipped);
        long budget = Math.Min(file.Length * MaximumCompression, 2 * ByteSource.MaximumLength);
        while (Guard(archive, () => tar.GetNextEntry()) is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            string path = entry.Name.Replace('\\', '/');
            string name = path[(path.LastIndexOf('/') + 1)..];
            bool isFile = entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile;
            if (path.StartsWith('/') || path.Contains(':', StringComparison.Ordinal) ||
                path.Split('/').Contains("..") ||
                (!isFile && entry.EntryType is not (TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)))
            {
                throw new DataFormatException(
                    $"{archive}: its entry '{PickleReader.Printable(Encoding.UTF8.GetBytes(entry.Name))}' " +
                    $"({entry.EntryType}) is a link or leaves the folder, which CIFAR's archives never do; " +
                    $"nothing was written. {FetchArchiveAgain}");
            }

            if (isFile && isWanted(name))
            {
                string shown = $"{archive}, {name}";
                if (entry.Length > budget)
                {
                    throw new DataFormatException(
                        $"{shown}: {Digits(entry.Length)} bytes do not fit in the archive. {FetchArchiveAgain}");
                }

                budget -= entry.Length;
                byte[] content = GC.AllocateUninitializedArray<byte>(ByteSource.CheckLength(entry.Length, shown));
                int read = Guard(archive, () =>
                    entry.DataStream?.ReadAtLeast(content, content.Length, throwOnEndOfStream: false) ?? 0);
                yield return read == content.Length
                    ? (name, content)
                    : throw new DataFormatException(
                        $"{shown}: cut off after {Digits(read)} bytes. {FetchArchiveAgain}");
            }
        }
    }

    private static T Guard<T>(string archive, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or FormatException or ArgumentException
            or OverflowException or NotSupportedException or InvalidOperationException)
        {
            throw new DataFormatException(
                $"{archive}: the archive is cut off or damaged ({e.Message}). {FetchArchiveAgain}", e);
        }
    }
}
