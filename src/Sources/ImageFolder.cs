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

    /// <summary>
    /// Gets or sets a table with a column of the pictures' files, relative to the folder, and the target, a class or a
    /// value, in another one. Then only these files are read; null if each class is a folder.
    /// </summary>
    public Csv? Labels { get; init; }

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
        var notes = new List<string>();
        DataSet? labels = Labels?.Load();
        (Part first, Part? second, Part? third) =
            labels is null ? OfFolders(folders, notes) : OfTable(folders, labels, notes);
        Part[] parts = [.. new[] { first, second, third }.OfType<Part>()];
        Compare(parts, folders.Warnings);
        bool isGray = IsGray ?? parts.All(part => part.IsGray);
        notes.Add($"Each is brought to {Size}x{Size} pixels{(isGray ? ", in gray" : "")}: its middle square, upright.");
        return new DataSet(labels?.Name ?? folders.DataName, first.ToTable(isGray), first.Labels.Name)
        {
            Validation = second?.ToTable(isGray),
            Test = third?.ToTable(isGray),
            Notes = notes,
            Warnings = [.. folders.Warnings, .. labels?.Warnings ?? []],
        };
    }

    private (Part Train, Part? Validation, Part? Test) OfFolders(ClassFolders folders, List<string> notes)
    {
        (string train, string? validation, string? test) = folders.Parts();
        Part first = Read(train);
        Part? second = validation is null ? null : Read(validation), third = test is null ? null : Read(test);
        folders.Require(
            Names(first), [.. new[] { second, third }.OfType<Part>().Select(part => (part.Folder, Names(part)))]);
        return (first, second, third);

        Part Read(string folder)
        {
            List<(string Path, string Class)> files = folders.Files(folder);
            return Decode(
                folders, folder, [.. files.Select(file => file.Path)],
                new TextColumn(Class, files.Select(file => file.Class)), notes);
        }

        static IEnumerable<string> Names(Part part) => ((TextColumn)part.Labels).Words;
    }

    private (Part Train, Part? Validation, Part? Test) OfTable(
        ClassFolders folders, DataSet labels, List<string> notes)
    {
        string name = PictureNames.ColumnOf(labels.Train, labels.Target) ?? throw new DataFormatException(
            $"{Labels!.Path} has no column of the pictures' files beside '{labels.Target}': a file ends in "
            + $"{SampleFiles.Pictures.Endings}.");
        string[] others = [.. labels.Train.Columns.Select(column => column.Name)
            .Where(column => column != name && column != labels.Target)];
        notes.AddRange(labels.Notes);
        notes.Add($"'{name}' names the pictures, in the folder '{Path}'."
            + (others.Length == 0 ? "" : $" The network gets the pictures alone, without {Table.Some(others)}."));
        return (Read(Labels!.Path, labels.Train), null,
            labels.Test is null ? null : Read(Labels.TestPath!, labels.Test));

        Part Read(string file, Table rows) =>
            Decode(folders, file, PictureNames.Paths(Path, rows[name]), rows[labels.Target], notes);
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
                    $"Among those to learn too: {again} of the {part.Labels.Count} pictures of {part.Folder}. "
                    + $"Its figures are too good by them.");
            }
        }
    }

    private Part Decode(ClassFolders folders, string folder, string[] files, Column labels, List<string> notes)
    {
        long pixels = (IsGray == true ? 1L : 3) * Size * Size, all = pixels * files.Length;
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
            int max = (int)Math.Sqrt(Shape.MaxElements / 3.0 / files.Length);
            throw new DataFormatException(FormattableString.Invariant(
                $"{folder}: {files.Length:N0} pictures of {Size}x{Size} are more than one tensor holds: take a size of {max} at most."));
        }
        else
        {
            byte[] planes = new byte[all];
            facts = new PictureFacts[files.Length];
            Parallel.For(0, files.Length,
                new ParallelOptions { MaxDegreeOfParallelism = Threads ?? Environment.ProcessorCount }, i =>
                facts[i] = PictureFacts.Read(
                    files[i], Size, IsGray == true, planes.AsSpan(i * (int)pixels, (int)pixels)));
            var tensor = Tensor.From(planes, files.Length, (int)pixels / (Size * Size), Size, Size);
            column = (rows, isGray) =>
            {
                Tensor good = rows.Length == files.Length ? tensor : tensor.Rows(rows);
                return new TensorColumn(Pictures, isGray && good.Shape[1] == 3 ? PictureFile.Gray(good) : good);
            };
        }

        int[] good = [.. Enumerable.Range(0, files.Length).Where(i => facts[i].Complaint is null)];
        folders.LeaveOut(folder, [.. facts.Select(one => one.Complaint).OfType<string>()], files.Length, MaxBroken);
        PictureFacts[] known = [.. good.Select(i => facts[i]).OrderBy(one => (long)one.Width * one.Height)];
        Column own = labels.Rows(good);
        string classes = own is TextColumn
            ? $" of {Enumerable.Range(0, own.Count).Select(own.Text).Distinct().Count()} classes" : "";
        notes.Add(
            $"{folder}: {good.Length} pictures{classes}, from "
            + $"{known[0].Width}x{known[0].Height} to {known[^1].Width}x{known[^1].Height} pixels.");
        return new Part(
            folder, isGray => column(good, isGray), own, [.. good.Select(i => facts[i].Hash)],
            known.All(one => one.IsGray));
    }

    /// <summary>
    /// Stores the pictures in a file, and returns the column of the readable ones and the facts about all.
    /// </summary>
    private (Func<int[], bool, VectorColumn> Column, PictureFacts[] Facts) Stored(
        string folder, string[] files, List<string> notes)
    {
        string cache = Cache ?? Cifar10.CacheFolder(Environment.GetEnvironmentVariable);
        PictureStore store = PictureStore.Of(
            cache, folder, files, Size, IsGray == true, Threads
                ?? Environment.ProcessorCount);
        int planes = IsGray == true ? 1 : 3;
        long length = (long)planes * Size * Size;
        notes.Add(FormattableString.Invariant(
            $"They are read from {store.Path}, {length * files.Length / 1e6:N0} MB of decoded pictures ")
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
        string Folder, Func<bool, VectorColumn> Images, Column Labels, string[] Hashes, bool IsGray)
    {
        public Table ToTable(bool isGray) => new(Images(isGray), Labels);
    }
}
