using System.Text;
using System.Text.RegularExpressions;

namespace Engine.Build;

/// <summary>
/// Makes a site in artifacts/docs: the pages of this repository, and the reference of the library's public types from
/// their XML documentation. docfx runs on a copy of the pages and of the files that they link to.
/// </summary>
internal static partial class Site
{
    private static readonly string[] s_pages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "samples"];

    private static string Copy { get; } = Path.Combine(Repository.Artifacts, "obj", "site");

    /// <summary>Makes the site and prints its path; returns false if that fails or a link is broken.</summary>
    public static bool Make()
    {
        string site = Path.Combine(Repository.Artifacts, "docs");
        foreach (string folder in (string[])[Copy, site])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        if (Dotnet.RunQuietly("tool", "restore") != 0
            || Dotnet.RunQuietly("build", "src/Engine", "-c", "Release", "-v", "q", "--nologo") != 0)
        {
            return false;
        }

        foreach (string page in s_pages.SelectMany(Pages))
        {
            CopyPage(page);
        }

        Write("toc.yml", TableOfContents(
            ("Overview", "index.md"), ("Guides", "docs/"), ("API", "api/"), ("Samples", "samples/README.md"),
            ("Changes", "CHANGELOG.md")));
        Write("docs/toc.yml", TableOfContents(
            [.. Pages("docs").Select(page => (Title(page), page["docs/".Length..]))]));
        Write("index.md",
            "---\n_layout: landing\n---\n" + File.ReadAllText(Path.Combine(Repository.Root, "README.md")));
        Write("logo.svg", """
            <svg xmlns="http://www.w3.org/2000/svg" width="32" height="32">
              <path d="M6 26V16M16 26V10M26 26V4" stroke="#2a7fc9" stroke-width="6" stroke-linecap="round"/>
            </svg>
            """);
        string settings = Path.Combine(Copy, "docfx.json");
        File.Copy(Path.Combine(Repository.Root, "build", "docfx.json"), settings);
        if (Dotnet.RunQuietly("docfx", settings, "--warningsAsErrors") != 0)
        {
            return false;
        }

        Console.WriteLine(
            $"{Path.Combine(site, "index.html")}: open it in a browser. Its search wants a server: "
            + $"dotnet docfx serve artifacts/docs");
        return true;
    }

    private static IEnumerable<string> Pages(string name)
    {
        string path = Path.Combine(Repository.Root, name);
        return Directory.Exists(path)
            ? Directory.GetFiles(path, "*.md", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/'))
                .Order(StringComparer.Ordinal)
            : [name];
    }

    private static string TableOfContents(params (string Name, string Target)[] entries) =>
        string.Concat(entries.Select(entry => $"- name: \"{entry.Name}\"\n  href: {entry.Target}\n"));

    /// <summary>Copies a page and the files that it links to.</summary>
    private static void CopyPage(string page)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, page));
        Write(page, text);
        string folder = Path.GetDirectoryName(Path.Combine(Repository.Root, page))!;
        foreach (Match link in Link().Matches(text))
        {
            string target = Path.GetFullPath(Path.Combine(folder, link.Groups[1].Value));
            string copy = Path.Combine(Copy, Path.GetRelativePath(Repository.Root, target));
            if (File.Exists(target) && !File.Exists(copy))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(target, copy);
            }
        }
    }

    private static void Write(string name, string text)
    {
        string file = Path.Combine(Copy, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, Encoding.UTF8);
    }

    private static string Title(string page) => File.ReadLines(Path.Combine(Repository.Root, page))
        .First(line => line.StartsWith("# ", StringComparison.Ordinal))[2..];

    [GeneratedRegex(@"\]\(([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Link();
}
