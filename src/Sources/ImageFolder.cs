using Engine.Data.Pictures;

namespace Engine.Data;

/// <summary>
/// Represents pictures, PNG or JPEG, with one folder for each class: <c>photos/cats/*.jpg</c>,
/// <c>photos/dogs/*.jpg</c>, or <c>photos/train/cats</c> and <c>photos/test/cats</c>. They may have any size and
/// colors, and may be in nested folders. Each is turned upright, and its middle square is resized.
/// </summary>
/// <param name="Path">The folder.</param>
public sealed record ImageFolder(string Path) : IDataSource
{
    /// <summary>
    /// Represents the names of the column of pictures, uint8 (n, channels, size, size), and of the column of their
    /// classes.
    /// </summary>
    public const string Pictures = "picture", Class = "class";

    private const int MaxTold = 5;

    private static readonly string[] s_trainNames = ["train", "training"], s_testNames = ["test", "testing", "val", "valid", "validation"];

    /// <summary>Gets or sets the side in pixels that the pictures are resized to.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Gets or sets whether they are converted to gray; null: only if all of them are gray.</summary>
    public bool? IsGray { get; init; }

    /// <summary>
    /// Gets or sets the share of the files that may be damaged. These are left out; more are refused.
    /// </summary>
    public double MaxBroken { get; init; } = 0.1;

    /// <summary>Gets or sets the number of pictures that are decoded at once; null for one per core.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Gets or sets whether the decoded pictures are stored in a file and read from it when they are needed; null: only
    /// if they and the network's inputs would fill half of the memory.
    /// </summary>
    public bool? IsStored { get; init; }

    /// <summary>
    /// Gets or sets the folder for the file of decoded pictures; null for <c>engine</c> in the user's cache folder.
    /// </summary>
    public string? Cache { get; init; }

    /// <inheritdoc/>
    public DataSet Load()
    {
        if (!Directory.Exists(Path))
        {
            throw new DataFormatException(File.Exists(Path) ? $"{Path} is no folder." : $"There is no folder {Path}.");
        }

        if (Size is < 1 or > 4096)
        {
            throw new EngineException($"The size of pictures is from 1 to 4096, not {Size}.");
        }

        string[] folders = PictureList.Folders(Path);
        string? train = Named(folders, s_trainNames), test = Named(folders, s_testNames);
        var notes = new List<string>();
        var warnings = new List<string>();
        Part first = Read(train is not null && test is not null ? train : Path, notes, warnings);
        Part? second = train is not null && test is not null ? Read(test, notes, warnings) : null;
        if (second?.Classes.Except(first.Classes).FirstOrDefault() is { } unknown)
        {
            throw new DataFormatException($"{test} has pictures of the class '{unknown}', of which {train} has none: it cannot be learned.");
        }

        if (first.Classes.Distinct().ToArray() is [var only])
        {
            throw new DataFormatException(
                $"{Path} has pictures of one class alone, '{only}': there is nothing to tell apart. Each class is a folder in it.");
        }

        var named = new HashSet<string>();
        int doubles = second is null
            ? first.Hashes.Count(hash => !named.Add(hash))
            : second.Hashes.Count(first.Hashes.ToHashSet().Contains);
        if (doubles > 0)
        {
            warnings.Add(second is null
                ? $"There more than once: {Table.Counted(doubles, "picture")}. One to learn and its double to test with make the test too good."
                : $"Among those to learn too: {doubles} of the {second.Classes.Length} pictures to test with. The test is too good by them.");
        }

        bool isGray = IsGray ?? (first.IsGray && second?.IsGray != false);
        string name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)));
        notes.Add($"Each is brought to {Size}x{Size} pixels{(isGray ? ", in gray" : "")}: its middle square, upright.");
        return new DataSet(name, first.ToTable(isGray), Class)
        {
            Test = second?.ToTable(isGray),
            Notes = notes,
            Warnings = warnings,
        };
    }

    private static string? Named(string[] folders, string[] names) =>
        folders.FirstOrDefault(folder => names.Contains(System.IO.Path.GetFileName(folder), StringComparer.OrdinalIgnoreCase));

    private Part Read(string folder, List<string> notes, List<string> warnings)
    {
        var files = new List<(string Path, string Class)>();
        foreach (string inner in PictureList.Folders(folder))
        {
            (List<string> pictures, int others, _) = PictureList.Find(inner, isRecursive: true);
            string name = System.IO.Path.GetFileName(inner);
            files.AddRange(pictures.Select(picture => (picture, name)));
            if (pictures.Count == 0 || others > 0)
            {
                warnings.Add(pictures.Count == 0
                    ? $"The folder {inner} holds no picture: it is no class."
                    : $"Left out of {inner}: {Table.Counted(others, "file")} that {(others == 1 ? "does" : "do")} not end in {PictureList.Endings}.");
            }
        }

        if (files.Count == 0)
        {
            throw new DataFormatException(
                $"{folder} has no folders with pictures in them. Each class is a folder: {System.IO.Path.Combine(folder, "cats")}, "
                + $"{System.IO.Path.Combine(folder, "dogs")}; a picture ends in {PictureList.Endings}.");
        }

        return Decode(folder, files, notes, warnings);
    }

    private Part Decode(string folder, List<(string Path, string Class)> files, List<string> notes, List<string> warnings)
    {
        long pixels = (IsGray == true ? 1L : 3) * Size * Size, all = pixels * files.Count;
        bool isStored = IsStored ?? (all > Shape.MaxElements || all * (1 + sizeof(float)) > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
        PictureFacts[] facts;
        Func<int[], VectorColumn> column;
        if (isStored)
        {
            (column, facts) = Stored(folder, files, notes);
        }
        else if (all > Shape.MaxElements)
        {
            int most = (int)Math.Sqrt(Shape.MaxElements / 3.0 / files.Count);
            throw new DataFormatException(FormattableString.Invariant(
                $"{folder}: {files.Count:N0} pictures of {Size}x{Size} are more than one tensor holds: take a size of {most} at most."));
        }
        else
        {
            byte[] planes = new byte[all];
            facts = new PictureFacts[files.Count];
            Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = Threads ?? Environment.ProcessorCount }, i =>
                facts[i] = PictureFacts.Read(files[i].Path, Size, IsGray == true, planes.AsSpan(i * (int)pixels, (int)pixels)));
            var tensor = Tensor.From(planes, files.Count, (int)pixels / (Size * Size), Size, Size);
            column = rows => new TensorColumn(Pictures, rows.Length == files.Count ? tensor : tensor.Rows(rows));
        }

        int[] good = [.. Enumerable.Range(0, files.Count).Where(i => facts[i].Complaint is null)];
        string[] broken = [.. facts.Select(one => one.Complaint).OfType<string>()];
        if (broken.Length > 0)
        {
            string told = string.Join(' ', broken.Take(MaxTold)) + (broken.Length > MaxTold ? " …" : "");
            if (broken.Length > files.Count * MaxBroken || good.Length == 0)
            {
                throw new DataFormatException($"{folder}: {broken.Length} of {files.Count} pictures cannot be read. {told}");
            }

            warnings.Add($"Left out: {Table.Counted(broken.Length, "picture")} that cannot be read. {told}");
        }

        PictureFacts[] known = [.. good.Select(i => facts[i]).OrderBy(one => (long)one.Width * one.Height)];
        notes.Add(
            $"{folder}: {good.Length} pictures of {good.Select(i => files[i].Class).Distinct().Count()} classes, from "
            + $"{known[0].Width}x{known[0].Height} to {known[^1].Width}x{known[^1].Height} pixels.");
        return new Part(
            column(good), [.. good.Select(i => files[i].Class)], [.. good.Select(i => facts[i].Hash)],
            known.All(one => one.IsGray));
    }

    /// <summary>
    /// Stores the pictures in a file, and returns the column of the readable ones and the facts about all.
    /// </summary>
    private (Func<int[], VectorColumn> Column, PictureFacts[] Facts) Stored(
        string folder, List<(string Path, string Class)> files, List<string> notes)
    {
        string cache = Cache ?? Cifar10.CacheFolder(Environment.GetEnvironmentVariable);
        PictureStore store = PictureStore.Of(
            cache, folder, [.. files.Select(file => file.Path)], Size, IsGray == true, Threads ?? Environment.ProcessorCount);
        int planes = IsGray == true ? 1 : 3;
        long length = (long)planes * Size * Size;
        notes.Add(FormattableString.Invariant(
            $"They are read from {store.Path}, {length * files.Count / 1e6:N0} MB of decoded pictures ")
            + (store.IsKept ? "that are there from the last time." : "that are kept for the next time; delete it at will."));
        long[][] sums = [.. store.Facts.Select(one => one.Sums)];
        // The planes of gray pictures are equal, so the first one is enough.
        int shown = IsGray is null && store.Facts.All(one => one.Complaint is not null || one.IsGray) ? 1 : planes;
        return (rows => new StoredColumn(Pictures, store.Path, [shown, Size, Size], length, rows) { Sums = sums }, store.Facts);
    }

    private sealed record Part(VectorColumn Images, string[] Classes, string[] Hashes, bool IsGray)
    {
        public Table ToTable(bool isGray) => new(
            Images is TensorColumn { Values: var values } && isGray && values.Shape[1] == 3
                ? new TensorColumn(Pictures, PictureFile.Gray(values)) : Images,
            new TextColumn(Class, Classes));
    }
}
