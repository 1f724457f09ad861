namespace Engine.Data;

/// <summary>Changes a table's text while it is read, so that the reader of rows understands it.</summary>
internal abstract class ChangingReader(TextReader inner) : TextReader
{
    /// <summary>Gets the text as it is in the file.</summary>
    protected TextReader Inner { get; } = inner;

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        int read = 0;
        for (int c; read < buffer.Length && (c = Read()) >= 0;)
        {
            buffer[read++] = (char)c;
        }

        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Inner.Dispose();
        }

        base.Dispose(disposing);
    }
}

/// <summary>
/// Replaces every run of blanks by a tab, and removes blanks at the beginning and the end of a line.
/// </summary>
internal sealed class BlankReader(TextReader inner) : ChangingReader(inner)
{
    private bool _isStart = true, _isWaiting;
    private int _held = -1;

    public override int Read()
    {
        if (_held >= 0)
        {
            int held = _held;
            _held = -1;
            return held;
        }

        while (true)
        {
            int c = Inner.Read();
            if (c is ' ' or '\t')
            {
                _isWaiting = !_isStart;
                continue;
            }

            bool isEnd = c is '\n' or '\r' or -1;
            bool isTab = _isWaiting && !isEnd;
            (_isStart, _isWaiting) = (isEnd, false);
            if (!isTab)
            {
                return c;
            }

            _held = c;
            return '\t';
        }
    }
}

/// <summary>
/// Removes blanks at the beginning of a value, because a quote must be the first letter to be one:
/// <c>1, "x, y"</c>.
/// </summary>
internal sealed class PaddingReader(TextReader inner, CsvDialect dialect) : ChangingReader(inner)
{
    private bool _isStart = true, _isEscaped, _isQuoteEnd;

    /// <summary>Gets whether what was read ends within quotes.</summary>
    public bool IsQuoted { get; private set; }

    /// <summary>Gets whether a blank stood before a quote.</summary>
    public bool HasFound { get; private set; }

    public override int Read()
    {
        int c = Inner.Read();
        bool isPadded = false;
        while (_isStart && c == ' ')
        {
            isPadded = true;
            c = Inner.Read();
        }

        if (IsQuoted)
        {
            // A doubled quote ends the quoted part and begins it again.
            IsQuoted = _isEscaped || c != dialect.Quote;
            _isEscaped = !_isEscaped && c == '\\' && dialect.Escape == '\\';
            _isQuoteEnd = !IsQuoted;
        }
        else
        {
            IsQuoted = c == dialect.Quote && (_isStart || _isQuoteEnd);
            HasFound |= isPadded && IsQuoted;
            _isStart = c == dialect.Separator || c is '\n' or '\r';
            _isQuoteEnd = false;
        }

        return c;
    }
}
