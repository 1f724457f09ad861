using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Tests.Ops;

/// <summary>A <see cref="Sample"/> with values for its inputs, and ways of computing its outputs.</summary>
internal sealed class OpCase
{
    /// <summary>The bytes around a buffer that must not be written.</summary>
    private const int Guard = 64;

    private OpCase(Sample sample, Tensor[] inputs)
    {
        Op = sample.Op;
        Inputs = inputs;
        InputTypes = [.. inputs.Zip(sample.Args, (input, arg) =>
            new TensorType(input.DType, input.Shape, arg.KnownValue))];
    }

    public Op Op { get; }

    public Tensor[] Inputs { get; }

    public TensorType[] InputTypes { get; }

    public IReadOnlyList<TensorType> OutputTypes => field ??= Op.Infer(InputTypes);

    /// <summary>
    /// Draws values for the inputs of a sample; <paramref name="floatX"/> is the dtype if the sample leaves it open.
    /// </summary>
    public static OpCase Draw(Sample sample, DType floatX, Random random, Magnitudes magnitudes = Magnitudes.Usual)
    {
        var draw = new MagnitudeDraw(magnitudes, random);
        return new(sample, [.. sample.Args.Select(arg => Draw(arg, arg.DType ?? floatX, random, draw))]);
    }

    /// <summary>Returns the outputs by the op's reference. Elements that it does not write are NaN.</summary>
    public NdArray[] Reference(NdArray[]? inputs = null) =>
        ReferenceEvaluator.Of(Op, inputs ?? [.. Inputs.Select(NdArray.From)], OutputTypes);

    /// <summary>Returns the same, with the allowed errors of results.</summary>
    public Tolerance Tolerance()
    {
        NdArray[] inputs = [.. Inputs.Select(NdArray.From)];
        return new Tolerance(Op, inputs, Reference(inputs), OutputTypes);
    }

    /// <summary>Whether the first output may overwrite this input.</summary>
    public bool MayRunInPlace(int input) =>
        Op.Reads(input) && Op.MayOverwrite(input)
        && InputTypes[input].Shape.Count == OutputTypes[0].Shape.Count
        && InputTypes[input].DType.Size() == OutputTypes[0].DType.Size();

    /// <summary>
    /// Returns the outputs that a device computes; with <paramref name="inPlace"/>, the first overwrites that input.
    /// </summary>
    public Tensor[] Run(Device device, int inPlace = -1) => Run(device, inPlace, operands =>
    {
        var constants = new Dictionary<Constant, Storage>();
        using IProgram program = device.Link([[Lowering(device).Bind(operands, Place)]]);
        program.Run(1);
        foreach (Storage storage in constants.Values)
        {
            storage.Dispose();
        }

        Storage Place(Constant constant)
        {
            if (!constants.TryGetValue(constant, out Storage? storage))
            {
                storage = device.Allocate(constant.Type.Bytes);
                constant.Value.CopyTo(storage);
                constants.Add(constant, storage);
            }

            return storage;
        }
    });

    /// <summary>
    /// Returns the outputs as a team of threads might compute them: every phase cut into pieces, in any order, each on
    /// any thread.
    /// </summary>
    public Tensor[] RunInPieces(CpuDevice device, Random random) =>
        Op is not ICpuOp ? Run(device) : Run(device, -1, operands =>
        {
            foreach (Phase phase in ((ICpuOp)Op).Cpu(new CpuStep(operands, device.Threads)))
            {
                int[] cuts =
                    [0, .. Enumerable.Range(0, 7).Select(_ => random.Next(phase.Count + 1)).Order(), phase.Count];
                (int Start, int End)[] pieces = [.. cuts.Zip(cuts.Skip(1)).Where(piece => piece.First < piece.Second)];
                random.Shuffle(pieces);
                foreach ((int start, int end) in pieces)
                {
                    phase.Body(start, end, random.Next(device.Threads));
                }
            }
        });

    private Tensor[] Run(Device device, int inPlace, Action<StepOperands> run)
    {
        if (Op is IStandIn or IChoice)
        {
            Input[] given = [.. InputTypes.Select((type, i) => new Input(type, $"x{i}"))];
            using var function = Function.Compile(given, Op.Apply(given).Outputs, device: device);
            return function.Call(Inputs);
        }

        if (Op.IsView(InputTypes))
        {
            return [Inputs[0].Reshape(OutputTypes[0].Shape.Dimensions)];
        }

        OperandType[] outputTypes = [.. OutputTypes.Select(type => new OperandType(type.DType, type.Shape))];
        OperandType[] inputTypes = [.. Inputs.Select(input => new OperandType(input.DType, input.Shape))];
        Operand[] inputs = [.. inputTypes.Select(type => Poisoned(device, type))];
        Operand[] outputs = [.. outputTypes.Select((type, i) => i == 0 && inPlace >= 0
            ? inputs[inPlace] with { Type = type }
            : Poisoned(device, type))];
        for (int i = 0; i < inputs.Length; i++)
        {
            if (Op.Reads(i))
            {
                inputs[i].Storage.Write(Inputs[i].Bytes, Guard);
            }
        }

        long bytes = Lowering(device).Workspace;
        Operand? workspace = bytes > 0 ? Poisoned(device, new OperandType(DType.UInt8, [checked((int)bytes)])) : null;
        byte[][] before = [.. inputs.Select(Bytes)];

        run(new StepOperands(inputs, outputs, workspace?.Range));

        for (int i = 0; i < inputs.Length; i++)
        {
            Assert.That(i == inPlace || Bytes(inputs[i]).AsSpan().SequenceEqual(before[i]), $"wrote to input {i}");
        }

        var results = new Tensor[outputs.Length];
        for (int i = 0; i < outputs.Length; i++)
        {
            RequireIntactGuards(outputs[i], $"output {i}");
            results[i] = new Tensor(outputTypes[i].DType, outputTypes[i].Shape);
            outputs[i].Storage.Read(results[i].Bytes, Guard);
        }

        if (workspace is not null)
        {
            RequireIntactGuards(workspace, "its workspace");
        }

        foreach (Operand operand in inputs.Concat(outputs))
        {
            operand.Storage.Dispose();
        }

        workspace?.Storage.Dispose();
        return results;
    }

    private Lowering Lowering(Device device) => Engine.Compile.Lowering.Of(Op, InputTypes, OutputTypes, device);

    private static Operand Poisoned(Device device, OperandType type)
    {
        var poison = new byte[(type.Shape.Count * type.DType.Size()) + (2 * Guard)];
        Array.Fill(poison, (byte)0xFF);
        Storage storage = device.Allocate(poison.Length);
        storage.Write(poison);
        return new Operand(storage, Guard, type);
    }

    private static byte[] Bytes(Operand operand)
    {
        var bytes = new byte[operand.Storage.Bytes];
        operand.Storage.Read(bytes);
        return bytes;
    }

    private static void RequireIntactGuards(Operand operand, string what)
    {
        ReadOnlySpan<byte> bytes = Bytes(operand);
        Assert.That(bytes[..Guard].ContainsAnyExcept((byte)0xFF), Is.False, $"wrote before {what}");
        Assert.That(bytes[^Guard..].ContainsAnyExcept((byte)0xFF), Is.False, $"wrote beyond {what}");
    }

    private static Tensor Draw(Arg arg, DType dtype, Random random, MagnitudeDraw draw)
    {
        if (arg is { Whole: false, Values: null } && dtype.IsFloat() && draw.Of(dtype, arg.Shape) is { } drawn)
        {
            return drawn;
        }

        var values = new double[arg.Shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            // Each distinct value lies in a cell of its own, in the middle half of it.
            values[i] = dtype == DType.Int64 ? random.NextInt64((long)arg.Low, (long)arg.High)
                : arg.Whole || !dtype.IsFloat() ? random.Next((int)arg.Low, (int)arg.High)
                : arg.Low + ((arg.High - arg.Low)
                    * (arg.Distinct ? (i + 0.25 + (random.NextDouble() / 2)) / values.Length : random.NextDouble()));
        }

        if (arg.Distinct)
        {
            random.Shuffle(values);
        }

        if (arg.Values is { } given)
        {
            values = [.. given];
        }

        return Tensor.From(values).Reshape(arg.Shape.Dimensions).Cast(dtype);
    }
}
