using System.Text.RegularExpressions;

namespace Engine.Tests.Docs;

/// <summary>A command of build.sh or of the runner on a page.</summary>
/// <param name="At">The page and the line: <c>README.md:12</c>.</param>
/// <param name="Program">The program: <c>./build.sh</c> or <c>runner</c>.</param>
/// <param name="Words">The words after it.</param>
internal sealed partial record ShownCommand(string At, string Program, IReadOnlyList<string> Words)
{
    /// <summary>
    /// Returns the commands in a page's blocks and inline code, except those whose output, on the next line, is that
    /// there is no such thing.
    /// </summary>
    public static IEnumerable<ShownCommand> Of(string page, IReadOnlyList<string> lines)
    {
        bool isFenced = false, isSource = false;
        for (int i = 0; i < lines.Count; i++)
        {
            string line = lines[i].Trim();
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                isFenced = !isFenced;
                isSource = line.Length > 3 && line[3..] is not ("sh" or "bash" or "console" or "powershell");
                continue;
            }

            if (isFenced && (isSource || lines.ElementAtOrDefault(i + 1)?.StartsWith("There is no ") == true))
            {
                continue;
            }

            IEnumerable<string> codes = isFenced ? [line] : Code().Matches(line).Select(match => match.Groups[1].Value);
            foreach (Match shown in codes.Select(code => Command().Match(code)).Where(match => match.Success))
            {
                string[] words = shown.Groups[2].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                string program = shown.Groups[1].Value == "runner" ? "runner" : "./build.sh";
                yield return new ShownCommand($"{page}:{i + 1}", program, words);
            }
        }
    }

    public override string ToString() => $"{At}: {Program} {string.Join(' ', Words)}";

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^(?:\$ )?(?:[A-Z_]+=\S+ )*(\./build\.sh|\./build\.ps1|runner)((?: [^#|>;&]*)?)")]
    private static partial Regex Command();
}
