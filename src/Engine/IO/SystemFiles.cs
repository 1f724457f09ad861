namespace Engine.IO;

/// <summary>
/// Recognizes files that systems and programs add to folders and archives. Readers of folders ignore them.
/// </summary>
public static class SystemFiles
{
    private static readonly string[] s_names =
    [
        "Thumbs.db", "ehthumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information",
        "Icon\r", "lost+found",
    ];

    /// <summary>
    /// Returns whether a file or folder of this name is one: hidden, with a dot at the beginning (<c>.DS_Store</c>,
    /// <c>._x.png</c>), or with a name that a system uses (<c>Thumbs.db</c>, <c>desktop.ini</c>, <c>__MACOSX</c>).
    /// </summary>
    public static bool IsSystemFile(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name is ['.', ..] || s_names.Contains(name, StringComparer.OrdinalIgnoreCase);
    }
}
