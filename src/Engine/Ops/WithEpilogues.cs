using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents an op whose outputs go through element-wise functions before they are stored: a product with bias and
/// rectifier, or a weight's gradient with its update.
/// </summary>
/// <param name="Anchor">The op.</param>
/// <param name="AnchorInputs">The number of its inputs; the inputs of the epilogues follow.</param>
/// <param name="Results">The types of its outputs for the shapes at hand.</param>
/// <param name="Epilogues">
/// For each of its outputs, the function that reads it as input 0, and further inputs; null if the output is stored
/// unchanged.
/// </param>
internal sealed record WithEpilogues(Op Anchor, int AnchorInputs, TensorType[] Results, Composite?[] Epilogues)
    : Op, ICpuOp, ICudaOp, ISampled
{
    /// <summary>
    /// Gets or sets whether the anchor stores each piece of its result in an output, whose memory must not be an
    /// input's, and the epilogue changes it there. Only for an <see cref="ICpuEpilogueOp"/>.
    /// </summary>
    public bool IsInPlace { get; init; }

    public override string Name =>
        $"{Anchor.Name} + {string.Join(", ", Epilogues.Select(epilogue => epilogue?.Name ?? "nothing"))}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        ElementRow add = new Binary<Add>().Row, multiply = new Binary<Multiply>().Row;
        ElementRow rectify = new Unary<Rectify>().Row, less = new Compare<Less>().Row;
        int m = Arg.Dimension(random), n = Arg.Dimension(random), k = Arg.Dimension(random);
        foreach (DType type in (DType[])[DType.Float32, DType.Float64])
        {
            // Bias and rectifier; 2x + y and a mask of it; the sums of columns, and of few long rows, updating.
            Composite dense = new([m, n], type, 2, [], [new(add, 0, 1), new(rectify, 2)], [3]);
            yield return Of(new Dot(false, true), [dense], Any([m, k]), Any([n, k]), Any([n]));
            Composite both =
                new([m, n], type, 2, [2], [new(multiply, 0, 2), new(add, 3, 1), new(less, 4, 0)], [5, 0, 4]);
            yield return Of(new Dot(true, false), [both], Any([k, m]), Any([k, n]), Any([m, n]));
            Composite update = new([n], type, 2, [0.5], [new(multiply, 0, 2), new(add, 3, 1)], [4]);
            yield return Of(new SumTo(), [update], Any([m, n]), Any([n]), Any([n]));
            yield return Of(new SumTo(), [update with { Shape = [2, 1] }], Any([2, 20000]), Any([2, 1]), Any([2, 1]));
            yield return Of(new Reduce<Sum>([0]), [update with { Shape = [1] }], Any([9000]), Any([1]));
            Arg Any(Shape shape) => new(shape, type);
            foreach (Sample sample in Convolutions(type, random, add, multiply, rectify))
            {
                yield return sample;
            }
        }
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        var outputs = new List<TensorType>();
        for (int i = 0; i < Results.Length; i++)
        {
            outputs.AddRange(Epilogues[i]?.Infer([]) ?? [Results[i]]);
        }

        return outputs;
    }

    public override bool Reads(int input) => input >= AnchorInputs || Anchor.Reads(input);

    /// <summary>
    /// Returns whether the input belongs to an epilogue: there, a thread reads each element where it writes.
    /// </summary>
    public override bool MayOverwrite(int input) => input >= AnchorInputs && !IsInPlace;

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Anchor.Flops([.. inputs.Take(AnchorInputs)], Results)
        + Epilogues.OfType<Composite>().Sum(epilogue => epilogue.Terms.Length * epilogue.Shape.Count);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] results = ReferenceEvaluator.Of(Anchor, [.. inputs.Take(AnchorInputs)], Results);
        foreach (Part<NdArray> part in Parts(inputs, outputs))
        {
            NdArray result = results[part.Number];
            if (part.Epilogue is { } epilogue)
            {
                epilogue.Reference([Under(epilogue.Shape, result), .. part.Inputs], part.Outputs);
            }
            else
            {
                result.Data.CopyTo(part.Outputs[0].Data, 0);
            }
        }
    }

    public override double Ulps => 1;

    /// <summary>Returns the anchor's errors after the epilogues.</summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] own = [.. inputs.Take(AnchorInputs)];
        NdArray[] results = ReferenceEvaluator.Of(Anchor, own, Results);
        NdArray[] errors = [.. Anchor.Magnitudes(own, results)
            .Select((x, i) => new NdArray(x.Shape, [.. x.Data.Select(value =>
                Rounding.Reached(Results[i].DType, Math.Max(1, Anchor.Ulps) * Math.Abs(value)))]))];
        var magnitudes = new NdArray[outputs.Count];
        foreach (Part<int> part in Parts(
            [.. Enumerable.Range(0, inputs.Count)], [.. Enumerable.Range(0, outputs.Count)]))
        {
            NdArray[] ofPart = part.Epilogue is not { } epilogue
                ? [errors[part.Number]]
                : epilogue.Errors(
                    [Under(epilogue.Shape, results[part.Number]), .. part.Inputs.Select(i => inputs[i])],
                    [Under(epilogue.Shape, errors[part.Number])]);
            for (int i = 0; i < ofPart.Length; i++)
            {
                magnitudes[part.Outputs[i]] = ofPart[i];
            }
        }

        return magnitudes;
    }

    private static NdArray Under(Shape shape, NdArray values) => new(shape, values.Data, values.DType);

    /// <summary>
    /// Returns the phases: those of the anchor, which calls the epilogue, or the anchor writes to scratch memory, and
    /// the epilogues read from there.
    /// </summary>
    public Phase[] Cpu(CpuStep step)
    {
        StepOperands operands = step.Operands;
        if (IsInPlace)
        {
            Composite epilogue = Epilogues[0]!;
            Operand stored = operands.Outputs.First(output => output.Type.DType == Results[0].DType);
            Operand result = stored with { Type = new OperandType(epilogue.DType, epilogue.Shape) };
            CompositeLoop loop = CompositeLoop.OfStep(epilogue, new CpuStep(
                operands with { Inputs = [result, .. operands.Inputs.Skip(AnchorInputs)], Workspace = null },
                step.Threads));
            StepOperands ofAnchor = operands with
            {
                Inputs = [.. operands.Inputs.Take(AnchorInputs)],
                Outputs = [stored with { Type = Types[0] }],
            };
            return ((ICpuEpilogueOp)Anchor).Cpu(new CpuStep(ofAnchor, step.Threads), loop.Compute);
        }

        Part<Operand>[] parts = [.. Parts(operands.Inputs, operands.Outputs)];
        var results = new Operand[parts.Length];
        long offset = 0;
        foreach (Part<Operand> part in parts)
        {
            results[part.Number] = part.Epilogue is null
                ? part.Outputs[0]
                : Scratch(Types[part.Number]);
        }

        MemoryRange? workspace = operands.Workspace is { } all && all.Bytes > offset
            ? new MemoryRange(all.Storage, all.Offset + offset, all.Bytes - offset)
            : null;
        var own = operands with
        {
            Inputs = [.. operands.Inputs.Take(AnchorInputs)],
            Outputs = results,
            Workspace = workspace,
        };
        return
        [
            .. ((ICpuOp)Anchor).Cpu(new CpuStep(own, step.Threads)),
            .. parts.Where(part => part.Epilogue is not null).SelectMany(part => part.Epilogue!.Cpu(new CpuStep(
                new StepOperands([Whole(part), .. part.Inputs], part.Outputs, null), step.Threads))),
        ];

        Operand Whole(Part<Operand> part) => results[part.Number] with
        {
            Type = new OperandType(part.Epilogue!.DType, part.Epilogue.Shape),
        };

        Operand Scratch(OperandType type)
        {
            MemoryRange all = operands.Workspace!;
            var operand = new Operand(all.Storage, all.Offset + offset, type);
            offset += Aligned(type);
            return operand;
        }
    }

    public long CpuWorkspace(CpuStepTypes step)
    {
        CpuStepTypes own = step with
        {
            Inputs = [.. step.Inputs.Take(AnchorInputs)],
            Outputs = Types,
        };
        long results = IsInPlace ? 0 : Types.Where((_, i) => Epilogues[i] is not null).Sum(Aligned);
        return results + ((ICpuOp)Anchor).CpuWorkspace(own);
    }

    public string? CpuPath(CpuStepTypes step) => ((ICpuOp)Anchor).CpuPath(
        step with { Inputs = [.. step.Inputs.Take(AnchorInputs)], Outputs = Types });

    public bool TakesRows(int input) => input >= AnchorInputs || ((ICudaOp)Anchor).TakesRows(input);

    public CudaLaunch[] Cuda(CudaStep step)
    {
        Part<int>[] parts =
            [.. Parts([.. Enumerable.Range(0, step.InputCount)], [.. Enumerable.Range(0, step.OutputCount)])];
        CudaComposite?[] epilogues = [.. parts.Select(part => part.Epilogue is null
            ? null
            : CudaComposite.Of(part.Epilogue, step, [.. part.Inputs], [.. part.Outputs], $"p{part.Number}"))];
        int[] stored = [.. parts.Select(part => part.Outputs[Math.Max(epilogues[part.Number]?.Stored ?? 0, 0)])];
        return ((ICudaEpilogueOp)Anchor).Cuda(
            step.Part([.. Enumerable.Range(0, AnchorInputs)], stored, Types), epilogues);
    }

    public long CudaWorkspace(CudaStepTypes step) => ((ICudaOp)Anchor).CudaWorkspace(
        step with { Inputs = [.. step.Inputs.Take(AnchorInputs)], Outputs = Types });

    public bool Equals(WithEpilogues? other) => other is not null
        && Anchor.Equals(other.Anchor)
        && AnchorInputs == other.AnchorInputs
        && IsInPlace == other.IsInPlace
        && Results.AsSpan().SequenceEqual(other.Results)
        && Epilogues.AsSpan().SequenceEqual(other.Epilogues);

    public override int GetHashCode() => HashCode.Combine(Anchor, Epilogues[0]);

    private static IEnumerable<Sample> Convolutions(
        DType type, Random random, ElementRow add, ElementRow multiply, ElementRow rectify)
    {
        var plain = new Conv2D((1, 1), (0, 0), true);
        Arg x = new([2, 3, 7, 6], type), w = new([5, 3, 2, 3], type), y = new([2, 5, 6, 4], type);
        Arg pooled = new([2, 5, 3, 2], type), bias = new([5], type);
        var argmax = new Arg(
            pooled.Shape, DType.Int32,
            Values: MaxPool2DGradient.RandomArgmax(Conv2DMaxPool.Window, y.Shape, pooled.Shape, random));
        Composite Of(Shape shape, params Term[] terms) =>
            new(shape, type, 2, [], terms, [terms.Length + 1]);
        Composite filters = Of(w.Shape, new(add, 0, 1), new(multiply, 2, 2)),
            sums = Of(bias.Shape, new Term(add, 0, 1));
        Composite images = Of(x.Shape, new(multiply, 0, 1), new(rectify, 2));
        yield return WithEpilogues.Of(
            plain, [Of(y.Shape, new(add, 0, 1), new(rectify, 2))], x, w, bias, new Arg([5, 1, 1], type));
        yield return WithEpilogues.Of(new Conv2DInputGradient(plain), [images], w, y, x, x);
        // Several bands or blocks of an image, and an epilogue that also stores what it reads.
        Arg large = new([2, 3, 20, 18], type), square = new([5, 3, 3, 3], type), result = new([2, 5, 18, 16], type);
        var both = new Composite(result.Shape, type, 2, [], [new(multiply, 0, 1), new(rectify, 2)], [3, 0]);
        foreach (ConvolutionPath path in (ConvolutionPath[])[ConvolutionPath.Columns, ConvolutionPath.Winograd2])
        {
            Conv2D conv = plain with { Path = path };
            yield return WithEpilogues.Of(conv, [both], large, square, result);
            Composite scaled = Of(large.Shape, new(multiply, 0, 1), new(rectify, 2));
            yield return WithEpilogues.Of(
                new Conv2DInputGradient(conv), [scaled], square, result, large, new Arg([3, 1, 1], type));
        }

        yield return WithEpilogues.Of(new Conv2DWeightsGradient(plain, true), [filters, sums], x, y, w, w, bias);
        yield return WithEpilogues.Of(new Conv2DWeightsGradient(plain, true), [null, sums], x, y, w, bias);
        Arg whole = new(x.Shape, type, -4, 5, Whole: true), filter = new(w.Shape, type, -4, 5, Whole: true);
        yield return WithEpilogues.Of(
            new Conv2DMaxPool(plain),
            [Of(pooled.Shape, new(add, 0, 1), new(rectify, 2)), null],
            whole, filter, new Arg(bias.Shape, type, -4, 5, Whole: true), pooled);
        yield return WithEpilogues.Of(
            new Conv2DMaxPoolGradients(plain, WithFilters: true, WithBias: true, WithImages: false),
            [filters, sums], x, w, pooled, argmax, w, bias);
        yield return WithEpilogues.Of(
            new Conv2DMaxPoolGradients(plain, WithFilters: false, WithBias: false, WithImages: true),
            [images], x, w, pooled, argmax, x);
    }

    private static Sample Of(Op anchor, Composite?[] epilogues, params Arg[] args)
    {
        int further = epilogues.Sum(epilogue => epilogue?.Inputs - 1 ?? 0);
        int own = args.Length - further;
        TensorType[] results =
            [.. anchor.Infer([.. args.Take(own).Select(arg => new TensorType(arg.DType!.Value, arg.Shape))])];
        return new Sample(
            new WithEpilogues(anchor, own, results, epilogues) { IsInPlace = anchor is ICpuEpilogueOp }, args)
        {
            HasGradient = false,
        };
    }

    private OperandType[] Types => [.. Results.Select(type => new OperandType(type.DType, type.Shape))];

    /// <summary>
    /// Returns, for each of the anchor's outputs, its epilogue with the inputs and outputs that belong to it.
    /// </summary>
    private IEnumerable<Part<T>> Parts<T>(IReadOnlyList<T> inputs, IReadOnlyList<T> outputs)
    {
        int input = AnchorInputs, output = 0;
        for (int i = 0; i < Epilogues.Length; i++)
        {
            int reads = Epilogues[i]?.Inputs - 1 ?? 0, writes = Epilogues[i]?.Outputs.Length ?? 1;
            yield return new Part<T>(
                i, Epilogues[i],
                [.. inputs.Skip(input).Take(reads)], [.. outputs.Skip(output).Take(writes)]);
            input += reads;
            output += writes;
        }
    }

    private static long Aligned(OperandType type)
    {
        const long Alignment = 64;
        return ((type.Shape.Count * type.DType.Size()) + Alignment - 1) / Alignment * Alignment;
    }

    private readonly record struct Part<T>(int Number, Composite? Epilogue, T[] Inputs, T[] Outputs);
}
