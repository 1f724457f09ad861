using Engine.Devices.Cpu;
using Engine.Graph;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

/// <summary>The tests that every op must pass, on its own examples.</summary>
[TestFixture]
public sealed class OpTableTests
{
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
    public void An_op_computes_what_its_reference_does(Type op) =>
        OpChecks.ComputesWhatItsReferenceDoes(op, s_one, Share.OneType);

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void DebugMode_raises_no_alarm_about_an_op(Type op) => OpChecks.RaisesNoAlarmInDebugMode(
        op, s_one, Share.OneType, draws: 1, Magnitudes.Usual, Magnitudes.All, Magnitudes.Special);

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_computes_the_same_bits_however_it_is_run(Type op) =>
        OpChecks.ForEachSample(op, (sample, random) =>
        {
            foreach (DType floatX in (DType[])[DType.Float32, DType.Float64])
            {
                var example = OpCase.Draw(sample, floatX, random);
                Tensor[] expected = example.Run(s_one);
                OpChecks.RequireSame(example.Run(s_three), expected, "three threads");
                OpChecks.RequireSame(example.RunInPieces(s_three, random), expected, "pieces");
                for (int i = 0; i < example.Inputs.Length; i++)
                {
                    if (example.MayRunInPlace(i))
                    {
                        OpChecks.RequireSame(example.Run(s_three, inPlace: i), expected, $"written over input {i}");
                    }
                }
            }
        });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_infers_the_same_type_from_less(Type op) => OpChecks.ForEachSample(op, (sample, random) =>
    {
        var example = OpCase.Draw(sample, DType.Float32, random);
        IReadOnlyList<TensorType> known = example.OutputTypes;
        Assert.That(known.All(type => type.Shape.IsKnown), $"{string.Join(", ", known)} is not known in full");
        for (int attempt = 0; attempt < 4; attempt++)
        {
            double kept = attempt / 4.0;
            TensorType[] less = [.. example.InputTypes.Select(type => new TensorType(
                type.DType,
                Shape.Create(
                    [.. type.Shape.Select(dimension => random.NextDouble() < kept ? dimension : Shape.Unknown)]),
                random.NextDouble() < kept ? type.KnownValue : null))];
            IReadOnlyList<TensorType> inferred = sample.Op.Infer(less);
            Assert.That(inferred, Has.Count.EqualTo(known.Count));
            Assert.That(inferred.Zip(known).All(pair =>
                pair.First.DType == pair.Second.DType && pair.First.Shape.Admits(pair.Second.Shape)),
                $"from {string.Join<TensorType>(", ", less)}: "
                + $"{string.Join(", ", inferred)}, not {string.Join(", ", known)}");
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_has_the_gradient_that_differences_show(Type op) => OpChecks.ForEachSample(op, (sample, random) =>
    {
        if (sample.HasGradient)
        {
            new OpGradientCheck(OpCase.Draw(sample, DType.Float64, random), random).Run(s_one);
        }
    });

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void So_has_its_gradient(Type op) => OpChecks.ForEachSample(op, (sample, random) =>
    {
        if (sample.HasGradient)
        {
            new OpGradientCheck(OpCase.Draw(sample, DType.Float64, random), random).RunTwice(s_one);
        }
    }, draws: 1);

    [TestCaseSource(typeof(OpTable), nameof(OpTable.Cases))]
    public void An_op_refuses_misuse(Type op) => OpChecks.RefusesMisuse(op, s_three);
}
