namespace Engine.Data;

/// <summary>
/// Represents CIFAR-10 or CIFAR-100 (A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009) as a
/// data source: a folder with the files of either published version, or CIFAR-10's archive. Pictures are uint8 (n, 3,
/// 32, 32); classes are names.
/// </summary>
/// <param name="Path">The folder or the archive.</param>
public sealed record CifarFiles(string Path) : IDataSource
{
    /// <summary>Specifies the names of the columns of pictures and classes.</summary>
    public const string Pictures = "picture", Class = "class";

    /// <summary>Gets or sets whether to use CIFAR-100's twenty classes instead of its hundred.</summary>
    public bool IsCoarse { get; init; }

    /// <summary>Returns whether the path contains data of this kind.</summary>
    public static bool IsMatch(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Cifar10Files.Find(path) is not null || IsHundred(path);
    }

    /// <inheritdoc/>
    public DataSet Load()
    {
        string name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path))).Split('.')[0];
        if (!IsHundred(Path))
        {
            Cifar10Set ten = Cifar10.Read(Path);
            return Of(name, "CIFAR-10", ten.ClassNames, (ten.Train.Images, ten.Train.Labels), (ten.Test.Images, ten.Test.Labels));
        }

        bool isBinary = File.Exists(In("train.bin"));
        CifarLabels labels = IsCoarse ? CifarLabels.Coarse : CifarLabels.Fine;
        string key = IsCoarse ? "coarse_label_names" : "fine_label_names";
        string names = In(isBinary ? $"{key}.txt" : "meta");
        IReadOnlyList<string> classes = [.. Enumerable.Range(0, labels.Classes).Select(i => $"{i}")];
        if (File.Exists(names))
        {
            using var source = new ByteSource(names);
            classes = Cifar10Files.ClassNames(source, key, labels.Classes);
        }

        return Of(name, "CIFAR-100", classes, Read("train"), Read("test"));

        (Tensor, Tensor) Read(string part)
        {
            var source = new ByteSource(In(isBinary ? $"{part}.bin" : part));
            using CifarBatch batch = isBinary ? CifarBatch.FromBinary(source, labels) : CifarBatch.FromPickle(source, labels);
            byte[] pixels = new byte[batch.Count * CifarBatch.ImageBytes];
            int[] numbers = new int[batch.Count];
            batch.Read(pixels, numbers);
            return (Tensor.From(pixels, batch.Count, 3, 32, 32), Tensor.From(numbers));
        }
    }

    private static bool IsHundred(string path) => new[] { ("train", "test"), ("train.bin", "test.bin") }.Any(pair =>
        File.Exists(System.IO.Path.Combine(path, pair.Item1)) && File.Exists(System.IO.Path.Combine(path, pair.Item2)));

    private string In(string file) => System.IO.Path.Combine(Path, file);

    private DataSet Of(
        string name, string set, IReadOnlyList<string> classes, (Tensor Pictures, Tensor Labels) train, (Tensor Pictures, Tensor Labels) test)
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
            new TensorColumn(Pictures, part.Pictures), new TextColumn(Class, part.Labels.AsSpan<int>().ToArray(), classes));
    }
}
