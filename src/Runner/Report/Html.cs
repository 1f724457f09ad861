using System.Net;
using System.Text;
using Engine.Plots;

namespace Engine.Runner.Report;

/// <summary>Writes a self-contained page.</summary>
internal sealed class Html
{
    /// <summary>
    /// The width below which a page is a phone's: its pictures are drawn narrow, so that their letters stay large.
    /// </summary>
    private const int Narrow = 640;

    private const int NarrowWidth = 340;

    private readonly StringBuilder _body = new();

    /// <summary>Returns text escaped for HTML, also for attributes.</summary>
    public static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>Adds HTML unchanged.</summary>
    public Html Add(string html)
    {
        _body.Append(html).Append('\n');
        return this;
    }

    /// <summary>Adds a section with its headline.</summary>
    public Html Section(string title, Action content)
    {
        Add($"<section>\n<h2>{Text(title)}</h2>");
        content();
        return Add("</section>");
    }

    /// <summary>Adds a remark.</summary>
    public Html Note(string text) => Add($"<p class=\"note\">{Text(text)}</p>");

    /// <summary>Adds terms with their values and remarks; terms without both are left out.</summary>
    public Html List(string kind, params IEnumerable<(string Term, string? Value, string? More)> items)
    {
        Add($"<dl class=\"{kind}\">");
        foreach ((string term, string? value, string? more) in items.Where(item => item.Value is not null))
        {
            string small = more is null ? "" : $"<small>{Text(more)}</small>";
            Add($"<div><dt>{Text(term)}</dt><dd>{Text(value!)}{small}</dd></div>");
        }

        return Add("</dl>");
    }

    /// <summary>Adds a table that scrolls sideways if it is wider than the page.</summary>
    /// <param name="label">A description for screen readers.</param>
    /// <param name="heads">The columns' names; a name that begins with <c>&gt;</c> marks a column of numbers.</param>
    /// <param name="rows">The rows, including the cell with the row's name.</param>
    /// <param name="named">Which column has the rows' names.</param>
    public Html Table(string label, IReadOnlyList<string> heads, IEnumerable<IReadOnlyList<string>> rows, int named = 0)
    {
        Add($"<div class=\"scroll\" role=\"region\" aria-label=\"{Text(label)}\" tabindex=\"0\">\n<table>");
        IEnumerable<string> top = heads.Select((head, i) =>
            $"<th scope=\"col\"{Class(i)}>{Text(head.TrimStart('>'))}</th>");
        Add($"<thead><tr>{string.Concat(top)}</tr></thead>");
        Add("<tbody>");
        foreach (IReadOnlyList<string> row in rows)
        {
            Add($"<tr>{string.Concat(row.Select((cell, i) => i == named
                ? $"<th scope=\"row\"{Class(i)}>{Text(cell)}</th>"
                : $"<td{Class(i)}>{Text(cell)}</td>"))}</tr>");
        }

        return Add("</tbody>\n</table>\n</div>");

        string Class(int column) => heads[column].StartsWith('>') ? " class=\"number\"" : "";
    }

    /// <summary>Adds a picture, drawn for wide and narrow and for light and dark pages.</summary>
    /// <param name="alt">A description for people who do not see it.</param>
    /// <param name="draw">Draws it, given a width and a theme.</param>
    /// <param name="wide">The width on wide pages.</param>
    /// <param name="isDrawing">Whether it consists of lines and is stored as SVG, instead of pixels.</param>
    public Html Picture(string alt, Func<int, Theme, Picture> draw, int wide = 880, bool isDrawing = false)
    {
        Add("<figure>\n<picture>");
        Source($"(max-width: {Narrow}px) and (prefers-color-scheme: dark)", draw(NarrowWidth, Theme.Dark));
        Source($"(max-width: {Narrow}px)", draw(NarrowWidth, Theme.Light));
        Source("(prefers-color-scheme: dark)", draw(wide, Theme.Dark));
        Picture light = draw(wide, Theme.Light);
        Add($"<img src=\"{Data(light)}\" alt=\"{Text(alt)}\" width=\"{light.Width}\" height=\"{light.Height}\"/>");
        return Add("</picture>\n</figure>");

        void Source(string media, Picture picture) => Add(
            $"<source media=\"{media}\" srcset=\"{Data(picture)}\" "
            + $"width=\"{picture.Width}\" height=\"{picture.Height}\"/>");

        string Data(Picture picture) => isDrawing
            ? $"data:image/svg+xml;base64,{Convert.ToBase64String(Encoding.UTF8.GetBytes(picture.ToSvg()))}"
            : $"data:image/png;base64,{Convert.ToBase64String(picture.ToPng())}";
    }

    /// <summary>Returns the whole page.</summary>
    public string Page(string title)
    {
        using Stream style = typeof(Html).Assembly.GetManifestResourceStream("Report/report.css")!;
        using var reader = new StreamReader(style);
        return $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <title>{Text(title)}</title>
            <style>
            {reader.ReadToEnd()}</style>
            </head>
            <body>
            <main>
            {_body}</main>
            </body>
            </html>

            """;
    }
}
