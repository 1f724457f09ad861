using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a row that is applied to values of a <see cref="Composite"/>. Values are numbered: first the inputs, then
/// the constants, then the terms.
/// </summary>
internal readonly record struct Term(ElementRow Row, int A, int B = -1, int C = -1)
{
    /// <summary>Returns the row, applied to the values with these numbers.</summary>
    public static Term Of(ElementRow row, ReadOnlySpan<int> operands) => new(
        row, operands[0], operands.Length > 1 ? operands[1] : -1, operands.Length > 2 ? operands[2] : -1);

    /// <summary>Gets the numbers of the operands.</summary>
    public int[] Operands => Row.Arity switch
    {
        1 => [A],
        2 => [A, B],
        _ => [A, B, C],
    };
}

/// <summary>
/// Computes nested element-wise functions in one pass over memory. All inputs broadcast to one shape. An input of
/// another dtype is converted when it is read.
/// </summary>
/// <param name="Shape">The shape of every output.</param>
/// <param name="DType">The dtype of the computation.</param>
/// <param name="Inputs">The number of inputs.</param>
/// <param name="Constants">Numbers that the terms use.</param>
/// <param name="Terms">The functions; each follows those whose values it uses.</param>
/// <param name="Outputs">The numbers of the values that are written.</param>
internal sealed record Composite(
    Shape Shape, DType DType, int Inputs, double[] Constants, Term[] Terms, int[] Outputs)
    : Op, ICpuOp, ICudaOp, ISampled
{
    /// <summary>
    /// The maximum number of inputs, and of terms, of one pass: more would not fit into the registers.
    /// </summary>
    public const int MaxInputs = 16, MaxTerms = 48;

    /// <summary>
    /// Gets the terms' names in order, as in <c>fused{add + tanh}</c>. A composite without terms only converts.
    /// </summary>
    public override string Name => Terms.Length == 0
        ? $"cast{{{DType.Name()}}}"
        : $"fused{{{string.Join(" + ", Terms.Select(term => term.Row.Name))}}}";

    /// <summary>Gets the number of the first term's value.</summary>
    public int FirstTerm => Inputs + Constants.Length;

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        ElementRow add = new Binary<Add>().Row, multiply = new Binary<Multiply>().Row, tanh = new Unary<Tanh>().Row;
        ElementRow less = new Compare<Less>().Row, where = new Where().Row, exp = new Unary<Exp>().Row;
        foreach (DType type in (DType[])[DType.Float32, DType.Float64])
        {
            // y = tanh(a + b), and y · 2 + c: a bias along the last dimension, two outputs.
            var chain = new Composite(
                [n, m], type, 3, [2], [new(add, 0, 1), new(tanh, 4), new(multiply, 5, 3), new(add, 6, 2)], [5, 7]);
            yield return Of(chain, new([n, m], type), new([m], type), new([n, m], type));

            // a < b as a mask that is an output, as numbers, and as a condition, with a bias of images and a scalar.
            var masks = new Composite(
                [n, k, m, 2],
                type,
                3,
                [],
                [new(less, 0, 1), new(ElementRow.FromMask, 3), new(where, 4, 2, 0), new(multiply, 5, 5)],
                [3, 4, 6]);
            yield return Of(
                masks,
                new([n, k, m, 2], type), new([k, 1, 1], type), new(Shape.Scalar, type));

            // A value rounded to 16 bits and one converted back, both of which are outputs; and a 16-bit input.
            foreach (DType half in (DType[])[DType.Float16, DType.BFloat16])
            {
                var rounded = new Composite(
                    [n, m], type, 2, [],
                    [new(add, 0, 1), new(ElementRow.ToHalf(half), 2), new(ElementRow.FromHalf, 3), new(multiply, 4, 0)],
                    [3, 5, 4]);
                yield return Of(rounded, new([n, m], type), new([m], half));
            }

            // Bytes, whole numbers and the other floating-point type, converted as they are read.
            DType other = type == DType.Float32 ? DType.Float64 : DType.Float32;
            var converted = new Composite(
                [n, m], type, 3, [0.5], [new(multiply, 0, 3), new(add, 4, 1), new(exp, 2), new(add, 5, 6)], [7]);
            yield return Of(
                converted, new([n, m], DType.UInt8, 0, 256), Arg.Int([m], -9, 9), new([n, 1], other));
        }

        var whole = new Composite([n, m], DType.Int32, 2, [3], [new(add, 0, 2), new(multiply, 3, 1)], [4, 3]);
        yield return Of(whole, Arg.Int([n, m]), Arg.Int([m]));

        // Integers are compared after conversion to the dtype, where different ones may be equal; and fractions are
        // truncated to integers.
        yield return Of(
            whole with { DType = DType.Int64 }, Arg.Int([n, m], DType.Int64), new([m], DType.Bool, 0, 2));
        var mixed = new Composite([n, m], DType.Float32, 2, [], [new(less, 0, 1)], [2]);
        yield return Of(
            mixed, Arg.Int([n, m], (1 << 24) - 4, (1 << 24) + 4),
            new([m], DType.Float32, (1 << 24) - 4, (1 << 24) + 4, Whole: true));
        var cut = new Composite([n, m], DType.Int32, 2, [], [new(add, 0, 1)], [2]);
        yield return Of(cut, new([n, m], DType.Float32, -5e9, 5e9), new([m], DType.Float64, -5e9, 5e9));

        static Sample Of(Composite op, params IReadOnlyList<Arg> args) => new(op, args) { HasGradient = false };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [.. Outputs.Select(value => new TensorType(TypeOf(value), Shape))];

    public override bool MayOverwrite(int input) => true;

    internal override bool TakesHalves => true;

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Terms.Length * Shape.Count;

    /// <summary>Rounds every term to the dtype, as devices do.</summary>
    public override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) => InputWindow.Pixel;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        ForEachElement(inputs, [], Outputs, (i, index, value, _) => outputs[i][index] = value);

    public override double Ulps => 1;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Errors(inputs, []);

    /// <summary>
    /// Returns, for each output, the magnitude whose ulp is the output's error: the rounding of its last term plus the
    /// errors that earlier terms pass on. It is infinite where errors decide a comparison.
    /// </summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="errors">
    /// The same magnitudes for the first inputs; null for an exact input. Further inputs are exact.
    /// </param>
    internal NdArray[] Errors(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray?> errors)
    {
        NdArray[] magnitudes = [.. Outputs.Select(_ => new NdArray(Shape))];
        ForEachElement(inputs, errors, Outputs, (i, index, _, magnitude) => magnitudes[i][index] = magnitude);
        return magnitudes;
    }

    private void ForEachElement(
        IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray?> errors, int[] outputs,
        Action<int, int[], double, double> output)
    {
        var values = new double[FirstTerm + Terms.Length];
        var magnitudes = new double[values.Length];
        NdArray[] operands = [.. inputs.Take(Inputs)];
        Constants.CopyTo(values, Inputs);
        foreach (int[] index in NdArray.Indices(Shape))
        {
            for (int i = 0; i < operands.Length; i++)
            {
                values[i] = DTypes.Convert(operands[i][index], operands[i].DType, DType);
                magnitudes[i] = IsRounded(values[i]) ? double.NaN : i < errors.Count ? errors[i]?[index] ?? 0 : 0;
            }

            for (int t = 0; t < Terms.Length; t++)
            {
                (values[FirstTerm + t], magnitudes[FirstTerm + t]) = Value(Terms[t], values, magnitudes);
            }

            for (int i = 0; i < outputs.Length; i++)
            {
                output(i, index, values[outputs[i]], magnitudes[outputs[i]]);
            }
        }
    }

    private (double Value, double Magnitude) Value(Term term, double[] values, double[] magnitudes)
    {
        int[] operands = term.Operands;
        Span<double> x = stackalloc double[operands.Length];
        for (int i = 0; i < x.Length; i++)
        {
            x[i] = values[operands[i]];
        }

        DoubleDouble exact = term.Row.Scalar(x);
        double value = DType.IsFloat() ? DTypes.Convert(exact.High, DType.Float64, DType) : DTypes.Wrap(exact, DType);
        if (!DType.IsFloat())
        {
            bool isRounded = IsRounded(exact.High)
                || Array.Exists(operands, operand => double.IsNaN(magnitudes[operand]));
            return (value, isRounded ? double.NaN : 0);
        }

        // Masks are not rounded. A value that overflows on one device may be finite on another, which rounds two terms
        // only once.
        bool overflows = !double.IsFinite(value) && x.IndexOfAnyExceptInRange(-double.MaxValue, double.MaxValue) < 0;
        double magnitude = overflows ? double.PositiveInfinity
            : term.Row.GivesMask || !double.IsFinite(value) ? 0
            : Math.Max(1, term.Row.Ulps) * Rounding.Normal(DType, term.Row.Magnitude(value, x));
        for (int i = 0; i < x.Length; i++)
        {
            double exactOperand = x[i], error = magnitudes[operands[i]] * Rounding.Epsilon(DType);
            if (!double.IsFinite(error))
            {
                return (value, error);
            }

            if (error > 0)
            {
                x[i] = exactOperand + error;
                double above = Difference(term.Row.Scalar(x), exact);
                x[i] = exactOperand - error;
                magnitude += Math.Max(above, Difference(term.Row.Scalar(x), exact)) / Rounding.Epsilon(DType);
                x[i] = exactOperand;
            }
        }

        return (value, term.Row.GivesMask && magnitude > 0 ? double.PositiveInfinity : magnitude);

        static double Difference(DoubleDouble a, DoubleDouble b) => a.High.Equals(b.High) && a.Low.Equals(b.Low) ? 0
            : Math.Abs((a - b).High) is var difference && double.IsNaN(difference) ? double.PositiveInfinity
            : difference;
    }

    /// <summary>Returns whether a value may be an int64 that float64, in which this is computed, rounds.</summary>
    private bool IsRounded(double value) => DType == DType.Int64 && Math.Abs(value) >= ElementType.MaxWhole;

    public Phase[] Cpu(CpuStep step) => CompositeLoop.Phases(this, step);

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) => CudaMap.Launches(step, this);

    public bool Equals(Composite? other) => other is not null
        && Shape == other.Shape
        && DType == other.DType
        && Inputs == other.Inputs
        && Constants.AsSpan().SequenceEqual(other.Constants)
        && Terms.AsSpan().SequenceEqual(other.Terms)
        && Outputs.AsSpan().SequenceEqual(other.Outputs);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Shape);
        hash.Add(DType);
        Array.ForEach(Constants, hash.Add);
        Array.ForEach(Terms, hash.Add);
        Array.ForEach(Outputs, hash.Add);
        return hash.ToHashCode();
    }

    /// <summary>Returns whether a value is a mask, which only a term can give.</summary>
    public bool IsMask(int value) => value >= FirstTerm && Terms[value - FirstTerm].Row.GivesMask;

    /// <summary>Returns the dtype in which a value is stored.</summary>
    public DType TypeOf(int value) =>
        IsMask(value) ? DType.Bool : value >= FirstTerm ? Terms[value - FirstTerm].Row.Stored ?? DType : DType;
}
