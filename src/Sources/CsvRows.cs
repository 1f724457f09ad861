using Sylvan.Data.Csv;

namespace Engine.Data;

/// <summary>Reads the rows of a table's text with Sylvan.Data.Csv, and skips empty lines.</summary>
internal static class CsvRows
{
    /// <summary>
    /// The largest length of a row, in characters: a longer one is due to an unclosed quote, or the file is not a
    /// table.
    /// </summary>
    private const int LongestRow = 1 << 22;

    /// <summary>A value with more lines that look like rows is due to an unclosed quote.</summary>
    private const int FewestLines = 5;

    /// <summary>Reads rows one by one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="dialect">Its format.</param>
    /// <param name="mayBeCut">Whether the text may end within a row, which is then left out.</param>
    /// <exception cref="DataFormatException">A row is too long.</exception>
    public static IEnumerable<string[]> Of(TextReader text, CsvDialect dialect, bool mayBeCut = false)
    {
        CsvDataReader reader;
        long rows = 0;
        int first = 0;
        var options = new CsvDataReaderOptions
        {
            HasHeaders = false,
            Delimiter = dialect.Separator == ' ' ? '\t' : dialect.Separator,
            Quote = dialect.Quote,
            Escape = dialect.Escape,
            Comment = '\0',
            CsvStyle = CsvStyle.Lax,
            ResultSetMode = ResultSetMode.SingleResult,
            BufferSize = 1 << 16,
            MaxBufferSize = LongestRow,
        };
        try
        {
            reader = CsvDataReader.Create(
                dialect.Separator == ' ' ? new BlankReader(text)
                : dialect.HasBlanksBeforeQuotes ? new PaddingReader(text, dialect) : text, options);
        }
        catch (Exception error) when (error is CsvRecordTooLargeException or CsvFormatException)
        {
            throw TooLong(1, error);
        }
        catch (CsvConfigurationException error)
        {
            throw new DataFormatException(
                $"'{dialect.Separator}' cannot stand between values: take a sign of ASCII that is no quote", error);
        }

        using (reader)
        {
            while (true)
            {
                try
                {
                    if (!reader.Read())
                    {
                        yield break;
                    }
                }
                catch (Exception error) when (error is CsvRecordTooLargeException or CsvFormatException)
                {
                    if (mayBeCut)
                    {
                        yield break;
                    }

                    throw TooLong(rows + 1, error);
                }

                rows++;
                string[] row = new string[reader.RowFieldCount];
                for (int i = 0; i < row.Length; i++)
                {
                    row[i] = Trimmed(reader.GetString(i), dialect);
                }

                first = first == 0 ? row.Length : first;
                int lines =
                    row.Max(value =>
                        Math.Max(LinesLikeRows(value, dialect, dialect.Columns), LinesLikeRows(value, dialect, first)));
                if (lines > FewestLines)
                {
                    throw new DataFormatException(FormattableString.Invariant(
                        $"a value of row {rows:N0} has {lines:N0} lines that look like rows themselves: a quote is not closed there"));
                }

                if (row.Any(value => value.Length > 0))
                {
                    yield return row;
                }
            }
        }
    }

    /// <summary>
    /// Returns a value without blanks around it, and without quotes that were hidden by a blank before them.
    /// </summary>
    private static string Trimmed(string value, CsvDialect dialect)
    {
        string trimmed = value.Trim();
        return trimmed.Length < value.Length && trimmed.Length > 1 && trimmed[0] == dialect.Quote
            && trimmed[^1] == dialect.Quote
            ? trimmed[1..^1]
            : trimmed;
    }

    /// <summary>
    /// Returns the number of lines in a value if most of them have as many values as a row or as the header; else 0.
    /// </summary>
    private static int LinesLikeRows(string value, CsvDialect dialect, int columns)
    {
        int lines = value.Count('\n');
        if (columns < 2 || lines <= FewestLines)
        {
            return 0;
        }

        int alike = 0;
        foreach (ReadOnlySpan<char> line in value.AsSpan().EnumerateLines())
        {
            alike += line.Count(dialect.Separator) == columns - 1 ? 1 : 0;
        }

        return alike > lines / 2 ? lines : 0;
    }

    private static DataFormatException TooLong(long row, Exception error) => new(FormattableString.Invariant(
        $"row {row:N0} is longer than {LongestRow:N0} letters: a quote is not closed there, or this is no table"),
        error);
}
