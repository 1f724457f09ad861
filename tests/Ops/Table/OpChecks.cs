using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>
/// Specifies which samples and types are tested where each needs compiler time: samples are divided, and none is left
/// out.
/// </summary>
internal enum Share
{
    /// <summary>Each sample of each draw, in both types.</summary>
    All,

    /// <summary>Each sample of each draw in one type; the types alternate between draws.</summary>
    OneType,

    /// <summary>Every second sample, alternating between draws, in one type: of two draws, each sample once.</summary>
    Even,

    /// <summary>The samples that <see cref="Even"/> leaves out, each in the other type.</summary>
    Odd,
}

/// <summary>The checks that every op must pass on every device, with its own examples.</summary>
internal static class OpChecks
{
    /// <summary>How many times each op is asked for examples; the seeds are 0, 1, …</summary>
    public const int Draws = 3;

    private static readonly Magnitudes[] s_others = [.. Enum.GetValues<Magnitudes>().Except([Magnitudes.Usual])];

    /// <summary>
    /// A device computes the result of the reference, within the op's own bound: for numbers of the usual magnitudes
    /// and of half of the others; where samples are divided, of one other.
    /// </summary>
    /// <param name="op">The op.</param>
    /// <param name="device">The device.</param>
    /// <param name="share">The types in which each sample is tested.</param>
    /// <param name="draws">The number of draws.</param>
    public static void ComputesWhatItsReferenceDoes(
        Type op, Device device, Share share = Share.All, int draws = Draws) =>
        ForEachSample(op, device: device, draws: draws, check: (sample, random, number, draw) =>
        {
            foreach (DType floatX in Types(share, number, draw))
            {
                Compare(floatX, Magnitudes.Usual);
                foreach (Magnitudes magnitudes in s_others)
                {
                    if (share is Share.Even or Share.Odd
                        ? magnitudes == s_others[(number + (int)share) % s_others.Length]
                        : random.Next(2) == 0)
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
                        double value = NdArray.From(actual[i]).Data[wrong],
                            expected = tolerance.Expected[i].Data[wrong];
                        string what =
                            $"output {i} for {floatX} of {magnitudes} numbers, element {wrong} of {actual[i].Shape}";
                        Assert.Fail(FormattableString.Invariant($"{what}: {value:R}, not {expected:R}"));
                    }
                }
            }
        });

    /// <summary>DebugMode, which compares all steps with references, reports no error for the op.</summary>
    public static void RaisesNoAlarmInDebugMode(
        Type op, Device device, Share share, int draws, params Magnitudes[] all) =>
        ForEachSample(op, device: device, draws: draws, check: (sample, random, number, draw) =>
        {
            foreach ((DType floatX, Magnitudes magnitudes) in Types(share, number, draw)
                .SelectMany(type => all.Select(each => (type, each))))
            {
                var example = OpCase.Draw(sample, floatX, random, magnitudes);
                Variable[] inputs = [.. example.InputTypes.Select<TensorType, Variable>((type, i) =>
                    type.KnownValue is { } size ? Constant(size, DType.Int32) : new Input(type, $"x{i}"))];
                using var function = Function.Compile(
                    [.. inputs.OfType<Input>()], sample.Op.Apply(inputs).Outputs, device: device,
                    options: new CompileOptions { Mode = Mode.DebugMode });
                function.Call([.. example.Inputs.Where((_, i) => inputs[i] is Input)]);
            }
        });

    public static void RefusesMisuse(Type op, Device device) =>
        ForEachSample(op, isMisuse: true, check: (sample, random) =>
        {
            Variable[] inputs = [.. sample.Args.Select<Arg, Variable>(arg => arg.KnownValue is { } size
                ? Constant(size, DType.Int32)
                : Variable("x", arg.DType ?? DType.Float32, arg.Shape))];

            // An error that depends on values, for example an index, is found only when the op runs.
            Assert.That(
                () =>
                {
                    sample.Op.Apply(inputs);
                    OpCase.Draw(sample, DType.Float32, random).Run(device);
                },
                Throws.TypeOf<EngineException>().With.Message.Contains(sample.Error!));
        });

    /// <summary>The first output has the same bits when it is computed again or written over an input.</summary>
    public static void ComputesTheSameBitsInPlace(
        Type op, Device device, Share share = Share.All, int draws = Draws) =>
        ForEachSample(op, device: device, draws: draws, check: (sample, random, number, draw) =>
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

    /// <summary>
    /// Calls an action with each sample of each draw that the device computes (without one, those that each does), its
    /// number in the draw and the draw's number.
    /// </summary>
    public static void ForEachSample(
        Type op, Action<Sample, Random, int, int> check, bool isMisuse = false, int draws = Draws,
        Device? device = null)
    {
        for (int seed = 0; seed < draws; seed++)
        {
            IReadOnlyList<Sample> samples = OpTable.Samples(op, seed);
            for (int i = 0; i < samples.Count; i++)
            {
                if (samples[i].Error is not null != isMisuse
                    || (samples[i].NeedsTensorCores && device is not CudaDevice { HasHalfProducts: true }))
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

    /// <summary>
    /// Returns the types in which a share tests a sample in a draw; none if the sample belongs to another share.
    /// </summary>
    private static DType[] Types(Share share, int sample, int draw)
    {
        int turn = sample + draw;
        (bool isMine, int type) = share switch
        {
            Share.Even => (turn % 2 == 0, sample / 2),
            Share.Odd => (turn % 2 == 1, (sample / 2) + 1),
            _ => (true, turn),
        };
        return !isMine ? []
            : share == Share.All ? [DType.Float32, DType.Float64]
            : [type % 2 == 0 ? DType.Float32 : DType.Float64];
    }

    public static void RequireSame(Tensor[] actual, Tensor[] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Bytes.SequenceEqual(expected[i].Bytes), $"{how}: output {i} has other bits");
        }
    }
}
