using System.Text.RegularExpressions;

namespace Engine.Data;

/// <summary>The formats of numbers in a file.</summary>
internal enum DecimalStyle
{
    /// <summary>1234.5.</summary>
    Point,

    /// <summary>1234,5.</summary>
    Comma,

    /// <summary>1,234.5.</summary>
    PointAndThousands,

    /// <summary>1.234,5.</summary>
    CommaAndThousands,
}

/// <summary>Detects how numbers are written in a table's text.</summary>
internal static partial class CsvDecimals
{
    /// <summary>A column with fewer numbers of three digits after the mark shows nothing.</summary>
    private const int FewestGrouped = 5;

    /// <summary>Returns the format of the numbers in some rows.</summary>
    /// <param name="rows">The values of each row.</param>
    /// <param name="separator">What stands between values.</param>
    /// <param name="isComma">Whether the decimal mark is a comma, if the user says so; null to detect it.</param>
    /// <param name="usual">
    /// The format of earlier files of this kind, which holds if the numbers can be read in two ways: 1.234.
    /// </param>
    public static DecimalStyle Of(IReadOnlyList<string[]> rows, char separator, bool? isComma, DecimalStyle? usual)
    {
        string[] values = [.. rows.SelectMany(row => row).Select(Ungrouped)];
        string[] points = [.. values.Where(IsPoint)];
        string[] commas = [.. values.Where(value => Commas().IsMatch(value))];
        int otherPoints = points.Count(value => !PointThousands().IsMatch(value));
        int otherCommas = commas.Count(value => !Thousands().IsMatch(value));
        bool haveBoth = values.Count(value => PointThousands().IsMatch(value) && value.Contains(',')) > otherPoints;
        bool haveManyPoints = values.Any(value => ManyPointThousands().IsMatch(value));
        if (isComma is { } said)
        {
            return said
                ? haveBoth || (otherPoints == 0 && (points.Length > 0 || haveManyPoints))
                    ? DecimalStyle.CommaAndThousands
                    : DecimalStyle.Comma
                : otherCommas == 0 && commas.Length > 0 ? DecimalStyle.PointAndThousands : DecimalStyle.Point;
        }

        bool haveEnglish = commas.Any(value => value.Contains('.') || value.Count(c => c == ',') > 1);
        if (otherPoints == 0 && otherCommas == 0 && !haveBoth && !haveManyPoints && !haveEnglish)
        {
            DecimalStyle? style = usual switch
            {
                null when commas.Length > 0 && points.Length == 0 && AreGrouped(rows, Thousands()) =>
                    DecimalStyle.PointAndThousands,
                null when commas.Length == 0 && separator != ',' && AreGrouped(rows, PointThousands()) =>
                    DecimalStyle.CommaAndThousands,
                DecimalStyle.Point when commas.Length > 0 => DecimalStyle.PointAndThousands,
                DecimalStyle.Comma when commas.Length > 0 && points.Length > 0 => DecimalStyle.CommaAndThousands,
                _ => usual,
            };
            if (style is not null)
            {
                return style.Value;
            }
        }

        bool isEnglish = !haveBoth && (commas.Count(value => value.Contains('.')) > otherCommas
            || (commas.Length > 0 && otherCommas == 0 && (points.Length > 0 || separator == ',' || haveEnglish)));
        return isEnglish ? DecimalStyle.PointAndThousands
            : haveBoth || (otherPoints == 0 && haveManyPoints) ? DecimalStyle.CommaAndThousands
            : commas.Length == 0 ? DecimalStyle.Point
            : points.Length > 0 && otherPoints == 0 ? DecimalStyle.CommaAndThousands
            : points.Length > commas.Length ? DecimalStyle.Point
            : DecimalStyle.Comma;
    }

    /// <summary>Returns whether a format has decimal commas.</summary>
    public static bool IsComma(DecimalStyle? style) => style is DecimalStyle.Comma or DecimalStyle.CommaAndThousands;

    /// <summary>
    /// Returns whether a column has several numbers with three digits after the mark, and whole numbers below a
    /// thousand.
    /// Decimals would have one or two digits, too.
    /// </summary>
    private static bool AreGrouped(IReadOnlyList<string[]> rows, Regex grouped) =>
        Enumerable.Range(0, rows.Select(row => row.Length).DefaultIfEmpty().Max()).Any(column =>
        {
            string[] values = [.. rows.Where(row => column < row.Length).Select(row => Ungrouped(row[column]))];
            return values.Count(value => grouped.IsMatch(value)) >= FewestGrouped
                && values.Any(value => Small().IsMatch(value));
        });

    private static string Ungrouped(string value) => Blanks().Replace(Units.Without(value), "");

    private static bool IsPoint(string value) =>
        value.Contains('.', StringComparison.Ordinal) && Numbers.TryParse(value, out _);

    [GeneratedRegex(@"^[+-]?\d+(,\d+)+(\.\d+)?([eE][+-]?\d+)?$|^[+-]?\d+,\d+[eE][+-]?\d+$")]
    private static partial Regex Commas();

    [GeneratedRegex(@"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$")]
    private static partial Regex PointThousands();

    [GeneratedRegex(@"^[+-]?[1-9]\d{0,2}(\.\d{3}){2,}$")]
    private static partial Regex ManyPointThousands();

    [GeneratedRegex(@"^[+-]?[1-9]\d{0,2}$")]
    private static partial Regex Small();

    [GeneratedRegex(@"(?<=\d)['’ \u00A0\u2007\u2009\u202F](?=\d{3})")]
    private static partial Regex Blanks();
}
