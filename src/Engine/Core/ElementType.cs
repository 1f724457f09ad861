using System.Globalization;
using System.Numerics;

namespace Engine;

/// <summary>Code that is written once for all element types: see <see cref="DTypes.Call"/>.</summary>
internal interface IForElements<in TArgument, out TResult>
{
    /// <summary>Runs the code for one type.</summary>
    TResult For<T>(TArgument argument) where T : unmanaged, INumber<T>;
}

/// <summary>Defines the element types in a table with a row for each; other properties follow from it.</summary>
internal abstract class ElementType(
    DType dtype, string name, DType computes, double min, double max, string cuda, int onnx)
{
    private const double BFloat16Max = 3.3895313892515355e38;

    // In the order of promotion: of two types the later one, so that nothing becomes float64 unasked.
    private static readonly ElementType[] s_all =
    [
        new TruthType(DType.Bool, "bool", DType.Int32, 0, 1, "bool", 9),
        new NumberType<byte>(DType.UInt8, "uint8", DType.Int32, byte.MinValue, byte.MaxValue, "uint8", 2),
        new NumberType<int>(DType.Int32, "int32", DType.Int32, int.MinValue, int.MaxValue, "int", 6),
        new NumberType<long>(DType.Int64, "int64", DType.Int64, long.MinValue, long.MaxValue, "int64", 7),
        new NumberType<Half>(DType.Float16, "float16", DType.Float32, -65504, 65504, "float16", 10)
        {
            Epsilon = 1.0 / (1 << 10),
            MinNormal = 1.0 / (1 << 14),
            Denormal = 1.0 / (1 << 24),
        },
        new NumberType<BFloat16>(
            DType.BFloat16, "bfloat16", DType.Float32, -BFloat16Max, BFloat16Max, "bfloat16", 16)
        {
            Epsilon = 1.0 / (1 << 7),
            MinNormal = 1.17549435e-38,
            Denormal = 9.18354962e-41,
        },
        new NumberType<float>(DType.Float32, "float32", DType.Float32, float.MinValue, float.MaxValue, "float", 1)
        {
            Epsilon = 1.0 / (1 << 23),
            MinNormal = 1.17549435e-38,
            Denormal = float.Epsilon,
        },
        new NumberType<double>(DType.Float64, "float64", DType.Float64, double.MinValue, double.MaxValue, "double", 11)
        {
            Epsilon = 1.0 / (1L << 52),
            MinNormal = 2.2250738585072014e-308,
            Denormal = double.Epsilon,
        },
    ];

    private static readonly ElementType[] s_byNumber = [.. s_all.OrderBy(type => type.DType)];

    /// <summary>Above this magnitude, float64 cannot represent all whole numbers.</summary>
    public const double MaxWhole = 1L << 53;

    /// <summary>Gets all types, in the order of promotion.</summary>
    public static IReadOnlyList<ElementType> All => s_all;

    /// <summary>Gets the dtype of this row.</summary>
    public DType DType => dtype;

    /// <summary>Gets the name in Theano, NumPy and messages.</summary>
    public string Name => name;

    /// <summary>
    /// Gets the dtype in which its sums and products are computed: itself, unless it is too small for them.
    /// </summary>
    public DType Computes => computes;

    /// <summary>Gets the smallest number it holds; for floating-point types, the smallest finite one.</summary>
    public double Min => min;

    /// <summary>Gets the largest number it holds; for floating-point types, the largest finite one.</summary>
    public double Max => max;

    /// <summary>Gets the name in CUDA C (src/Kernels/common/common.cuh).</summary>
    public string Cuda => cuda;

    /// <summary>Gets the number in ONNX (TensorProto.DataType).</summary>
    public int Onnx => onnx;

    /// <summary>Gets or sets the difference between 1 and the next number; 0 for integers.</summary>
    public double Epsilon { get; init; }

    /// <summary>Gets or sets the smallest normal number; 0 for integers.</summary>
    public double MinNormal { get; init; }

    /// <summary>Gets or sets the smallest positive number, for floating-point types.</summary>
    public double Denormal { get; init; }

    public bool IsFloat => Epsilon > 0;

    /// <summary>Gets the position in the order of promotion.</summary>
    public int Width => Array.IndexOf(s_all, this);

    /// <summary>Gets the bytes of an element.</summary>
    public abstract int Size { get; }

    /// <summary>Gets the C# type of the elements.</summary>
    public abstract Type CSharp { get; }

    /// <summary>Gets the range of values in words, for messages.</summary>
    public string Range => IsFloat
        ? Max == double.MaxValue
            ? $"{Name} holds any number"
            : string.Create(
                CultureInfo.InvariantCulture, $"{Name} holds magnitudes from {Denormal:G2} to {(float)Max:R}")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{Name} holds whole numbers from {Math.Max(Min, -MaxWhole):F0} to {Math.Min(Max, MaxWhole):F0}")
            + (Max > MaxWhole ? " in literals, which are float64 (greater ones: Constant(Tensor.Scalar(…)))" : "");

    /// <summary>Returns the element type for a C# type; null if there is none.</summary>
    public static ElementType? Of(Type type)
    {
        foreach (ElementType each in s_all)
        {
            if (each.CSharp == type)
            {
                return each;
            }
        }

        return null;
    }

    public static ElementType Of(DType dtype) =>
        (uint)dtype < (uint)s_byNumber.Length
            ? s_byNumber[(int)dtype]
            : throw new ArgumentOutOfRangeException(nameof(dtype));

    /// <summary>
    /// Returns whether it can hold a number. An integer type must hold it exactly, and float64 must distinguish it from
    /// all others. For a floating-point type, the nearest number must not be 0 or infinity unless the number is.
    /// </summary>
    public bool Holds(double value) => IsFloat
        ? !double.IsFinite(value) || value == 0 || (Round(value) != 0 && double.IsFinite(Round(value)))
        : double.IsInteger(value) && value >= Math.Max(Min, -MaxWhole) && value <= Math.Min(Max, MaxWhole);

    /// <summary>Returns whether it holds all numbers of another type exactly.</summary>
    public bool HoldsAll(ElementType other) => IsFloat
        ? other.IsFloat ? Epsilon <= other.Epsilon && Max >= other.Max : Math.Max(-other.Min, other.Max) <= 2 / Epsilon
        : !other.IsFloat && Min <= other.Min && other.Max <= Max;

    /// <summary>Returns the nearest number of a floating-point type.</summary>
    public abstract double Round(double value);

    /// <summary>Returns a whole number's low bits, for an integer type.</summary>
    public abstract double Wrap(Int128 whole);

    /// <summary>Returns an array of zeros for the elements of a tensor.</summary>
    public abstract Array Zeros(long count);

    /// <summary>Calls code with the C# type for loops: bool elements are bytes of 1 or 0.</summary>
    public abstract TResult Call<TArgument, TResult>(IForElements<TArgument, TResult> code, TArgument argument);

    public override string ToString() => Name;

    private sealed class NumberType<T>(
        DType dtype, string name, DType computes, double min, double max, string cuda, int onnx)
        : ElementType(dtype, name, computes, min, max, cuda, onnx) where T : unmanaged, INumber<T>
    {
        public override unsafe int Size => sizeof(T);

        public override Type CSharp => typeof(T);

        public override double Round(double value) => double.CreateTruncating(T.CreateTruncating(value));

        public override double Wrap(Int128 whole) => double.CreateTruncating(T.CreateTruncating(whole));

        public override Array Zeros(long count) => new T[count];

        public override TResult Call<TArgument, TResult>(IForElements<TArgument, TResult> code, TArgument argument) =>
            code.For<T>(argument);
    }

    private sealed class TruthType(
        DType dtype, string name, DType computes, double min, double max, string cuda, int onnx)
        : ElementType(dtype, name, computes, min, max, cuda, onnx)
    {
        public override int Size => sizeof(bool);

        public override Type CSharp => typeof(bool);

        public override double Round(double value) => value != 0 ? 1 : 0;

        /// <summary>A bool has one bit, which is set if any bit is.</summary>
        public override double Wrap(Int128 whole) => whole != 0 ? 1 : 0;

        public override Array Zeros(long count) => new bool[count];

        public override TResult Call<TArgument, TResult>(IForElements<TArgument, TResult> code, TArgument argument) =>
            code.For<byte>(argument);
    }
}
