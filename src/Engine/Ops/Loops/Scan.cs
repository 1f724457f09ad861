using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes a graph repeatedly, each time from other rows and from earlier results: see <see cref="ILoop"/>. The inputs
/// are those that the reads name and, if <see cref="CountInput"/> names one, the number of steps.
/// </summary>
/// <param name="Body">The graph of a step.</param>
/// <param name="StepReads">The source of each of its inputs.</param>
/// <param name="StepWrites">The destination of each of its outputs.</param>
internal sealed partial record Scan(
    FunctionGraph Body, IReadOnlyList<LoopRead> StepReads, IReadOnlyList<LoopWrite> StepWrites) : Op, ILoop
{
    /// <summary>Gets or sets the input with the number of steps; -1 if the sequences determine it.</summary>
    public int CountInput { get; init; } = -1;

    /// <inheritdoc/>
    public int Until { get; init; } = -1;

    /// <summary>Gets or sets the most steps that the gradient goes back; null for all.</summary>
    public int? Truncate { get; init; }

    public IReadOnlyList<FunctionGraph> Bodies => [Body];

    internal override bool TakesHalves => true;

    public Op With(IReadOnlyList<FunctionGraph> bodies) => this with { Body = bodies[0] };

    public int Count(IReadOnlyList<TensorType> inputs)
    {
        int[] rows = [.. StepReads
            .Where(read => read is { Source: LoopSource.Row, From: >= 0 })
            .Select(read => inputs[read.From].Shape[0] is var dimension and not Shape.Unknown
                ? dimension + Math.Min(read.Lag, 0)
                : Shape.Unknown)];
        int min = rows.Contains(Shape.Unknown) || rows.Length == 0 ? Shape.Unknown : rows.Min();
        int count = CountInput < 0 ? min : inputs[CountInput].Size ?? Shape.Unknown;
        if (CountInput >= 0 && inputs[CountInput].Size < 0)
        {
            throw new EngineException($"it cannot make {count} steps");
        }

        if (min != Shape.Unknown && min < Math.Max(count, 0))
        {
            throw new EngineException(
                $"a sequence has rows for {Math.Max(min, 0)} steps, fewer than the {count} it is to make");
        }

        return count;
    }

    public TensorType[] BodyTypes(int body, IReadOnlyList<TensorType> inputs)
    {
        var types = new TensorType[StepReads.Count];
        for (int i = 0; i < types.Length; i++)
        {
            TensorType declared = Body.Inputs[i].Type;
            types[i] = StepReads[i] switch
            {
                { Source: LoopSource.Whole, From: var from } => Joined(declared, inputs[from]),
                { Source: LoopSource.Carried, Before: var before } =>
                    Joined(declared, inputs[before] with { KnownValue = null }),
                { Source: LoopSource.Row, From: >= 0 and var from } => Joined(declared, RowOf(inputs[from])),
                { Before: var before } => Joined(declared, RowOf(inputs[before])),
            };
        }

        return types;
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType[] all = inputs.ToArray();
        int rows = Count(all);
        TensorType[] types = BodyTypes(0, all);
        TensorType[] results = [.. Body.Specialize(types).Outputs.Select(output => output.Type)];
        for (int i = 0; i < types.Length; i++)
        {
            LoopRead read = StepReads[i];
            if (read.Source is not (LoopSource.State or LoopSource.Carried))
            {
                continue;
            }

            if (results[read.From].DType != types[i].DType || !results[read.From].Shape.Admits(types[i].Shape)
                || !types[i].Shape.Admits(results[read.From].Shape))
            {
                throw new EngineException(
                    $"what is carried from step to step is {types[i]} at first and {results[read.From]} behind a step: "
                    + "the step's result must be of the type it began with");
            }

            if (read.Source == LoopSource.State && all[read.Before].Shape[0] is var before && before != Shape.Unknown
                && before < read.Lag)
            {
                throw new EngineException(
                    $"a step reads the row {read.Lag} before its own, and before the first one there are {before}");
            }

            results[read.From] = Joined(results[read.From], types[i]);
        }

        return [.. results.Zip(StepWrites, (type, write) => new TensorType(type.DType, !write.HasRows
            ? type.Shape
            : [write.Like < 0 ? rows : all[write.Like].Shape[0], .. type.Shape.Dimensions]))];
    }

    public override bool Reads(int input)
    {
        if (input == CountInput)
        {
            return true;
        }

        HashSet<Variable>? used = null;
        for (int i = 0; i < StepReads.Count; i++)
        {
            LoopRead read = StepReads[i];
            bool isNamed = read.Before == input
                || (read.From == input && read.Source is LoopSource.Whole or LoopSource.Row);
            if (isNamed && (read.Source == LoopSource.Carried
                || (used ??= [.. Used(Body)]).Contains(Body.Inputs[i])))
            {
                return true;
            }
        }

        return false;
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Math.Max(1, Count(inputs)) * Traversal.Order(Body.Specialize(BodyTypes(0, inputs)).Outputs)
            .Sum(node => node.Op.Flops(
                [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(output => output.Type)]));

    public override double Ulps => 64;

    /// <summary>Returns, for all results, the largest magnitude that occurs in any step.</summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double max = 0;
        NdArray[] magnitudes = [.. outputs.Select(output => new NdArray(output.Shape))];
        Run(inputs, magnitudes, met =>
        {
            foreach (double value in met.SelectMany(array => array.Data))
            {
                max = Math.Abs(value) <= max ? max
                    : double.IsNaN(value) ? double.PositiveInfinity
                    : Math.Abs(value);
            }
        });
        foreach (NdArray magnitude in magnitudes)
        {
            Array.Fill(magnitude.Data, max);
        }

        return magnitudes;
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Run(inputs, outputs, null);

    /// <summary>Returns the variables whose values, not only shapes, a body reads.</summary>
    internal static IEnumerable<Variable> Used(FunctionGraph body) => body.Outputs.Concat(
        Traversal.Order(body.Outputs, static (node, input) => node.Op.Reads(input))
            .SelectMany(node => node.Inputs.Where((_, input) => node.Op.Reads(input))));

    private static TensorType RowOf(TensorType type) => type.Rank > 0
        ? new TensorType(type.DType, Shape.Create(type.Shape.Dimensions[1..]))
        : throw new EngineException("a sequence, and what was there before the first step, must have rows");

    /// <summary>Returns a type that combines what two types say about the same value.</summary>
    private static TensorType Joined(TensorType declared, TensorType given) =>
        declared.DType == given.DType && declared.Shape.Admits(given.Shape)
        ? new TensorType(
            given.DType, [.. declared.Shape.Zip(given.Shape, Math.Max)], given.KnownValue ?? declared.KnownValue)
        : throw new EngineException($"a step takes {declared}, not {given}");

    private void Run(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs, Action<NdArray[]>? meet)
    {
        TensorType[] types = [.. inputs.Select((input, i) => new TensorType(
            input.DType, input.Shape, i == CountInput ? (int)input.Data[0] : null))];
        int count = Count(types);
        FunctionGraph body = Body.Specialize(BodyTypes(0, types));
        Variable[] wanted = meet is null
            ? [.. body.Outputs]
            : [.. body.Outputs, .. Traversal.Order(body.Outputs, static (node, input) => node.Op.Reads(input))
                .SelectMany(node => node.Outputs).Where(output => output.DType.IsFloat())];
        for (int i = 0; i < outputs.Count; i++)
        {
            Array.Clear(outputs[i].Data);
        }

        foreach (LoopRead read in StepReads.Where(read => read.Source == LoopSource.Carried))
        {
            inputs[read.Before].Data.CopyTo(outputs[read.From].Data, 0);
        }

        for (int step = 0; step < count; step++)
        {
            var values = new Dictionary<Input, NdArray>();
            for (int i = 0; i < StepReads.Count; i++)
            {
                values[body.Inputs[i]] = Value(StepReads[i], body.Inputs[i], step);
            }

            NdArray[] results = ReferenceEvaluator.Evaluate(wanted, values);
            meet?.Invoke([.. results, .. values.Values.Where(value => value.DType.IsFloat())]);
            for (int i = 0; i < StepWrites.Count; i++)
            {
                LoopWrite write = StepWrites[i];
                if (write.Row(step, count, write.HasRows ? outputs[i].Shape[0] : 0) is >= 0 and var row)
                {
                    results[i].Data.CopyTo(outputs[i].Data, row * results[i].Data.Length);
                }
            }
        }

        NdArray Value(LoopRead read, Input input, int step)
        {
            if (read.Source is LoopSource.Whole)
            {
                return inputs[read.From];
            }

            int row = read.Row(step, count);
            NdArray? rows = read.Source switch
            {
                LoopSource.Carried => outputs[read.From],
                LoopSource.State when row >= 0 => outputs[read.From],
                _ when row < 0 => read.Before < 0 ? null : inputs[read.Before],
                _ => read.From < 0 ? null : inputs[read.From],
            };
            row = read.Source is LoopSource.Carried ? 0 : row < 0 && rows is not null ? rows.Shape[0] + row : row;
            int length = (int)input.Shape.Count;
            return rows is null ? new NdArray(input.Shape, input.DType)
                : rows.Data.Length == 0 ? new NdArray(input.Shape, [], input.DType)
                : new NdArray(input.Shape, rows.Data.AsSpan(row * length, length).ToArray(), input.DType);
        }
    }
}
