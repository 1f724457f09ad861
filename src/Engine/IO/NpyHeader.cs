using System.Globalization;
using System.Text;

namespace Engine.IO;

/// <summary>
/// The header of an array in NumPy's format: a Python dict, such as
/// <c>{'descr': '&lt;f4', 'fortran_order': False, 'shape': (3, 4), }</c> (NumPy Enhancement Proposal 1).
/// </summary>
/// <param name="Type">The stored type of the elements.</param>
/// <param name="IsFortran">Whether the first index, not the last, changes fastest.</param>
/// <param name="Shape">The dimensions.</param>
internal sealed record NpyHeader(NpyType Type, bool IsFortran, Shape Shape)
{
    /// <summary>
    /// The bytes before the dict: a magic string, the version and, in version 1, two bytes of length.
    /// </summary>
    public const int PreambleBytes = 10;

    /// <summary>More than NumPy's own limit of 10,000; a header of 64 dimensions has less than 1,000.</summary>
    public const int MaxBytes = 65_535;

    private const int MaxRank = 64;
    private const int Alignment = 64;

    /// <summary>Gets the magic string at the beginning of every file.</summary>
    public static ReadOnlySpan<byte> Mark => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>
    /// Writes the magic string, the version and the header of a tensor, padded so that the elements are aligned.
    /// </summary>
    public static byte[] Write(Tensor tensor)
    {
        string dimensions = string.Concat(tensor.Shape.Select(dimension => $"{dimension}, "));
        string shape = tensor.Shape.Rank == 1 ? dimensions.TrimEnd(' ') : dimensions.TrimEnd(',', ' ');
        string dict = $"{{'descr': '{NpyType.Of(tensor.DType)}', 'fortran_order': False, 'shape': ({shape}), }}";
        int unpadded = PreambleBytes + dict.Length + 1;
        int total = (unpadded + Alignment - 1) / Alignment * Alignment;
        int length = total - PreambleBytes;
        return
        [
            .. Mark, 1, 0, (byte)length, (byte)(length >> 8),
            .. Encoding.ASCII.GetBytes(dict.PadRight(length - 1) + "\n"),
        ];
    }

    /// <summary>Parses the dict.</summary>
    /// <exception cref="FormatException">The header is invalid; the message says why.</exception>
    /// <exception cref="NotSupportedException">A tensor cannot hold such elements.</exception>
    public static NpyHeader Parse(ReadOnlySpan<byte> dict)
    {
        var parser = new Parser(Encoding.Latin1.GetString(dict));
        NpyType? type = null;
        bool? isFortran = null;
        Shape? shape = null;
        parser.Expect('{');
        while (!parser.Take('}'))
        {
            string key = parser.Text();
            parser.Expect(':');
            switch (key)
            {
                case "descr" when type is null:
                    type = NpyType.Parse(parser.Description());
                    break;
                case "fortran_order" when isFortran is null:
                    isFortran = parser.Boolean();
                    break;
                case "shape" when shape is null:
                    shape = parser.Tuple();
                    break;
                default:
                    throw new FormatException("its header has a key twice, or one of its own");
            }

            if (!parser.Take(','))
            {
                parser.Expect('}');
                break;
            }
        }

        parser.ExpectEnd();
        return type is not null && isFortran is not null && shape is not null
            ? new NpyHeader(type, isFortran.Value, shape.Value)
            : throw new FormatException("its header lacks descr, fortran_order or shape");
    }

    /// <summary>Parses the subset of Python's literals that headers use.</summary>
    private struct Parser(string text)
    {
        private int _at;

        private void SkipSpaces()
        {
            while (_at < text.Length && text[_at] is ' ' or '\n')
            {
                _at++;
            }
        }

        public bool Take(char wanted)
        {
            SkipSpaces();
            bool isThere = _at < text.Length && text[_at] == wanted;
            _at += isThere ? 1 : 0;
            return isThere;
        }

        public void Expect(char wanted)
        {
            if (!Take(wanted))
            {
                throw new FormatException($"its header has no {wanted} at character {_at}");
            }
        }

        public void ExpectEnd()
        {
            SkipSpaces();
            if (_at < text.Length)
            {
                throw new FormatException("something stands behind its header's }");
            }
        }

        /// <summary>Returns the description of the elements: a list if they have fields.</summary>
        public string Description()
        {
            SkipSpaces();
            if (_at < text.Length && text[_at] is '[' or '(')
            {
                int end = text.IndexOf("'fortran_order'", _at, StringComparison.Ordinal);
                string fields = text[_at..(end < 0 ? text.Length : end)].TrimEnd(',', ' ');
                fields = fields.Length <= 80 ? fields : fields[..80] + "…";
                throw new NotSupportedException(
                    $"its elements have fields, {fields}: save each field as an array of its own, as "
                    + "numpy.savez(path, a=x['a'], b=x['b'])");
            }

            return Text();
        }

        public string Text()
        {
            SkipSpaces();
            char quote = _at < text.Length ? text[_at] : ' ';
            int end = quote is '\'' or '"' ? text.IndexOf(quote, _at + 1) : -1;
            if (end < 0)
            {
                throw new FormatException($"its header has no quoted text at character {_at}");
            }

            string found = text[(_at + 1)..end];
            _at = end + 1;
            return found;
        }

        public bool Boolean()
        {
            SkipSpaces();
            foreach ((string name, bool value) in new[] { ("True", true), ("False", false) })
            {
                if (string.CompareOrdinal(text, _at, name, 0, name.Length) == 0)
                {
                    _at += name.Length;
                    return value;
                }
            }

            throw new FormatException($"its header has neither True nor False at character {_at}");
        }

        public Shape Tuple()
        {
            var dimensions = new List<int>();
            Expect('(');
            while (!Take(')'))
            {
                dimensions.Add(Number());
                if (dimensions.Count > MaxRank)
                {
                    throw new FormatException($"it has more than {MaxRank} dimensions");
                }

                if (!Take(','))
                {
                    Expect(')');
                    break;
                }
            }

            return Shape.Create([.. dimensions]);
        }

        private int Number()
        {
            SkipSpaces();
            int start = _at;
            while (_at < text.Length && char.IsAsciiDigit(text[_at]))
            {
                _at++;
            }

            bool isNumber = int.TryParse(
                text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number);

            // Python 2 wrote long numbers with an L.
            _ = Take('L');
            return isNumber ? number : throw new FormatException("a dimension of it is no whole number below 2³¹");
        }
    }
}
