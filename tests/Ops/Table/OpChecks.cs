using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// The part of the samples and of their types that is tried where each sample must be compiled. The parts together
/// cover all samples.
/// </summary>
internal enum Share
{
    /// <summary>Each sample of each draw, in both types.</summary>
    All,

    /// <summary>Each sample of each draw in one type, which alternates from draw to draw.</summary>
    OneType,

    /// <summary>Each sample in one draw, in one type.</summary>
    OneDraw,

    /// <summary>Every second sample, alternating from draw to draw, in one type.</summary>
    Even,

    /// <summary>The samples that <see cref="Even"/> omits.</summary>
    Odd,
}

/// <summary>The requirements of an op on every device, checked on its own examples.</summary>
internal static class OpChecks
{
    /// <summary>The number of times each op is asked for examples; the seeds are 0, 1, …</summary>
    public const int Draws = 3;

    /// <summary>
    /// Checks that a device agrees with the definition within the op's bound, for numbers of the usual size and, in one
    /// draw after the other, of all other sizes.
    /// </summary>
    /// <param name="op">The op.</param>
    /// <param name="device">The device.</param>
    /// <param name="share">The types in which each sample is tried.</param>
    public static void ComputesWhatItsReferenceDoes(
        Type op, Device device, Share share = Share.All) => ForEachSample(op, (sample, random, number, draw) =>
    {
        foreach (DType floatX in Types(share, number, draw))
        {
            foreach (Magnitudes magnitudes in Enum.GetValues<Magnitudes>())
            {
                if (magnitudes == Magnitudes.Usual || random.Next(2) == 0)
                {
                    Compare(floatX, magnitudes);
                }
            }
        }

        void Compare(DType floatX, Magnitudes magnitudes)
        {
            var example = OpCase.Draw(sample, floatX, random, magnitudes);
            Tolerance tolerance = example.Tolerance();
            Tensor[] actual = example.Run(device);
            for (int i = 0; i < actual.Length; i++)
            {
                int wrong = tolerance.FirstOutside(i, actual[i]);
                if (wrong >= 0)
                {
                    double value = NdArray.From(actual[i]).Data[wrong], expected = tolerance.Expected[i].Data[wrong];
                    string what = $"output {i} for {floatX} of {magnitudes} numbers, element {wrong} of {actual[i].Shape}";
                    Assert.Fail(FormattableString.Invariant($"{what}: {value:R}, not {expected:R}"));
                }
            }
        }
    });

    /// <summary>Checks that DebugMode, which compares all steps with definitions, finds no fault in the op.</summary>
    public static void RaisesNoAlarmInDebugMode(
        Type op, Device device, params Magnitudes[] all) => ForEachSample(op, (sample, random) =>
    {
        foreach (Magnitudes magnitudes in all)
        {
            var example = OpCase.Draw(
                sample, random.Next(2) == 0 ? DType.Float32 : DType.Float64, random, magnitudes);
            Variable[] inputs = [.. example.InputTypes.Select<TensorType, Variable>((type, i) =>
                type.KnownValue is { } size ? Constant(size, DType.Int32) : new Input(type, $"x{i}"))];
            using var function = Function.Compile(
                [.. inputs.OfType<Input>()], sample.Op.Apply(inputs).Outputs, device: device,
                options: new CompileOptions { Mode = Mode.DebugMode });
            function.Call([.. example.Inputs.Where((_, i) => inputs[i] is Input)]);
        }
    }, draws: 1);

    public static void RefusesMisuse(Type op, Device device) => ForEachSample(op, isMisuse: true, check: (sample, random) =>
    {
        Variable[] inputs = [.. sample.Args.Select<Arg, Variable>(arg => arg.KnownValue is { } size
            ? Constant(size, DType.Int32)
            : Variable("x", arg.DType ?? DType.Float32, arg.Shape))];

        // A fault that depends on values, such as an index, is refused only when the op runs.
        Assert.That(
            () =>
            {
                sample.Op.Apply(inputs);
                OpCase.Draw(sample, DType.Float32, random).Run(device);
            },
            Throws.TypeOf<EngineException>().With.Message.Contains(sample.Error!));
    });

    /// <summary>Checks that the first output has the same bits in every place and in every run.</summary>
    public static void ComputesTheSameBitsInPlace(
        Type op, Device device, Share share = Share.All) => ForEachSample(op, (sample, random, number, draw) =>
    {
        foreach (DType floatX in Types(share, number, draw))
        {
            var example = OpCase.Draw(sample, floatX, random);
            Tensor[] expected = example.Run(device);
            RequireSame(example.Run(device), expected, "the second time");
            for (int i = 0; i < example.Inputs.Length; i++)
            {
                if (example.MayRunInPlace(i))
                {
                    RequireSame(example.Run(device, inPlace: i), expected, $"written over input {i}");
                }
            }
        }
    });

    public static void ForEachSample(
        Type op, Action<Sample, Random> check, bool isMisuse = false, int draws = Draws) =>
        ForEachSample(op, (sample, random, _, _) => check(sample, random), isMisuse, draws);

    /// <summary>Calls an action for each sample of each draw, with the sample's number and the draw's.</summary>
    public static void ForEachSample(
        Type op, Action<Sample, Random, int, int> check, bool isMisuse = false, int draws = Draws)
    {
        for (int seed = 0; seed < draws; seed++)
        {
            IReadOnlyList<Sample> samples = OpTable.Samples(op, seed);
            for (int i = 0; i < samples.Count; i++)
            {
                if (samples[i].Error is not null != isMisuse)
                {
                    continue;
                }

                try
                {
                    // The search for the line that builds each op would take most of the time.
                    using var origin = Origin.Use(new Origin(null, 0));
                    check(samples[i], new Random(seed), i, seed);
                }
                catch (Exception error)
                {
                    string args = string.Join(" and ", samples[i].Args);
                    throw new AssertionException(
                        $"{samples[i].Op} of {args}, sample {i} of seed {seed}:\n{error.Message}", error);
                }
            }
        }
    }

    /// <summary>Returns the types in which a share tries a sample in a draw; none if another share tries it.</summary>
    private static DType[] Types(Share share, int sample, int draw)
    {
        int turn = sample + draw;
        bool isMine = share switch
        {
            Share.OneDraw => sample % Draws == draw,
            Share.Even => turn % 2 == 0,
            Share.Odd => turn % 2 == 1,
            _ => true,
        };
        return !isMine ? []
            : share == Share.All ? [DType.Float32, DType.Float64]
            : [turn / (share is Share.Even or Share.Odd ? 2 : 1) % 2 == 0 ? DType.Float32 : DType.Float64];
    }

    public static void RequireSame(Tensor[] actual, Tensor[] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Bytes.SequenceEqual(expected[i].Bytes), $"{how}: output {i} has other bits");
        }
    }
}
