using Engine.Devices.Cpu;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>What every op must do, tried on the examples it gives.</summary>
[TestFixture]
public sealed class OpTableTests
{
    /// <summary>How often each op is asked for examples; the seeds are 0, 1, …</summary>
    private const int Draws = 4;

    private static readonly CpuDevice s_one = new(1);
    private static readonly CpuDevice s_three = new(3);

    [OneTimeTearDown]
    public void Free()
    {
        s_one.Dispose();
        s_three.Dispose();
    }

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_gives_examples(Type op) =>
        Assert.That(OpTable.Samples(op, 0).Where(sample => sample.Error is null), Is.Not.Empty);

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_computes_what_its_reference_does(Type op) => ForEachSample(op, (sample, random) =>
    {
        Compare(DType.Float32);
        Compare(DType.Float64);

        void Compare(DType floatX)
        {
            var example = OpCase.Draw(sample, floatX, random);
            NdArray[] expected = example.Reference();
            Tensor[] actual = example.Run(s_one);
            double terms = Math.Sqrt(Elements(example.Inputs.Select(input => input.Shape))
                / Math.Max(1.0, Elements(example.OutputTypes.Select(type => type.Shape))));
            for (int i = 0; i < actual.Length; i++)
            {
                (double absolute, double relative) = actual[i].DType switch
                {
                    DType.Float32 => (1e-6, sample.Tolerance),
                    DType.Float64 => (1e-12, 1e-10),
                    _ => (0, 0),
                };
                double largest = expected[i].Data.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty().Max();
                absolute *= Math.Max(1, largest) * Math.Max(1, terms);
                RequireClose(NdArray.From(actual[i]), expected[i], absolute, relative, $"output {i} for {floatX}");
            }
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_computes_the_same_bits_however_it_is_run(Type op) => ForEachSample(op, (sample, random) =>
    {
        foreach (DType floatX in (DType[])[DType.Float32, DType.Float64])
        {
            var example = OpCase.Draw(sample, floatX, random);
            Tensor[] expected = example.Run(s_one);
            RequireSame(example.Run(s_three), expected, "three threads");
            RequireSame(example.RunInPieces(s_three, random), expected, "pieces");
            for (int i = 0; i < example.Inputs.Length; i++)
            {
                if (example.MayRunInPlace(i))
                {
                    RequireSame(example.Run(s_three, inPlace: i), expected, $"written over input {i}");
                }
            }
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_infers_the_same_type_from_less(Type op) => ForEachSample(op, (sample, random) =>
    {
        var example = OpCase.Draw(sample, DType.Float32, random);
        IReadOnlyList<TensorType> known = example.OutputTypes;
        Assert.That(known.All(type => type.Shape.IsKnown), $"{string.Join(", ", known)} is not known in full");
        for (int attempt = 0; attempt < 4; attempt++)
        {
            double kept = attempt / 4.0;
            TensorType[] less = [.. example.InputTypes.Select(type => new TensorType(
                type.DType,
                Shape.Create([.. type.Shape.Select(side => random.NextDouble() < kept ? side : Shape.Unknown)]),
                random.NextDouble() < kept ? type.KnownValue : null))];
            IReadOnlyList<TensorType> inferred = sample.Op.Infer(less);
            Assert.That(inferred, Has.Count.EqualTo(known.Count));
            Assert.That(inferred.Zip(known).All(pair =>
                pair.First.DType == pair.Second.DType && pair.First.Shape.Admits(pair.Second.Shape)),
                $"{string.Join<TensorType>(", ", less)} give {string.Join(", ", inferred)}, not {string.Join(", ", known)}");
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_has_the_gradient_that_differences_show(Type op) => ForEachSample(op, (sample, random) =>
    {
        if (sample.HasGradient)
        {
            new OpGradientCheck(OpCase.Draw(sample, DType.Float64, random), random).Run(s_three);
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_refuses_misuse(Type op) => ForEachSample(op, isMisuse: true, check: (sample, random) =>
    {
        Variable[] inputs = [.. sample.Args.Select<Arg, Variable>(arg => arg.KnownValue is { } size
            ? Constant(size, DType.Int32)
            : Variable("x", arg.DType ?? DType.Float32, arg.Shape))];

        // What depends on values, an index say, is refused only when it is computed.
        Assert.That(
            () =>
            {
                sample.Op.Apply(inputs);
                OpCase.Draw(sample, DType.Float32, random).Run(s_three);
            },
            Throws.TypeOf<EngineException>().With.Message.Contains(sample.Error!));
    });

    private static void ForEachSample(Type op, Action<Sample, Random> check, bool isMisuse = false)
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

    private static void RequireClose(NdArray actual, NdArray expected, double absolute, double relative, string what)
    {
        for (int i = 0; i < expected.Data.Length; i++)
        {
            (double a, double e) = (actual.Data[i], expected.Data[i]);
            if (!a.Equals(e) && !(Math.Abs(a - e) <= absolute + (relative * Math.Abs(e))))
            {
                Assert.Fail($"{what}, element {i} of {expected.Shape}: {a:R}, not {e:R}");
            }
        }
    }

    private static void RequireSame(Tensor[] actual, Tensor[] expected, string how)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Bytes.SequenceEqual(expected[i].Bytes), $"{how}: output {i} has other bits");
        }
    }
}
