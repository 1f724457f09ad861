namespace Engine.Data;

/// <summary>Finds the pictures that a table names.</summary>
internal static class PictureNames
{
    /// <summary>
    /// Returns the first text column, other than the target, whose words name pictures; null if there is none.
    /// </summary>
    public static string? ColumnOf(Table table, string? target) => table.Columns.OfType<TextColumn>().FirstOrDefault(
        column => column.Name != target && column.Words.Count > 0
            && column.Words.All(SampleFiles.Pictures.IsNamed))?.Name;

    /// <summary>
    /// Returns the folder of the pictures that a table names: the table's own, or a folder in it; null if the table
    /// names none, or they are in none of these.
    /// </summary>
    public static string? FolderOf(Csv table)
    {
        if (table.DetectDialect().Picture is not { } found || table.Drop.Contains(found.Column))
        {
            return null;
        }

        string own = Path.GetDirectoryName(table.Path) is { Length: > 0 } folder ? folder : ".";
        return SampleFiles.Folders(own).Prepend(own).FirstOrDefault(inner => File.Exists(In(inner, found.File)));
    }

    /// <summary>Returns the paths of the pictures in a column.</summary>
    public static string[] Paths(string folder, Column names) =>
        [.. Enumerable.Range(0, names.Count).Select(row => In(folder, names.Text(row) ?? ""))];

    /// <summary>Returns the paths of the pictures that a table names.</summary>
    /// <exception cref="DataFormatException">It names none, or they are not there.</exception>
    public static string[] PathsOf(Csv table)
    {
        Table read = table.Read();
        return FolderOf(table) is { } folder && ColumnOf(read, target: null) is { } column
            ? Paths(folder, read[column])
            : throw new DataFormatException($"{table.Path} has no column that names pictures beside it, and the model "
                + $"takes pictures: a name ends in {SampleFiles.Pictures.Endings}.");
    }

    /// <summary>Returns a path in a folder; Windows' separators are taken for others.</summary>
    private static string In(string folder, string name) => Path.Combine(folder, name.Replace('\\', '/'));
}
