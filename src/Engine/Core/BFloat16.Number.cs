using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace Engine;

/// <summary>Implements the members that generic code calls: it computes in float32 and rounds the result.</summary>
public readonly partial struct BFloat16 : INumber<BFloat16>
{
    static BFloat16 INumberBase<BFloat16>.One => (BFloat16)1f;

    static int INumberBase<BFloat16>.Radix => 2;

    static BFloat16 INumberBase<BFloat16>.Zero => default;

    static BFloat16 IAdditiveIdentity<BFloat16, BFloat16>.AdditiveIdentity => default;

    static BFloat16 IMultiplicativeIdentity<BFloat16, BFloat16>.MultiplicativeIdentity => (BFloat16)1f;

    static BFloat16 IAdditionOperators<BFloat16, BFloat16, BFloat16>.operator +(BFloat16 left, BFloat16 right) =>
        (BFloat16)((float)left + right);

    static BFloat16 ISubtractionOperators<BFloat16, BFloat16, BFloat16>.operator -(BFloat16 left, BFloat16 right) =>
        (BFloat16)((float)left - right);

    static BFloat16 IMultiplyOperators<BFloat16, BFloat16, BFloat16>.operator *(BFloat16 left, BFloat16 right) =>
        (BFloat16)((float)left * right);

    static BFloat16 IDivisionOperators<BFloat16, BFloat16, BFloat16>.operator /(BFloat16 left, BFloat16 right) =>
        (BFloat16)((float)left / right);

    static BFloat16 IModulusOperators<BFloat16, BFloat16, BFloat16>.operator %(BFloat16 left, BFloat16 right) =>
        (BFloat16)((float)left % right);

    static BFloat16 IIncrementOperators<BFloat16>.operator ++(BFloat16 value) => (BFloat16)((float)value + 1);

    static BFloat16 IDecrementOperators<BFloat16>.operator --(BFloat16 value) => (BFloat16)((float)value - 1);

    static BFloat16 IUnaryNegationOperators<BFloat16, BFloat16>.operator -(BFloat16 value) => (BFloat16)(-(float)value);

    static BFloat16 IUnaryPlusOperators<BFloat16, BFloat16>.operator +(BFloat16 value) => value;

    static BFloat16 INumberBase<BFloat16>.Abs(BFloat16 value) => (BFloat16)MathF.Abs(value);

    static bool INumberBase<BFloat16>.IsCanonical(BFloat16 value) => true;

    static bool INumberBase<BFloat16>.IsComplexNumber(BFloat16 value) => false;

    static bool INumberBase<BFloat16>.IsEvenInteger(BFloat16 value) => float.IsEvenInteger(value);

    static bool INumberBase<BFloat16>.IsFinite(BFloat16 value) => float.IsFinite(value);

    static bool INumberBase<BFloat16>.IsImaginaryNumber(BFloat16 value) => false;

    static bool INumberBase<BFloat16>.IsInfinity(BFloat16 value) => float.IsInfinity(value);

    static bool INumberBase<BFloat16>.IsInteger(BFloat16 value) => float.IsInteger(value);

    static bool INumberBase<BFloat16>.IsNaN(BFloat16 value) => float.IsNaN(value);

    static bool INumberBase<BFloat16>.IsNegative(BFloat16 value) => float.IsNegative(value);

    static bool INumberBase<BFloat16>.IsNegativeInfinity(BFloat16 value) => float.IsNegativeInfinity(value);

    static bool INumberBase<BFloat16>.IsNormal(BFloat16 value) => float.IsNormal(value);

    static bool INumberBase<BFloat16>.IsOddInteger(BFloat16 value) => float.IsOddInteger(value);

    static bool INumberBase<BFloat16>.IsPositive(BFloat16 value) => float.IsPositive(value);

    static bool INumberBase<BFloat16>.IsPositiveInfinity(BFloat16 value) => float.IsPositiveInfinity(value);

    static bool INumberBase<BFloat16>.IsRealNumber(BFloat16 value) => float.IsRealNumber(value);

    static bool INumberBase<BFloat16>.IsSubnormal(BFloat16 value) => float.IsSubnormal(value);

    static bool INumberBase<BFloat16>.IsZero(BFloat16 value) => value == 0f;

    static BFloat16 INumberBase<BFloat16>.MaxMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MaxMagnitude(x, y);

    static BFloat16 INumberBase<BFloat16>.MaxMagnitudeNumber(BFloat16 x, BFloat16 y) =>
        (BFloat16)float.MaxMagnitudeNumber(x, y);

    static BFloat16 INumberBase<BFloat16>.MinMagnitude(BFloat16 x, BFloat16 y) => (BFloat16)float.MinMagnitude(x, y);

    static BFloat16 INumberBase<BFloat16>.MinMagnitudeNumber(BFloat16 x, BFloat16 y) =>
        (BFloat16)float.MinMagnitudeNumber(x, y);

    static BFloat16 INumberBase<BFloat16>.Parse(ReadOnlySpan<char> s, NumberStyles style, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, style, provider);

    static BFloat16 INumberBase<BFloat16>.Parse(string s, NumberStyles style, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, style, provider);

    static BFloat16 ISpanParsable<BFloat16>.Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, provider);

    static BFloat16 IParsable<BFloat16>.Parse(string s, IFormatProvider? provider) =>
        (BFloat16)double.Parse(s, provider);

    static bool INumberBase<BFloat16>.TryParse(
        ReadOnlySpan<char> s, NumberStyles style, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = double.TryParse(s, style, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }

    static bool INumberBase<BFloat16>.TryParse(
        [NotNullWhen(true)] string? s, NumberStyles style, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = double.TryParse(s, style, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }

    static bool ISpanParsable<BFloat16>.TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = double.TryParse(s, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }

    static bool IParsable<BFloat16>.TryParse(
        [NotNullWhen(true)] string? s, IFormatProvider? provider, out BFloat16 result)
    {
        bool isNumber = double.TryParse(s, provider, out double value);
        result = (BFloat16)value;
        return isNumber;
    }

    static bool INumberBase<BFloat16>.TryConvertFromChecked<TOther>(TOther value, out BFloat16 result) =>
        TryFrom(value, out result);

    static bool INumberBase<BFloat16>.TryConvertFromSaturating<TOther>(TOther value, out BFloat16 result) =>
        TryFrom(value, out result);

    static bool INumberBase<BFloat16>.TryConvertFromTruncating<TOther>(TOther value, out BFloat16 result) =>
        TryFrom(value, out result);

    static bool INumberBase<BFloat16>.TryConvertToChecked<TOther>(
        BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateChecked((float)value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertToSaturating<TOther>(
        BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateSaturating((float)value);
        return true;
    }

    static bool INumberBase<BFloat16>.TryConvertToTruncating<TOther>(
        BFloat16 value, [MaybeNullWhen(false)] out TOther result)
    {
        result = TOther.CreateTruncating((float)value);
        return true;
    }

    int IComparable.CompareTo(object? obj) => ((float)this).CompareTo(obj is BFloat16 other ? (float)other : obj);

    bool ISpanFormattable.TryFormat(
        Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        string text = ToString(format.ToString(), provider);
        charsWritten = text.TryCopyTo(destination) ? text.Length : 0;
        return charsWritten == text.Length;
    }

    /// <summary>Rounds a double once. Other numbers become a float32 first, as in conversions to Half.</summary>
    private static bool TryFrom<TOther>(TOther value, out BFloat16 result) where TOther : INumberBase<TOther>
    {
        result = value is double number ? (BFloat16)number : (BFloat16)float.CreateTruncating(value);
        return true;
    }
}
