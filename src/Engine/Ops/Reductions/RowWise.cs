using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a composite or a reduction of a <see cref="RowWise"/>, applied to values with these indices.
/// </summary>
internal readonly record struct RowStep(Op Op, int[] Inputs)
{
    public bool Equals(RowStep other) => Op.Equals(other.Op) && Inputs.AsSpan().SequenceEqual(other.Inputs);

    public override int GetHashCode() => Op.GetHashCode();
}

/// <summary>
/// Computes reductions along the same axes and the element-wise functions around them, for example a normalization or
/// its gradient. It works row by row. A row is all elements that are reduced to one result, such as a channel of a
/// batch, so a row is read from memory only once for all passes. Values are numbered: first the inputs, then the steps'
/// outputs.
/// </summary>
/// <param name="Shape">The shape of all rows.</param>
/// <param name="Axes">The axes along which a row lies.</param>
/// <param name="Inputs">The number of inputs.</param>
/// <param name="Steps">The steps; each follows those whose outputs it uses.</param>
/// <param name="Results">The indices of the values that are written.</param>
internal sealed record RowWise(Shape Shape, Shape Axes, int Inputs, RowStep[] Steps, int[] Results)
    : Op, ICpuOp, ISampled
{
    /// <summary>Gets the steps' names in order.</summary>
    public override string Name => $"rows{{{string.Join("; ", Steps.Select(step => step.Op.Name))}}}";

    /// <summary>Gets the shape of a value with one number for each row.</summary>
    public Shape RowShape => Axes.Aggregate(Shape, static (shape, axis) => shape.With(axis, 1));

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (DType type in (DType[])[DType.Float32, DType.Float64])
        {
            // Layers with few and with many columns; channels of images; gaps between the pieces of a row.
            yield return Normalization(type, [random.Next(1, 5), random.Next(2, 40)], [1], [-1]);
            yield return Normalization(type, [3, random.Next(1100, 2200)], [1], [-1]);
            yield return Normalization(type, [2, 3, random.Next(2, 6), random.Next(3, 20)], [0, 2, 3], [3, 1, 1]);
            yield return Normalization(type, [2, 3, 2, 5, 4], [2, 4], [3, 1, 5, 1]);
            yield return Largest(type, [random.Next(1, 5), random.Next(2, 99)]);
        }
    }

    /// <summary>
    /// Returns a sample of (x − mean) / √(variance + 0.1) · a. Its outputs include the mean, and half of the variance
    /// added to a number, as for running averages.
    /// </summary>
    private static Sample Normalization(DType type, Shape shape, Shape axes, Shape scale)
    {
        ElementRow subtract = new Binary<Subtract>().Row, multiply = new Binary<Multiply>().Row;
        ElementRow add = new Binary<Add>().Row, sqrt = new Unary<Sqrt>().Row, divide = new Binary<Divide>().Row;
        Shape rows = axes.Aggregate(shape, static (one, axis) => one.With(axis, 1));
        double many = shape.Count / rows.Count;
        scale = [.. scale.Select(dimension => dimension < 0 ? shape[-1] : dimension)];
        var mean = new Composite(rows, type, 1, [1 / many], [new(multiply, 0, 1)], [2]);
        var squares = new Composite(shape, type, 2, [], [new(subtract, 0, 1), new(multiply, 2, 2)], [2, 3]);
        var deviation = new Composite(
            rows, type, 2, [1 / many, 0.1, 0.5],
            [new(multiply, 0, 2), new(add, 5, 3), new(sqrt, 6), new(multiply, 5, 4), new(add, 8, 1)], [7, 9]);
        var last = new Composite(shape, type, 3, [], [new(divide, 0, 1), new(multiply, 3, 2)], [4]);
        RowStep[] steps =
        [
            new(new Reduce<Sum>(axes), [0]), new(mean, [3]), new(squares, [0, 4]), new(new Reduce<Sum>(axes), [6]),
            new(deviation, [7, 2]), new(last, [5, 8, 1]),
        ];
        return Of(new RowWise(shape, axes, 3, steps, [10, 4, 9]), new(shape, type), new(scale, type), new(rows, type));
    }

    /// <summary>
    /// Returns a sample of x − max x, of max(−x) with −x as computed elements, and of where x is the largest.
    /// </summary>
    private static Sample Largest(DType type, Shape shape)
    {
        ElementRow subtract = new Binary<Subtract>().Row, less = new Compare<Less>().Row;
        var minus = new Composite(shape, type, 1, [0], [new(subtract, 1, 0)], [2]);
        var both = new Composite(shape, type, 3, [], [new(subtract, 0, 1), new(less, 2, 0)], [3, 4]);
        RowStep[] steps =
        [
            new(new Reduce<Max>([1]), [0]), new(new Reduce<Max>([1], minus), [0]), new(both, [0, 1, 2]),
        ];
        return Of(new RowWise(shape, [1], 1, steps, [3, 1, 4]), new Arg(shape, type, Distinct: true));
    }

    private static Sample Of(Op op, params IReadOnlyList<Arg> args) => new(op, args) { HasGradient = false };

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType[] types = Types(inputs.ToArray());
        return [.. Results.Select(value => types[value])];
    }

    /// <summary>Returns the types of all values.</summary>
    public TensorType[] Types(IReadOnlyList<TensorType> inputs)
    {
        List<TensorType> types = [.. inputs];
        foreach (RowStep step in Steps)
        {
            types.AddRange(step.Op.Infer([.. step.Inputs.Select(value => types[value])]));
        }

        return [.. types];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs)
    {
        TensorType[] types = Types(inputs);
        long flops = 0;
        int next = Inputs;
        foreach (RowStep step in Steps)
        {
            TensorType[] operands = [.. step.Inputs.Select(value => types[value])];
            int count = step.Op.Infer(operands).Count;
            flops += step.Op.Flops(operands, types[next..(next + count)]);
            next += count;
        }

        return flops;
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] values = [.. Values(inputs).Select(value => value.Value)];
        for (int i = 0; i < Results.Length; i++)
        {
            values[Results[i]].Data.CopyTo(outputs[i].Data, 0);
        }
    }

    public override double Ulps => 1;

    /// <summary>Returns each step's errors, and what later steps turn them into.</summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] errors = [.. Values(inputs).Select(value => value.Error ?? new NdArray(value.Value.Shape))];
        return [.. Results.Select(value => errors[value])];
    }

    private List<(NdArray Value, NdArray? Error)> Values(IReadOnlyList<NdArray> inputs)
    {
        List<(NdArray Value, NdArray? Error)> values = [.. inputs.Select(input => (input, (NdArray?)null))];
        foreach (RowStep step in Steps)
        {
            NdArray[] operands = [.. step.Inputs.Select(value => values[value].Value)];
            NdArray?[] errors = [.. step.Inputs.Select(value => values[value].Error)];
            IReadOnlyList<TensorType> types =
                step.Op.Infer([.. operands.Select(operand => new TensorType(operand.DType, operand.Shape))]);
            NdArray[] results = ReferenceEvaluator.Of(step.Op, operands, types);
            values.AddRange(step.Op is IReduce reduce
                ? [(results[0], Reached(reduce.Errors(operands, errors, results[0]), types[0].DType, step.Op.Ulps))]
                : results.Zip(
                    ((Composite)step.Op).Errors(operands, errors), (value, error) => (value, (NdArray?)error)));
        }

        return values;
    }

    private static NdArray Reached(NdArray errors, DType dtype, double ulps) =>
        new(errors.Shape, [.. errors.Data.Select(error => Rounding.Reached(dtype, Math.Max(1, ulps) * error))]);

    public Phase[] Cpu(CpuStep step) => [new RowWiseLoop(this, step).Phase];

    public long CpuWorkspace(CpuStepTypes step) => step.Threads * RowWisePlan.Of(this, step).ScratchBytes;

    public bool Equals(RowWise? other) => other is not null
        && Shape == other.Shape && Axes == other.Axes && Inputs == other.Inputs
        && Steps.AsSpan().SequenceEqual(other.Steps)
        && Results.AsSpan().SequenceEqual(other.Results);

    public override int GetHashCode() => HashCode.Combine(Shape, Axes, Steps.Length, Steps[0]);
}
