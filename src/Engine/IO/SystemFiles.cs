namespace Engine.IO;

/// <summary>
/// Describes what systems and programs leave in folders and archives beside what people put there: readers of folders
/// pass it over.
/// </summary>
public static class SystemFiles
{
    private static readonly string[] s_names =
    [
        "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information",
        "Icon\r", "lost+found",
    ];

    /// <summary>
    /// Returns whether a file or folder of this name is one: hidden, as all that begins with a point (<c>.DS_Store</c>,
    /// <c>._x.png</c>), or called as systems call theirs (<c>Thumbs.db</c>, <c>desktop.ini</c>, <c>__MACOSX</c>).
    /// </summary>
    public static bool IsOne(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name is ['.', ..] || s_names.Contains(name, StringComparer.OrdinalIgnoreCase);
    }
}
