using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>What an op must do on every device, tried on the examples that it gives.</summary>
internal static class OpChecks
{
    /// <summary>How often each op is asked for examples; the seeds are 0, 1, …</summary>
    public const int Draws = 3;

    public static void ComputesWhatItsReferenceDoes(Type op, Device device) => ForEachSample(op, (sample, random) =>
    {
        Compare(DType.Float32);
        Compare(DType.Float64);

        void Compare(DType floatX)
        {
            var example = OpCase.Draw(sample, floatX, random);
            NdArray[] expected = example.Reference();
            Tensor[] actual = example.Run(device);
            double terms = Elements(example.Inputs.Select(input => input.Shape))
                / Math.Max(1.0, Elements(example.OutputTypes.Select(type => type.Shape)));
            for (int i = 0; i < actual.Length; i++)
            {
                var tolerance = Tolerance.Of(actual[i].DType, expected[i], terms, sample.Tolerance);
                var values = NdArray.From(actual[i]);
                int wrong = tolerance.FirstOutside(values, expected[i]);
                if (wrong >= 0)
                {
                    Assert.Fail(FormattableString.Invariant(
                        $"output {i} for {floatX}, element {wrong} of {expected[i].Shape}: ")
                        + FormattableString.Invariant($"{values.Data[wrong]:R}, not {expected[i].Data[wrong]:R}"));
                }
            }
        }
    });

    public static void RefusesMisuse(Type op, Device device) => ForEachSample(op, isMisuse: true, check: (sample, random) =>
    {
        Variable[] inputs = [.. sample.Args.Select<Arg, Variable>(arg => arg.KnownValue is { } size
            ? Constant(size, DType.Int32)
            : Variable("x", arg.DType ?? DType.Float32, arg.Shape))];

        // What depends on values, an index say, is refused only when it is computed.
        Assert.That(
            () =>
            {
                sample.Op.Apply(inputs);
                OpCase.Draw(sample, DType.Float32, random).Run(device);
            },
            Throws.TypeOf<EngineException>().With.Message.Contains(sample.Error!));
    });

    /// <summary>The first output has the same bits wherever it lies, and however often it is computed.</summary>
    public static void ComputesTheSameBitsInPlace(Type op, Device device) => ForEachSample(op, (sample, random) =>
    {
        foreach (DType floatX in (DType[])[DType.Float32, DType.Float64])
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

    public static void ForEachSample(Type op, Action<Sample, Random> check, bool isMisuse = false)
    {
        for (int seed = 0; seed < Draws; seed++)
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
                    // Finding the line that builds each op would take most of the time.
                    using var origin = Origin.Use(new Origin(null, 0));
                    check(samples[i], new Random(seed));
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

    private static double Elements(IEnumerable<Shape> shapes) => shapes.Sum(shape => (double)shape.Count);

    public static void RequireSame(Tensor[] actual, Tensor[] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Bytes.SequenceEqual(expected[i].Bytes), $"{how}: output {i} has other bits");
        }
    }
}
