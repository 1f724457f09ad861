using System.Globalization;

namespace Engine;

/// <summary>
/// Represents a number of 16 bits with the range of a float32: its sign, its 8 bits of exponent and the upper 7 of its
/// mantissa. <see cref="System.Half"/>, the other type of 16 bits, has more digits and less range. Arithmetic is
/// float32's, rounded to nearest, ties to even.
/// </summary>
public readonly partial struct BFloat16 : IEquatable<BFloat16>, IComparable<BFloat16>, IFormattable
{
    private const int Dropped = 16;

    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>Converts the number, rounded to nearest, ties to even.</summary>
    public static explicit operator BFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);

        // Adds half of the dropped bits' unit, minus one if the result is even already. A NaN stays a NaN of its sign.
        return float.IsNaN(value)
            ? new BFloat16((ushort)((bits >> Dropped) | 0x40))
            : new BFloat16((ushort)((bits + 0x7FFF + ((bits >> Dropped) & 1)) >> Dropped));
    }

    /// <summary>Converts the number, rounded to nearest, ties to even.</summary>
    public static explicit operator BFloat16(double value)
    {
        // Rounding to nearest twice may give a wrong result. So the first rounding is to odd: an inexact number becomes
        // the neighbor with an odd last bit, which the second rounding cannot take for a tie.
        float single = (float)value;
        int bits = BitConverter.SingleToInt32Bits(single);
        bits = single == value || double.IsNaN(value)
            ? bits
            : (bits - (Math.Abs(single) > Math.Abs(value) ? 1 : 0)) | 1;
        return (BFloat16)BitConverter.Int32BitsToSingle(bits);
    }

    /// <summary>Converts the number, exactly.</summary>
    public static implicit operator float(BFloat16 value) =>
        BitConverter.UInt32BitsToSingle((uint)value._bits << Dropped);

    /// <summary>Compares two numbers: NaN is not equal to itself.</summary>
    public static bool operator ==(BFloat16 left, BFloat16 right) => (float)left == (float)right;

    /// <summary>Compares two numbers: NaN is not equal to itself.</summary>
    public static bool operator !=(BFloat16 left, BFloat16 right) => (float)left != (float)right;

    /// <summary>Compares two numbers.</summary>
    public static bool operator <(BFloat16 left, BFloat16 right) => (float)left < (float)right;

    /// <summary>Compares two numbers.</summary>
    public static bool operator >(BFloat16 left, BFloat16 right) => (float)left > (float)right;

    /// <summary>Compares two numbers.</summary>
    public static bool operator <=(BFloat16 left, BFloat16 right) => (float)left <= (float)right;

    /// <summary>Compares two numbers.</summary>
    public static bool operator >=(BFloat16 left, BFloat16 right) => (float)left >= (float)right;

    /// <summary>Returns the 16 bits.</summary>
    public static ushort ToBits(BFloat16 value) => value._bits;

    /// <summary>Returns the number with these 16 bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>Compares two numbers. NaN is less than all others and equal to itself.</summary>
    public int CompareTo(BFloat16 other) => ((float)this).CompareTo(other);

    /// <summary>Compares two numbers. NaN is equal to itself.</summary>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <summary>Returns the number as text, with a decimal point and as few digits as convert back to it.</summary>
    public override string ToString() => ToString(null, CultureInfo.InvariantCulture);

    /// <summary>
    /// Returns the number as text, like a float32 in this format; without a format, and in "R", with as few digits as
    /// convert back to it.
    /// </summary>
    public string ToString(string? format, IFormatProvider? formatProvider) =>
        string.IsNullOrEmpty(format) || format is "R" or "r"
            ? Shortest().ToString("R", formatProvider)
            : ((float)this).ToString(format, formatProvider);

    /// <summary>Returns the number rounded to as few decimal digits as convert back to it: at most four.</summary>
    private double Shortest()
    {
        double exact = (float)this, rounded = exact;
        for (int digits = 0; double.IsFinite(exact) && digits < 4; digits++)
        {
            string text = exact.ToString($"E{digits}", CultureInfo.InvariantCulture);
            rounded = double.Parse(text, CultureInfo.InvariantCulture);
            if (((BFloat16)rounded)._bits == _bits)
            {
                break;
            }
        }

        return rounded;
    }
}
