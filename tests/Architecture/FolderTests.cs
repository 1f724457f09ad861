using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Architecture;

/// <summary>
/// Each folder says what belongs there, and has few enough files that their names can be read at a glance.
/// </summary>
public partial class FolderTests
{
    /// <summary>"Some twenty": a few more if related files would otherwise be separated.</summary>
    private const int MaxFiles = 24;

    private static readonly string[] s_roots = ["src", "src/Engine"];

    private static IEnumerable<string> Namespaces => s_roots
        .SelectMany(root => Directory.EnumerateDirectories(Path.Combine(Repository.Root, root)))
        .Select(folder => Path.GetRelativePath(Repository.Root, folder))
        .Where(folder => folder != Path.Combine("src", "Engine"))
        .Concat(["tests", "bench", "build"]);

    [TestCaseSource(nameof(Namespaces))]
    public void A_namespace_has_a_page_that_says_what_belongs_there(string folder)
    {
        string page = Path.Combine(Repository.Root, folder, "README.md");

        Assert.That(File.Exists(page), $"{folder} has no README.md");
        string text = File.ReadAllText(page);
        foreach (string part in (string[])["- Not here:", "- Used by:", "- Begin with:"])
        {
            Assert.That(text, Does.Contain(part));
        }
    }

    /// <summary>All folders with files, except those of a kind that no reader begins with.</summary>
    private static IEnumerable<string> AllFolders =>
        ((string[])["src", "bench", "build", "tests", "docs", "samples", "templates"])
            .Select(root => Path.Combine(Repository.Root, root))
            .SelectMany(root => Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories).Prepend(root))
            .Where(folder => Directory.EnumerateFiles(folder).Any())
            .Select(folder => Path.GetRelativePath(Repository.Root, folder));

    /// <summary>
    /// The folders with sources or pages. Data (networks as text, fonts, pictures) is explained where it is read, and a
    /// template has no file that the user would not want in a project.
    /// </summary>
    private static IEnumerable<string> Folders => AllFolders
        .Where(folder => !s_roots.Contains(folder)
            && !folder.StartsWith($"templates{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
        .Where(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder))
            .Any(file => s_read.Contains(Path.GetExtension(file))));

    private static readonly string[] s_read = [".cs", ".cu", ".cuh", ".cpp", ".h", ".md"];

    [TestCaseSource(nameof(Folders))]
    public void A_folder_says_what_is_in_it_and_names_files_that_exist(string folder)
    {
        string path = Path.Combine(Repository.Root, folder), page = Path.Combine(path, "README.md");

        Assert.That(File.Exists(page), $"{folder} has no README.md");
        string text = File.ReadAllText(page);
        Assert.That(text, Does.Contain("- Not here:").And.Contain("- Begin with:"));
        string[] missing = [.. SourceFile().Matches(text).Select(match => match.Groups[1].Value)
            .Where(file => !new[] { path, Path.Combine(path, ".."), Repository.Root }
                .Any(from => File.Exists(Path.Combine(from, file))))];
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void No_folder_has_more_files_than_can_be_read_at_a_glance()
    {
        string[] crowded = [.. AllFolders.Where(folder =>
            Directory.EnumerateFiles(Path.Combine(Repository.Root, folder)).Count() > MaxFiles)];

        Assert.That(crowded, Is.Empty);
    }

    /// <summary>As in <c>.editorconfig</c>; strings do not count, because a message may be one long word.</summary>
    private const int MaxColumns = 120;

    [Test]
    public void No_line_of_code_is_too_long_to_be_read_beside_another()
    {
        List<string> tooLong = [];
        foreach (string file in ((string[])["src", "tests", "bench", "build"])
            .SelectMany(
                root => Directory.EnumerateFiles(Path.Combine(Repository.Root, root), "*", SearchOption.AllDirectories))
            .Where(file => s_code.Contains(Path.GetExtension(file))))
        {
            bool isText = false;
            foreach ((int i, string line) in File.ReadLines(file).Index())
            {
                bool wasText = isText;
                isText ^= line.Split("\"\"\"").Length % 2 == 0;
                if (!wasText && !isText && Text().Replace(line, "").Length > MaxColumns)
                {
                    tooLong.Add($"{Path.GetRelativePath(Repository.Root, file)}:{i + 1}");
                }
            }
        }

        Assert.That(tooLong, Is.Empty);
    }

    private static readonly string[] s_code = [".cs", ".cu", ".cuh", ".cpp", ".h"];

    [GeneratedRegex(@""""""".*?""""""|""(\\.|[^""\\])*""")]
    private static partial Regex Text();

    [GeneratedRegex(@"`([A-Za-z0-9_./]+\.(?:cs|cuh?|cpp|h|sh))`")]
    private static partial Regex SourceFile();
}
