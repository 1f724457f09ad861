using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Represents a way to join many numbers to one: a row of the table of reductions.</summary>
internal interface IReduction
{
    /// <summary>Gets the result for no numbers, with which every reduction starts.</summary>
    static abstract double Start { get; }

    /// <summary>Gets whether a reduction of no numbers has a result.</summary>
    static abstract bool TakesNone { get; }

    /// <summary>Gets the start value in CUDA C, where T is the elements' type.</summary>
    static abstract string CudaStart { get; }

    /// <summary>Gets an expression in CUDA C that joins a and b.</summary>
    static abstract string Cuda { get; }

    static abstract DoubleDouble Join(DoubleDouble a, double b);

    /// <inheritdoc cref="Op.Ulps"/>
    static virtual double Ulps => 0;

    static abstract T Join<T>(T a, T b) where T : INumber<T>;

    /// <summary>Joins lane by lane.</summary>
    static abstract V Join<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>Joins all lanes.</summary>
    static abstract T Lanes<S, V, T>(V a) where S : struct, ISimd<V, T> where V : struct where T : unmanaged;

    /// <summary>
    /// Gets whether intermediate results are products, which may overflow or vanish where the result does not.
    /// </summary>
    static virtual bool Multiplies => false;

    /// <summary>Returns the gradient with respect to x; y and g keep the reduced axes with length 1.</summary>
    static abstract Variable Grad(Variable x, Variable y, Variable g, Shape axes);
}

/// <summary>Represents a reduction with any row.</summary>
internal interface IReduce
{
    /// <summary>Gets the axes.</summary>
    Shape Axes { get; }

    /// <inheritdoc cref="Reduce{TRow}"/>
    Composite? Elements { get; }

    /// <summary>Gets the struct, an <see cref="IReduction"/>, that joins.</summary>
    Type Row { get; }

    /// <summary>Gets the start value.</summary>
    double Start { get; }

    /// <summary>Returns the same reduction of elements that a composite computes.</summary>
    Op Of(Composite elements);

    /// <summary>
    /// Returns whether it joins long runs of neighboring elements. On the CPU, computing shorter pieces costs more than
    /// storing all elements.
    /// </summary>
    bool JoinsLongRuns(TensorType input);

    /// <summary>
    /// Returns the errors of the output, in the sense of <see cref="Op.Magnitudes"/>, that result from the errors of
    /// the inputs and its own; null for an exact input.
    /// </summary>
    NdArray Errors(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray?> errors, NdArray output);
}

/// <summary>Joins the elements along axes, which keep length 1; removing them is a view.</summary>
/// <param name="Axes">The axes.</param>
/// <param name="Elements">
/// Computes the elements from the op's inputs, with one output; they are never stored. Null if they are the op's only
/// input.
/// </param>
/// <param name="TakesNone">
/// Whether no elements are allowed where the row has no result for them; it is the start value then.
/// </param>
internal sealed record Reduce<TRow>(Shape Axes, Composite? Elements = null, bool TakesNone = false)
    : Op, ICpuOp, ICudaEpilogueOp, ISampled, IReduce where TRow : struct, IReduction
{
    private const int LongRun = 256;

    public override string Name => $"{Symbolic.RowName<TRow>()}{{{string.Join(", ", Axes)}}}"
        + (Elements is null ? "" : $" of {Elements.Name}");

    public static IEnumerable<Sample> Samples(Random random)
    {
        bool none = TRow.TakesNone;
        int n = Arg.Dimension(random, none), m = Arg.Dimension(random, none), k = Arg.Dimension(random, none);
        Shape[] axes = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2], []];
        foreach (Shape some in axes)
        {
            yield return Of(some, [n, m, k]);
            yield return new Sample(new Reduce<TRow>(some), Arg.Int([n, m, k]));
            yield return new Sample(new Reduce<TRow>(some), new Arg([n, m, k], DType.Int64, -3, 4));
        }

        // So few outputs that the elements are split, in both loops; runs and columns that are longer than a block.
        yield return Of([0], [random.Next(15000, 20000)]);
        yield return Of([0], [random.Next(900, 1100), 40]);
        yield return Of([0, 2], [31, 3, 400]);
        yield return Of([1], [2, 20000]);
        yield return Of([0, 1, 3], [3, 30, 2, random.Next(90, 100)]);
        yield return Of([0, 2], [20, 2, 33, 17]);
        yield return Of([0, 2], [random.Next(9, 12), 60, 1000]);
        yield return Of([1], [0, 3]);
        yield return new Sample(new Reduce<TRow>([0]), Arg.Int([random.Next(15000, 20000)]));
        yield return new Sample(new Reduce<TRow>([0]), new Arg([random.Next(15000, 20000)], DType.Int64, -1, 2));

        // All on one side of 0, so that 0 is neither the largest nor the smallest; so near to 1 that products stay
        // finite.
        foreach (double low in (double[])[-1.25, 0.75])
        {
            yield return new Sample(new Reduce<TRow>([1]), new Arg([3, 900], Low: low, High: low + 0.5));
            yield return new Sample(new Reduce<TRow>([1]), new Arg([9, 40], Low: low, High: low + 0.5));
            yield return new Sample(new Reduce<TRow>([0]), new Arg([900, 33], Low: low, High: low + 0.5));
        }

        foreach (Sample sample in OfElements(random))
        {
            yield return sample;
        }

        yield return new Sample(new Reduce<TRow>([2]), new Arg([2, 3])) { Error = "there is no axis 2" };
        if (!none)
        {
            yield return new Sample(new Reduce<TRow>([1]), new Arg([2, 0])) { Error = "axis 1 has no elements" };
            yield return new Sample(new Reduce<TRow>([1], TakesNone: true), new Arg([2, 0])) { HasGradient = false };
            yield return new Sample(new Reduce<TRow>([0], TakesNone: true), new Arg([n, 2], Distinct: true));
        }
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        (DType dtype, Shape shape) = Elements is null
            ? (inputs[0].DType, inputs[0].Shape)
            : (Elements.DType, Elements.Shape);
        foreach (int axis in Axes)
        {
            if (axis < 0 || axis >= shape.Rank)
            {
                throw new EngineException($"there is no axis {axis}");
            }

            if (shape[axis] == 0 && !TRow.TakesNone && !TakesNone)
            {
                throw new EngineException(
                    $"axis {axis} has no elements, and there is no {Symbolic.RowName<TRow>()} of none");
            }

            shape = shape.With(axis, 1);
        }

        return [new TensorType(dtype, shape)];
    }

    internal override bool IsPlain => true;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        Elements is null && Axes.All(axis => inputs[0].Shape[axis] == 1);

    public Type Row => typeof(TRow);

    public double Start => TRow.Start;

    public Op Of(Composite elements) => this with { Elements = elements };

    public bool JoinsLongRuns(TensorType input) => input.Shape.Count > 0
        && new ReducePlan(input.Shape, Infer([input])[0].Shape) is { IsInnerReduced: true, Inner: >= LongRun };

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [TRow.Grad(node.Inputs[0], node.Outputs[0], outputGrads[0]!, Axes)];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Elements is null ? inputs[0].Shape.Count : (Elements.Terms.Length + 1) * Elements.Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray elements = Elements is null ? inputs[0] : Made(inputs);
        var totals = new DoubleDoubles(outputs[0], TRow.Start);
        bool isFloat = outputs[0].DType.IsFloat();
        foreach (int[] index in NdArray.Indices(elements.Shape))
        {
            ref DoubleDouble total = ref totals[index];
            total = TRow.Join(total, elements[index]);
            total = isFloat ? total : DTypes.WrapExactly(total, outputs[0].DType);
        }

        totals.Round();
    }

    public override double Ulps => Math.Max(TRow.Ulps, Elements is null ? 0 : 2);

    /// <inheritdoc/>
    public NdArray Errors(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray?> errors, NdArray output)
    {
        NdArray[] elements = Elements is null ? [inputs[0]] : [Made(inputs)];
        NdArray? error = Elements is null ? errors[0] : Elements.Errors(inputs, errors)[0];
        double[] sizes = [.. elements[0].Data.Select((x, i) => Math.Abs(x) + (error?.Data[i] ?? 0))];
        return (this with { Elements = null }).OfMagnitudes([new NdArray(elements[0].Shape, sizes)], [output])[0];
    }

    /// <summary>
    /// Returns the joined magnitudes of the elements; for computed elements, those of their computation.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray made = Elements is null ? inputs[0] : Made(inputs), elements = made;
        if (Elements is not null)
        {
            double[] errors = Elements.Magnitudes(inputs, [made])[0].Data;
            elements = new NdArray(
                made.Shape, [.. errors.Zip(made.Data, (error, value) => Math.Max(error, Math.Abs(value)))], made.DType);
        }

        NdArray magnitudes = (this with { Elements = null }).OfMagnitudes([elements], outputs)[0];
        if (TRow.Multiplies)
        {
            var powers = new Powers[magnitudes.Data.Length];
            foreach (int[] index in NdArray.Indices(made.Shape))
            {
                powers[magnitudes.Offset(index)] += Powers.Of(made[index]);
            }

            for (int i = 0; i < powers.Length; i++)
            {
                magnitudes.Data[i] = powers[i].MayExceed(made.DType) ? double.NaN : magnitudes.Data[i];
            }
        }

        return [magnitudes];
    }

    private NdArray Made(IReadOnlyList<NdArray> inputs) =>
        ReferenceEvaluator.Of(Elements!, inputs, [new TensorType(Elements!.DType, Elements.Shape)])[0];

    public Phase[] Cpu(CpuStep step) => ReduceLoop.Phases<TRow>(step, Elements);

    public long CpuWorkspace(CpuStepTypes step) =>
        ReduceLoop.Workspace(Elements?.Shape ?? step.Inputs[0].Shape, step.Outputs[0]);

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues) =>
        CudaReduce.Launches<TRow>(step, Elements?.Shape ?? step.Shape(0), Elements, epilogues[0]);

    public long CudaWorkspace(CudaStepTypes step) =>
        CudaReduce.Workspace(Elements?.Shape ?? step.Inputs[0].Shape, step.Outputs[0]);

    private static Sample Of(Shape axes, Shape shape) => new(new Reduce<TRow>(axes), new Arg(shape, Distinct: true));

    /// <summary>
    /// Samples of (a - b) · c with b and c repeated, of elements that are converted first, and of elements that are
    /// only converted.
    /// </summary>
    private static IEnumerable<Sample> OfElements(Random random)
    {
        ElementRow subtract = new Binary<Subtract>().Row, multiply = new Binary<Multiply>().Row;
        int n = Arg.Dimension(random, false), m = Arg.Dimension(random, false);
        foreach (DType type in (DType[])[DType.Float32, DType.Float64])
        {
            foreach (Shape axes in (Shape[])[[0], [1], [0, 1]])
            {
                Composite far = new([n, m], type, 3, [], [new(subtract, 0, 1), new(multiply, 3, 2)], [4]);
                yield return Made(axes, far, new([n, m], type), new([m], type), new([n, 1], type));
                Composite many = far with { Shape = [600, 150] };
                yield return Made(axes, many, new([600, 150], type), new([150], type), new([600, 1], type));
            }

            Composite converted = new([2, 9000], type, 2, [0.5], [new(multiply, 0, 2), new(subtract, 3, 1)], [4]);
            yield return Made([1], converted, Arg.Int([2, 9000], -9, 9), new([9000], type));
            yield return Made([0], new([n, m], type, 1, [], [], [0]), new Arg([n, m], DType.UInt8, 0, 256));
        }

        static Sample Made(Shape axes, Composite elements, params IReadOnlyList<Arg> args) =>
            new(new Reduce<TRow>(axes, elements), args) { HasGradient = false };
    }
}

internal readonly struct Sum : IAccumulation
{
    public static double Start => 0;

    public static bool TakesNone => true;

    public static string CudaStart => "T(0)";

    public static string Cuda => "add(a, b)";

    public static DoubleDouble Join(DoubleDouble a, double b) => a + b;

    public static double Ulps => 2;

    public static T Join<T>(T a, T b) where T : INumber<T> => a + b;

    public static V Join<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Add(a, b);

    public static T Lanes<S, V, T>(V a) where S : struct, ISimd<V, T> where V : struct where T : unmanaged => S.Sum(a);

    public static Variable Grad(Variable x, Variable y, Variable g, Shape axes) => Symbolic.BroadcastLike(g, x);

    public static Variable GradOf(Variable x, Variable y, Variable g, int axis, bool isReverse, bool isExclusive) =>
        new Accumulate<Sum>(axis, !isReverse, isExclusive).Call(g);
}

internal readonly struct Max : IReduction
{
    public static double Start => double.NegativeInfinity;

    public static bool TakesNone => false;

    public static string CudaStart => "lowest(T(0))";

    public static string Cuda => "maximum(a, b)";

    public static DoubleDouble Join(DoubleDouble a, double b) => Math.Max(a.High, b);

    public static T Join<T>(T a, T b) where T : INumber<T> => T.Max(a, b);

    public static V Join<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Max(a, b);

    public static T Lanes<S, V, T>(V a) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.MaxLane(a);

    public static Variable Grad(Variable x, Variable y, Variable g, Shape axes) => new PassIfEqual().Call(x, y, g);
}

internal readonly struct Min : IReduction
{
    public static double Start => double.PositiveInfinity;

    public static bool TakesNone => false;

    public static string CudaStart => "highest(T(0))";

    public static string Cuda => "minimum(a, b)";

    public static DoubleDouble Join(DoubleDouble a, double b) => Math.Min(a.High, b);

    public static T Join<T>(T a, T b) where T : INumber<T> => T.Min(a, b);

    public static V Join<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Min(a, b);

    public static T Lanes<S, V, T>(V a) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.MinLane(a);

    public static Variable Grad(Variable x, Variable y, Variable g, Shape axes) => new PassIfEqual().Call(x, y, g);
}

/// <summary>
/// Computes the product. Intermediate results may overflow or underflow, and their order depends on the device.
/// </summary>
internal readonly struct Prod : IAccumulation
{
    public static double Start => 1;

    public static bool TakesNone => true;

    public static string CudaStart => "T(1)";

    public static string Cuda => "multiply(a, b)";

    public static DoubleDouble Join(DoubleDouble a, double b) => a * b;

    public static double Ulps => 4;

    public static bool Multiplies => true;

    public static T Join<T>(T a, T b) where T : INumber<T> => unchecked(a * b);

    public static V Join<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Mul(a, b);

    public static unsafe T Lanes<S, V, T>(V a) where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        for (int lanes = S.Count; lanes > 1; lanes /= 2)
        {
            a = S.Mul(S.Even(a, a), S.Odd(a, a));
        }

        T* all = stackalloc T[S.Count];
        S.Store(all, a);
        return all[0];
    }

    /// <summary>Returns g times the product of all other elements, axis by axis, so that elements may be 0.</summary>
    public static Variable Grad(Variable x, Variable y, Variable g, Shape axes)
    {
        if (axes.Rank == 0)
        {
            return g;
        }

        Variable inner = axes.Rank == 1 ? g : Grad(new Reduce<Prod>([axes[0]]).Call(x), y, g, [.. axes.Skip(1)]);
        return inner * new Accumulate<Prod>(axes[0], false, true).Call(x)
            * new Accumulate<Prod>(axes[0], true, true).Call(x);
    }

    /// <summary>
    /// Returns the product of the elements before each one, times a sum S. A loop computes
    /// S(i) = g(i) + x(i + 1)·S(i + 1). Nothing is divided, so that elements may be 0.
    /// </summary>
    public static Variable GradOf(Variable x, Variable y, Variable g, int axis, bool isReverse, bool isExclusive)
    {
        Variable rows = Symbolic.MoveAxis(x, axis, 0), grads = Symbolic.MoveAxis(g, axis, 0);
        Dimension[] dimensions =
            [.. Enumerable.Range(1, x.Rank - 1).Select(i => (Dimension)Symbolic.DimensionOf(rows, i))];
        Variable none = Symbolic.Cast(Symbolic.Zeros(dimensions), x.DType);
        Variable behind = Symbolic.Scan(Step, [grads, rows], [null, none], goBackwards: !isReverse)[0];
        behind = isReverse ? behind : Symbolic.Flip(behind, [0]);
        return new Accumulate<Prod>(axis, isReverse, true).Call(x) * Symbolic.MoveAxis(behind, 0, axis);

        // Returns the sum at this element, and the part that is carried to the next one.
        StepOutputs Step(IReadOnlyList<Variable> step)
        {
            (Variable grad, Variable element, Variable next) = (step[0], step[1], step[2]);
            return isExclusive
                ? (Variable[])[next, grad + (element * next)]
                : (Variable[])[grad + next, element * (grad + next)];
        }
    }
}

/// <summary>
/// Returns the third input where the first two are equal, otherwise 0: the gradient of a maximum or minimum.
/// </summary>
internal sealed record PassIfEqual : Elementwise, ISampled
{
    private static readonly ElementRow s_row =
        ElementRow.Of<Map>("passIfEqual", "a == b ? c : T(0)", x => x[0] == x[1] ? x[2] : 0);

    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(
            new PassIfEqual(), Arg.Int(shape, 0, 3), Arg.Int([shape[0], 1], 0, 3), Arg.Int(shape, -9, 9));
        yield return new Sample(new PassIfEqual(), Same(shape), Same([shape[1]]), new Arg(shape));
        yield return new Sample(new PassIfEqual(), Same(shape), new Arg([shape[1]]), new Arg([shape[0], 1]));
    }

    public override ElementRow Row => s_row;

    protected override IReadOnlyList<Variable?> Grad(
        IReadOnlyList<Variable> inputs, Variable output, Variable grad) =>
        [null, null, Call(inputs[0], inputs[1], grad)];

    private static Arg Same(Shape shape) => new(shape, Low: 1, High: 1);

    private readonly struct Map : IMap
    {
        public static int Arity => 3;

        static V IMap.Map<S, V, T>(V a, V b, V c) => S.And(S.Equal(a, b), c);
    }
}
