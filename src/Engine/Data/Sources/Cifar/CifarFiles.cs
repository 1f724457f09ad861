namespace Engine.Data;

/// <summary>
/// Represents CIFAR-10 or CIFAR-100 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009) as a
/// data source: a folder with the files of either published version, its parent folder, or the published archive.
/// Pictures are uint8 (n, 3, 32, 32); classes are names.
/// </summary>
/// <param name="Path">The folder or the archive.</param>
public sealed record CifarFiles(string Path) : IDataSource
{
    /// <summary>Specifies the names of the columns of pictures and classes.</summary>
    public const string Pictures = "picture", Class = "class";

    private static readonly string[] s_files =
        ["train", "test", "meta", "train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt"];

    /// <summary>Gets or sets whether to use CIFAR-100's twenty classes instead of its hundred.</summary>
    public bool IsCoarse { get; init; }

    /// <summary>Returns whether the path contains data of this kind.</summary>
    public static bool IsMatch(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Cifar10Files.Find(path) is not null || FindHundred(path) is not null;
    }

    /// <inheritdoc/>
    public DataSet Load()
    {
        string name = System.IO.Path.GetFileName(
            System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path))).Split('.')[0];
        if (FindHundred(Path) is not { } path)
        {
            if (IsCoarse)
            {
                throw new DataFormatException($"{Path} is not CIFAR-100, which alone has coarse classes.");
            }

            Cifar10Set ten = Cifar10.Read(Path);
            return Of(name, "CIFAR-10", ten.ClassNames, (ten.Train.Images, ten.Train.Labels),
                (ten.Test.Images, ten.Test.Labels));
        }

        Dictionary<string, byte[]>? packed = File.Exists(path) ? Unpacked(path) : null;
        bool isBinary = Has("train.bin");
        CifarLabels labels = IsCoarse ? CifarLabels.Coarse : CifarLabels.Fine;
        string key = IsCoarse ? "coarse_label_names" : "fine_label_names";
        string names = isBinary ? $"{key}.txt" : "meta";
        IReadOnlyList<string> classes = [.. Enumerable.Range(0, labels.Classes).Select(i => $"{i}")];
        if (Has(names))
        {
            using ByteSource source = Open(names);
            classes = Cifar10Files.ClassNames(source, key, labels.Classes);
        }

        return Of(name, "CIFAR-100", classes, Read("train"), Read("test"));

        (Tensor, Tensor) Read(string part)
        {
            ByteSource source = Open(isBinary ? $"{part}.bin" : part);
            using CifarBatch batch = isBinary
                ? CifarBatch.FromBinary(source, labels)
                : CifarBatch.FromPickle(source, labels);
            byte[] pixels = new byte[batch.Count * CifarBatch.ImageBytes];
            int[] numbers = new int[batch.Count];
            batch.Read(pixels, numbers);
            return (Tensor.From(pixels, batch.Count, 3, 32, 32), Tensor.From(numbers));
        }

        bool Has(string file) => packed?.ContainsKey(file) ?? File.Exists(System.IO.Path.Combine(path, file));

        ByteSource Open(string file) => packed is null ? new ByteSource(System.IO.Path.Combine(path, file))
            : packed.TryGetValue(file, out byte[]? content) ? new ByteSource(content, $"{path}, {file}")
            : throw new DataFormatException(
                $"{path} has no file {file}, which CIFAR-100 has. Download the published archive again.");
    }

    /// <summary>
    /// Returns the folder with CIFAR-100's files, or its archive, which is the path or in it; null if there is none.
    /// </summary>
    private static string? FindHundred(string path)
    {
        if (File.Exists(path))
        {
            return Cifar10Files.IsArchive(path) && IsArchiveOfHundred(path) ? path : null;
        }

        string[] versions = ["cifar-100-python", "cifar-100-binary"];
        return new[] { path }.Concat(versions.Select(version => System.IO.Path.Combine(path, version)))
            .FirstOrDefault(IsFolderOfHundred)
            ?? versions.Select(version => System.IO.Path.Combine(path, $"{version}.tar.gz"))
                .FirstOrDefault(File.Exists);
    }

    private static bool IsFolderOfHundred(string path) =>
        new[] { ("train", "test"), ("train.bin", "test.bin") }.Any(pair =>
            File.Exists(System.IO.Path.Combine(path, pair.Item1))
                && File.Exists(System.IO.Path.Combine(path, pair.Item2)));

    /// <summary>
    /// Returns whether the first file of samples in an archive is CIFAR-100's. A damaged archive is not, and its reader
    /// says what is wrong.
    /// </summary>
    private static bool IsArchiveOfHundred(string archive)
    {
        try
        {
            return Cifar10Files.EntriesOf(
                archive, name => s_files.Contains(name) || name.StartsWith("data_batch", StringComparison.Ordinal))
                .FirstOrDefault().Name is { } first && s_files.Contains(first);
        }
        catch (Exception error) when (error is EngineException or IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static Dictionary<string, byte[]> Unpacked(string archive)
    {
        var files = new Dictionary<string, byte[]>();
        foreach ((string name, byte[] content) in Cifar10Files.EntriesOf(archive, s_files.Contains))
        {
            files[name] = content;
        }

        return files;
    }

    private DataSet Of(
        string name, string set, IReadOnlyList<string> classes, (Tensor Pictures, Tensor Labels) train,
        (Tensor Pictures, Tensor Labels) test)
    {
        return new DataSet(name, ToTable(train), Class)
        {
            Test = ToTable(test),
            Notes =
            [
                FormattableString.Invariant(
                    $"{Path}: {set}, {train.Labels.Shape[0]:N0} pictures of 32x32 to train with, {test.Labels.Shape[0]:N0} to test with."),
            ],
        };

        Table ToTable((Tensor Pictures, Tensor Labels) part) => new(
            new TensorColumn(Pictures, part.Pictures),
            new TextColumn(Class, part.Labels.AsSpan<int>().ToArray(), classes));
    }
}
