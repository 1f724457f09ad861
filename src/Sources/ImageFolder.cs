using Engine.Data.Pictures;

namespace Engine.Data;

/// <summary>
/// Represents pictures, PNG or JPEG, with one folder for each class: <c>photos/cats/*.jpg</c>,
/// <c>photos/dogs/*.jpg</c>, or <c>photos/train/cats</c> and <c>photos/test/cats</c>. They may have any size and
/// colors, and may be in nested folders. A folder <c>validation</c> (or <c>valid</c>, <c>val</c>) beside train and test
/// has the samples that validate. Each is turned upright, and its middle square is resized.
/// </summary>
/// <param name="Path">The folder.</param>
public sealed record ImageFolder(string Path) : IDataSource
{
    /// <summary>
    /// Represents the names of the column of pictures, uint8 (n, channels, size, size), and of the column of their
    /// classes.
    /// </summary>
    public const string Pictures = "picture", Class = "class";

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
        if (Size is < 1 or > 4096)
        {
            throw new EngineException($"The size of pictures is from 1 to 4096, not {Size}.");
        }

        var folders = new ClassFolders(Path, SampleFiles.Pictures);
        (string train, string? validation, string? test) = folders.Parts();
        var notes = new List<string>();
        Part first = Decode(folders, train, notes);
        Part? second = validation is null ? null : Decode(folders, validation, notes),
            third = test is null ? null : Decode(folders, test, notes);
        Part[] parts = [.. new[] { first, second, third }.OfType<Part>()];
        folders.Require(first.Classes, [.. parts[1..].Select(part => (part.Folder, part.Classes.AsEnumerable()))]);
        Compare(parts, folders.Warnings);
        bool isGray = IsGray ?? parts.All(part => part.IsGray);
        notes.Add($"Each is brought to {Size}x{Size} pixels{(isGray ? ", in gray" : "")}: its middle square, upright.");
        return new DataSet(folders.DataName, first.ToTable(isGray), Class)
        {
            Validation = second?.ToTable(isGray),
            Test = third?.ToTable(isGray),
            Notes = notes,
            Warnings = folders.Warnings,
        };
    }

    /// <summary>Warns of pictures that are in two parts, or, without parts, twice in the only one.</summary>
    private static void Compare(Part[] parts, List<string> warnings)
    {
        HashSet<string> known = [.. parts[0].Hashes];
        if (parts.Length == 1 && parts[0].Hashes.Length - known.Count is > 0 and int doubles)
        {
            warnings.Add(
                $"There more than once: {Table.Counted(doubles, "picture")}. "
                + $"One to learn and its double to test with make the test too good.");
        }

        foreach (Part part in parts[1..])
        {
            if (part.Hashes.Count(known.Contains) is > 0 and int again)
            {
                warnings.Add(
                    $"Among those to learn too: {again} of the {part.Classes.Length} pictures of {part.Folder}. "
                    + $"Its figures are too good by them.");
            }
        }
    }

    private Part Decode(ClassFolders folders, string folder, List<string> notes)
    {
        List<(string Path, string Class)> files = folders.Files(folder);
        long pixels = (IsGray == true ? 1L : 3) * Size * Size, all = pixels * files.Count;
        bool isStored = IsStored
            ?? (all > Shape.MaxElements
                || all * (1 + sizeof(float)) > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2);
        PictureFacts[] facts;
        Func<int[], bool, VectorColumn> column;
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
            Parallel.For(0, files.Count,
                new ParallelOptions { MaxDegreeOfParallelism = Threads ?? Environment.ProcessorCount }, i =>
                facts[i] = PictureFacts.Read(
                    files[i].Path, Size, IsGray == true, planes.AsSpan(i * (int)pixels, (int)pixels)));
            var tensor = Tensor.From(planes, files.Count, (int)pixels / (Size * Size), Size, Size);
            column = (rows, isGray) =>
            {
                Tensor good = rows.Length == files.Count ? tensor : tensor.Rows(rows);
                return new TensorColumn(Pictures, isGray && good.Shape[1] == 3 ? PictureFile.Gray(good) : good);
            };
        }

        int[] good = [.. Enumerable.Range(0, files.Count).Where(i => facts[i].Complaint is null)];
        folders.LeaveOut(folder, [.. facts.Select(one => one.Complaint).OfType<string>()], files.Count, MaxBroken);
        PictureFacts[] known = [.. good.Select(i => facts[i]).OrderBy(one => (long)one.Width * one.Height)];
        notes.Add(
            $"{folder}: {good.Length} pictures of {good.Select(i => files[i].Class).Distinct().Count()} classes, from "
            + $"{known[0].Width}x{known[0].Height} to {known[^1].Width}x{known[^1].Height} pixels.");
        return new Part(
            folder, isGray => column(good, isGray), [.. good.Select(i => files[i].Class)],
            [.. good.Select(i => facts[i].Hash)],
            known.All(one => one.IsGray));
    }

    /// <summary>
    /// Stores the pictures in a file, and returns the column of the readable ones and the facts about all.
    /// </summary>
    private (Func<int[], bool, VectorColumn> Column, PictureFacts[] Facts) Stored(
        string folder, List<(string Path, string Class)> files, List<string> notes)
    {
        string cache = Cache ?? Cifar10.CacheFolder(Environment.GetEnvironmentVariable);
        PictureStore store = PictureStore.Of(
            cache, folder, [.. files.Select(file => file.Path)], Size, IsGray == true, Threads
                ?? Environment.ProcessorCount);
        int planes = IsGray == true ? 1 : 3;
        long length = (long)planes * Size * Size;
        notes.Add(FormattableString.Invariant(
            $"They are read from {store.Path}, {length * files.Count / 1e6:N0} MB of decoded pictures ")
            + (store.IsKept
                ? "that are there from the last time."
                : "that are kept for the next time; delete it at will."));
        long[][] sums = [.. store.Facts.Select(one => one.Sums)];
        // The planes of gray pictures are equal, so the first one is enough.
        return (
            (rows, isGray) =>
                new StoredColumn(Pictures, store.Path, [isGray ? 1 : planes, Size, Size], length, rows) { Sums = sums },
            store.Facts);
    }

    private sealed record Part(
        string Folder, Func<bool, VectorColumn> Images, string[] Classes, string[] Hashes, bool IsGray)
    {
        public Table ToTable(bool isGray) => new(Images(isGray), new TextColumn(Class, Classes));
    }
}
