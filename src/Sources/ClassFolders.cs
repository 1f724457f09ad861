namespace Engine.Data;

/// <summary>
/// Finds samples that are files in folders, one folder for each class. If there are folders called train and test, or
/// validation, each of them has folders of classes.
/// </summary>
/// <param name="path">The folder.</param>
/// <param name="kind">The kind of the files.</param>
internal sealed class ClassFolders(string path, SampleFiles kind)
{
    private const int MaxTold = 5;

    private static readonly string[]
        s_trainNames = ["train", "training"], s_validationNames = ["validation", "valid", "val"],
            s_testNames = ["test", "testing"];

    /// <summary>Gets what a user should check before trusting any figure, one sentence each.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>
    /// Returns the folders of the samples to train, validate and test with. Without such folders, all samples are in
    /// the first. Without a test folder, the validation folder is for the test.
    /// </summary>
    /// <exception cref="DataFormatException">There is no folder, or none to train with.</exception>
    public (string Train, string? Validation, string? Test) Parts()
    {
        if (!Directory.Exists(path))
        {
            throw new DataFormatException(File.Exists(path) ? $"{path} is no folder." : $"There is no folder {path}.");
        }

        string[] folders = SampleFiles.Folders(path);
        string? train = Named(s_trainNames), validation = Named(s_validationNames), test = Named(s_testNames);
        if (train is null && folders.Length > 1 && folders.All(folder => folder == validation || folder == test))
        {
            throw new DataFormatException(
                $"{path} has {validation} and {test}, and no folder called train with the samples to learn.");
        }

        // A class may be called train, too.
        if (train is null || (validation is null && test is null && folders.Length > 1))
        {
            return (path, null, null);
        }

        string[] others =
            [.. folders.Where(folder => folder != train && folder != validation && folder != test).Select(Name)];
        if (others.Length > 0)
        {
            Warnings.Add(
                $"Left out of {path}: the folder{(others.Length == 1 ? "" : "s")} {Table.Some(others)} "
                + $"beside {Name(train)}.");
        }

        return test is null ? (train, null, validation) : (train, validation, test);

        string? Named(string[] names) => names
            .Select(
                name => folders.FirstOrDefault(folder => Name(folder).Equals(name, StringComparison.OrdinalIgnoreCase)))
            .FirstOrDefault(folder => folder is not null);
    }

    /// <summary>Returns the files of a part, each with its class.</summary>
    /// <exception cref="DataFormatException">It has no folders of classes.</exception>
    public List<(string Path, string Class)> Files(string part)
    {
        var files = new List<(string Path, string Class)>();
        foreach (string inner in SampleFiles.Folders(part))
        {
            (List<string> own, int others, _) = kind.Find(inner, isRecursive: true);
            files.AddRange(own.Select(file => (file, Name(inner))));
            if (own.Count == 0 || others > 0)
            {
                Warnings.Add(own.Count == 0
                    ? $"The folder {inner} holds no {kind.Noun}: it is no class."
                    : $"Left out of {inner}: {Table.Counted(others, "file")} that {(others == 1 ? "does" : "do")} not "
                        + $"end in {kind.Endings}.");
            }
        }

        if (files.Count == 0)
        {
            throw new DataFormatException(
                $"{part} has no folders with {kind.Noun}s in them. "
                + $"Each class is a folder: {Path.Combine(part, "cats")}, {Path.Combine(part, "dogs")}; a {kind.Noun} "
                + $"ends in {kind.Endings}.");
        }

        if (kind.Find(part, isRecursive: false).Files.Count is > 0 and int outside)
        {
            Warnings.Add($"Left out of {part}: {Table.Counted(outside, kind.Noun)} in no folder of a class.");
        }

        return files;
    }

    /// <summary>Says that files cannot be read and are left out; refuses too many.</summary>
    /// <param name="part">The folder.</param>
    /// <param name="complaints">A sentence for each such file.</param>
    /// <param name="count">The number of all files.</param>
    /// <param name="max">The share of them that may be left out.</param>
    /// <exception cref="DataFormatException">They are too many.</exception>
    public void LeaveOut(string part, IReadOnlyCollection<string> complaints, int count, double max)
    {
        if (complaints.Count == 0)
        {
            return;
        }

        string told = string.Join(' ', complaints.Take(MaxTold)) + (complaints.Count > MaxTold ? " …" : "");
        if (complaints.Count > count * max || complaints.Count == count)
        {
            throw new DataFormatException($"{part}: {complaints.Count} of {count} {kind.Noun}s cannot be read. {told}");
        }

        Warnings.Add($"Left out: {Table.Counted(complaints.Count, kind.Noun)} that cannot be read. {told}");
    }

    /// <summary>Refuses samples from which nothing can be learned.</summary>
    /// <param name="train">The classes of the samples to learn.</param>
    /// <param name="others">The folders and the classes of the samples to validate and test with.</param>
    /// <exception cref="DataFormatException">There is one class, or another part has a class of its own.</exception>
    public void Require(
        IEnumerable<string> train, params IEnumerable<(string Folder, IEnumerable<string> Classes)> others)
    {
        HashSet<string> known = [.. train];
        foreach ((string folder, IEnumerable<string> classes) in others)
        {
            if (classes.FirstOrDefault(one => !known.Contains(one)) is { } unknown)
            {
                throw new DataFormatException(
                    $"{folder} has {kind.Noun}s of the class '{unknown}', of which those to learn have none: "
                    + "it cannot be learned.");
            }
        }

        if (known.Count == 1)
        {
            throw new DataFormatException(
                $"{path} has {kind.Noun}s of one class alone, '{known.Single()}': there is nothing to tell apart. "
                + "Each class is a folder in it.");
        }
    }

    /// <summary>Gets the name of the data: that of the folder.</summary>
    public string DataName => Name(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    private static string Name(string folder) => Path.GetFileName(folder);
}
