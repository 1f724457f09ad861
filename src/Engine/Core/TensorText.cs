using System.Globalization;
using System.Numerics;
using System.Text;

namespace Engine;

/// <summary>
/// Writes the elements of a tensor as NumPy's <c>str</c> does with its default settings. All elements have the same
/// format, with at most 8 digits after the point, and lines have 75 characters. Of more than 1,000 elements, the first
/// three and the last three along each axis are written.
/// </summary>
internal static class TensorText
{
    private const int Digits = 8, MaxElements = 1000, Edge = 3, LineWidth = 75;

    /// <summary>
    /// From here on numbers are written with an exponent: the first limit is for arrays, the second for a single
    /// number.
    /// </summary>
    private const double Large = 1e8, LargeScalar = 1e16;

    /// <summary>Below this too; in an array also if the largest is this many times the smallest.</summary>
    private const double Small = 1e-4, Spread = 1000;

    public static string Of(Tensor tensor)
    {
        bool isFloat = tensor.DType.IsFloat();
        Shape shape = tensor.Shape;
        if (shape.Rank == 0)
        {
            return isFloat ? Scalar(At(tensor, 0), tensor.DType) : Whole(tensor, 0);
        }

        if (shape.Count == 0)
        {
            return "[]";
        }

        bool isShortened = shape.Count > MaxElements;
        int[] shown = [.. Shown(shape, isShortened)];
        Func<int, string> format = isFloat ? FloatFormat(tensor, shown) : WholeFormat(tensor, shown);
        var text = new StringBuilder();
        Append(text, shape, axis: 0, first: 0, isShortened, format);
        return text.ToString();
    }

    private static double At(Tensor tensor, int element) => tensor.Element(element) switch
    {
        Half half => (double)half,
        BFloat16 number => number,
        object number => Convert.ToDouble(number, CultureInfo.InvariantCulture),
    };

    /// <summary>Returns the indices along an axis that are shown; -1 stands for those left out.</summary>
    private static IEnumerable<int> Indices(int dimension, bool isShortened) => isShortened && dimension > 2 * Edge
        ? [.. Enumerable.Range(0, Edge), -1, .. Enumerable.Range(dimension - Edge, Edge)]
        : Enumerable.Range(0, dimension);

    private static IEnumerable<int> Shown(Shape shape, bool isShortened)
    {
        IEnumerable<int> elements = [0];
        foreach (int dimension in shape)
        {
            int[] indices = [.. Indices(dimension, isShortened).Where(index => index >= 0)];
            elements = elements.SelectMany(element => indices.Select(index => (element * dimension) + index));
        }

        return elements;
    }

    private static void Append(
        StringBuilder text, Shape shape, int axis, int first, bool isShortened, Func<int, string> element)
    {
        const string LeftOut = "...";
        string indent = new(' ', axis + 1), between = new('\n', shape.Rank - axis - 1);
        bool isInnermost = axis == shape.Rank - 1;
        int column = indent.Length, width = LineWidth - shape.Rank;
        text.Append('[');
        bool isFirst = true;
        foreach (int index in Indices(shape[axis], isShortened))
        {
            int at = (first * shape[axis]) + index;
            if (isInnermost)
            {
                string word = index < 0 ? LeftOut : element(at);
                if (!isFirst)
                {
                    bool fits = column + 1 + word.Length <= width;
                    while (!fits && text[^1] == ' ')
                    {
                        text.Length--;
                    }

                    text.Append(fits ? " " : $"\n{indent}");
                    column = fits ? column + 1 : indent.Length;
                }

                text.Append(word);
                column += word.Length;
            }
            else
            {
                text.Append(isFirst ? "" : between + indent);
                if (index < 0)
                {
                    text.Append(LeftOut);
                }
                else
                {
                    Append(text, shape, axis + 1, at, isShortened, element);
                }
            }

            isFirst = false;
        }

        text.Append(']');
    }

    /// <summary>Writes an integer or a bool.</summary>
    private static string Whole(Tensor tensor, int element) =>
        Convert.ToString(tensor.Element(element), CultureInfo.InvariantCulture)!;

    private static Func<int, string> WholeFormat(Tensor tensor, int[] shown)
    {
        int width = shown.Max(element => Whole(tensor, element).Length);
        return element => Whole(tensor, element).PadLeft(width);
    }

    private static string Scalar(double value, DType dtype)
    {
        if (!double.IsFinite(value))
        {
            return NotFinite(value);
        }

        var number = Number.Shortest(value, dtype);
        bool isPlain = value == 0 || (Math.Abs(value) >= Small && Math.Abs(value) < LargeScalar);
        string text = isPlain ? number.Plain() : number.Scientific(exponentDigits: 2);
        return isPlain && text.EndsWith('.') ? text + "0" : text.Replace(".e", "e", StringComparison.Ordinal);
    }

    private static Func<int, string> FloatFormat(Tensor tensor, int[] elements)
    {
        DType dtype = tensor.DType;
        double[] shown = [.. elements.Select(element => At(tensor, element))];
        double[] finite = [.. shown.Where(double.IsFinite)];
        double[] sizes = [.. finite.Where(value => value != 0).Select(Math.Abs).DefaultIfEmpty(1)];
        double spread = ElementType.Of(dtype).Round(sizes.Max() / sizes.Min());
        bool isPlain = !(sizes.Max() >= Large || sizes.Min() < Small || spread > Spread);
        Number[] numbers = [.. finite.Select(value =>
            isPlain ? Number.Rounded(value, dtype, Digits) : Number.RoundedFrom(value, dtype, Digits))];
        int exponentDigits = numbers.Select(number => number.ExponentDigits).DefaultIfEmpty(0).Max();
        int right = numbers.Select(number => isPlain ? number.Decimals : number.Text.Length - 1).DefaultIfEmpty(0)
            .Max();
        Func<double, string> text = isPlain
            ? value => Padded(Number.Rounded(value, dtype, Digits).Plain(), right)
            : value => Number.Exactly(value, dtype, right).Scientific(exponentDigits);

        // As wide as the widest, including infinities and NaN.
        int width = finite.Select(text).Concat(shown.Where(value => !double.IsFinite(value)).Select(NotFinite))
            .Max(word => word.Length);
        return element => At(tensor, element) is var value && double.IsFinite(value)
            ? text(value).PadLeft(width)
            : NotFinite(value).PadLeft(width);
    }

    private static string Padded(string plain, int decimals) =>
        plain.PadRight(plain.IndexOf('.') + 1 + decimals);

    private static string NotFinite(double value) =>
        double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

    /// <summary>
    /// A decimal number: its first digit, a point, the other digits, times 10 to the power of an exponent.
    /// </summary>
    private readonly record struct Number(bool IsNegative, string Text, int Exponent)
    {
        /// <summary>Gets the number of digits after the point when no exponent is written.</summary>
        public int Decimals => Math.Max(Text.TrimEnd('0').Length - 1 - Exponent, 0);

        public int ExponentDigits => Math.Max($"{Math.Abs(Exponent)}".Length, 2);

        private string Sign => IsNegative ? "-" : "";

        /// <summary>Returns the fewest digits that distinguish the number from all others of its type.</summary>
        public static Number Shortest(double value, DType dtype)
        {
            string shortest = dtype switch
            {
                DType.Float16 => ((Half)value).ToString("R", CultureInfo.InvariantCulture),
                DType.BFloat16 => ((BFloat16)value).ToString("R", CultureInfo.InvariantCulture),
                DType.Float32 => ((float)value).ToString("R", CultureInfo.InvariantCulture),
                _ => value.ToString("R", CultureInfo.InvariantCulture),
            };
            string[] parts = shortest.TrimStart('-').Split('E');
            string[] dimensions = parts[0].Split('.');
            string digits = string.Concat(dimensions).TrimStart('0');
            int leading = string.Concat(dimensions).Length - digits.Length;
            int exponent = dimensions[0].Length - 1 - leading
                + (parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
            digits = digits.TrimEnd('0');
            return digits.Length == 0
                ? new Number(double.IsNegative(value), "0", 0)
                : new Number(double.IsNegative(value), digits, exponent);
        }

        /// <summary>
        /// Returns the shortest number, rounded to a number of digits after the point; all digits before it are exact.
        /// </summary>
        public static Number Rounded(double value, DType dtype, int decimals)
        {
            var shortest = Shortest(value, dtype);
            int digits = shortest.Text.Length - 1 - shortest.Exponent;
            return digits >= 0 && digits <= decimals ? shortest : Exact(value, Math.Clamp(digits, 0, decimals));
        }

        /// <summary>Returns the shortest number, rounded to a number of digits after the first.</summary>
        public static Number RoundedFrom(double value, DType dtype, int digits)
        {
            var shortest = Shortest(value, dtype);
            if (shortest.Text.Length - 1 <= digits)
            {
                return shortest;
            }

            var number = Exactly(value, dtype, digits);
            string text = number.Text.TrimEnd('0');
            return number with { Text = text.Length == 0 ? "0" : text };
        }

        /// <summary>Returns the number with exactly this many digits after the first.</summary>
        public static Number Exactly(double value, DType dtype, int digits)
        {
            var shortest = Shortest(value, dtype);
            if (value == 0)
            {
                return shortest with { Text = new string('0', digits + 1) };
            }

            if (shortest.Text.Length == digits + 1)
            {
                return shortest;
            }

            // Its own exponent: the fewest digits may round it up to the next power of ten.
            string[] exact = value.ToString("E20", CultureInfo.InvariantCulture).Split('E');
            var number = Exact(value, digits - int.Parse(exact[1], CultureInfo.InvariantCulture));
            return number with { Text = number.Text[..(digits + 1)] };
        }

        public string Plain()
        {
            string text = Exponent < 0 ? new string('0', -Exponent) + Text : Text.PadRight(Exponent + 1, '0');
            int point = Math.Max(Exponent, 0) + 1;
            return $"{Sign}{text[..point]}.{text[point..].TrimEnd('0')}";
        }

        public string Scientific(int exponentDigits) =>
            $"{Sign}{Text[0]}.{Text[1..]}e{(Exponent < 0 ? '-' : '+')}"
            + $"{Math.Abs(Exponent).ToString(CultureInfo.InvariantCulture).PadLeft(exponentDigits, '0')}";

        /// <summary>
        /// Returns the exact value, a whole number times a power of 2, rounded to a number of decimals, half to even.
        /// </summary>
        private static Number Exact(double value, int decimals)
        {
            long bits = BitConverter.DoubleToInt64Bits(value);
            int power = (int)((bits >> 52) & 0x7FF);
            BigInteger whole = (bits & 0xFFFFFFFFFFFFF) | (power == 0 ? 0 : 1L << 52);
            power = Math.Max(power, 1) - 1075;
            BigInteger numerator = whole * BigInteger.Pow(10, Math.Max(decimals, 0)) << Math.Max(power, 0);
            BigInteger denominator = BigInteger.Pow(10, Math.Max(-decimals, 0)) << Math.Max(-power, 0);
            BigInteger rounded = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
            int half = (rest * 2).CompareTo(denominator);
            rounded += half > 0 || (half == 0 && !rounded.IsEven) ? 1 : 0;
            string text = rounded.ToString(CultureInfo.InvariantCulture);
            return rounded.IsZero
                ? new Number(bits < 0, "0", 0)
                : new Number(bits < 0, text, text.Length - 1 - decimals);
        }
    }
}
