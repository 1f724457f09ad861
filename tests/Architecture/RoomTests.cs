using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Architecture;

/// <summary>
/// Each room has a page that tells its purpose, and each folder few enough files to read their names.
/// </summary>
public partial class RoomTests
{
    /// <summary>"Some twenty", and a few more so that related files stay together.</summary>
    private const int MaxFiles = 26;

    private static readonly string[] s_roots = ["src", "src/Engine"];

    private static IEnumerable<string> Rooms => s_roots
        .SelectMany(root => Directory.EnumerateDirectories(Path.Combine(Repository.Root, root)))
        .Select(folder => Path.GetRelativePath(Repository.Root, folder))
        .Where(folder => folder != Path.Combine("src", "Engine"))
        .Concat(["tests", "bench", "build"]);

    [TestCaseSource(nameof(Rooms))]
    public void A_room_begins_with_what_belongs_there(string room)
    {
        string page = Path.Combine(Repository.Root, room, "README.md");

        Assert.That(File.Exists(page), $"{room} has no README.md");
        string text = File.ReadAllText(page);
        foreach (string part in (string[])["- Not here:", "- Used by:", "- Begin with:"])
        {
            Assert.That(text, Does.Contain(part));
        }
    }

    private static IEnumerable<string> Folders => ((string[])["src", "bench"])
        .SelectMany(root => Directory.EnumerateDirectories(
            Path.Combine(Repository.Root, root), "*", SearchOption.AllDirectories))
        .Where(folder => Directory.EnumerateFiles(folder, "*.cs").Any())
        .Select(folder => Path.GetRelativePath(Repository.Root, folder));

    [TestCaseSource(nameof(Folders))]
    public void A_folder_says_what_is_in_it_and_names_files_that_exist(string folder)
    {
        string path = Path.Combine(Repository.Root, folder), page = Path.Combine(path, "README.md");

        Assert.That(File.Exists(page), $"{folder} has no README.md");
        string text = File.ReadAllText(page);
        Assert.That(text, Does.Contain("- Not here:").And.Contain("- Begin with:"));
        string[] missing = [.. SourceFile().Matches(text).Select(match => match.Groups[1].Value)
            .Where(file => !File.Exists(Path.Combine(path, file)) && !File.Exists(Path.Combine(path, "..", file)))];
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void No_folder_has_more_files_than_can_be_read_at_a_glance()
    {
        string[] crowded = [.. s_roots.Concat(["tests", "bench", "build"])
            .SelectMany(root => Directory.EnumerateDirectories(
                Path.Combine(Repository.Root, root), "*", SearchOption.AllDirectories))
            .Distinct()
            .Where(folder => Directory.EnumerateFiles(folder, "*.cs").Count() > MaxFiles)
            .Select(folder => Path.GetRelativePath(Repository.Root, folder))];

        Assert.That(crowded, Is.Empty);
    }

    [GeneratedRegex(@"`([A-Za-z0-9./]+\.cs)`")]
    private static partial Regex SourceFile();
}
