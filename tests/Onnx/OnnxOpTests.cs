using Engine.Graph;
using Engine.Onnx;
using Engine.Ops;
using Engine.Tests.Ops;

namespace Engine.Tests.Onnx;

/// <summary>Each op's examples, exported and run by ONNX Runtime, give the results of the op's reference.</summary>
public class OnnxOpTests
{
    /// <summary>
    /// Whether no network for prediction contains the op: gradients, losses, random numbers, minibatches, results of
    /// rewrites; also ops that ONNX lacks.
    /// </summary>
    private static bool IsOfTraining(Type op) =>
        OpTable.Name(op).Contains("Grad", StringComparison.Ordinal) && !op.IsAssignableTo(typeof(View))
            && op != typeof(Conv2DInputGradient) && op != typeof(ChannelwiseInputGradient)
        || OpTable.Name(op).Contains("CrossEntropy", StringComparison.Ordinal)
        || OpTable.Name(op).StartsWith("RandomDraw", StringComparison.Ordinal)
        || op == typeof(DropoutMask) || op == typeof(SumTo) || op == typeof(SubtensorUpdate)
        || op == typeof(Accumulate<Prod>) || op == typeof(Binary<ArcTan2>) || op == typeof(Split) || op == typeof(PassIfEqual)
        || op == typeof(TakeRows) || op == typeof(MoveImages) || op == typeof(Composite) || op == typeof(Conv2DMaxPool)
        || op == typeof(IfElse) || op == typeof(Branch) || op == typeof(RowWise) || op == typeof(OfRows)
        || OpTable.Name(op) == "Unary<Identity>" || op == typeof(WithEpilogues) || op == typeof(CudaKernelOp)
        || op == typeof(AllReduce) || op == typeof(FromOwners) || op == typeof(AllReduceStart) || op == typeof(AllReduceWait)
        || op == typeof(Unary<GammaLn>) || op == typeof(Unary<Digamma>) || op == typeof(Binary<Polygamma>);

    /// <summary>Whether only gradients contain such a loop.</summary>
    private static bool IsOfTraining(Sample sample) => sample.Op is Scan scan
        && (scan.MaxSteps is not null || scan.StepWrites.Any(write => write.Like >= 0 || write.IsBefore));

    private static IEnumerable<TestCaseData> Exported =>
        OpTable.Types.Where(op => !IsOfTraining(op)).Select(Case);

    private static IEnumerable<TestCaseData> Refused =>
        OpTable.Types.Where(IsOfTraining).Select(Case);

    [TestCaseSource(nameof(Exported))]
    public void An_op_gives_in_ONNX_Runtime_what_its_definition_does(Type op)
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        int tried = 0;

        // ONNX Runtime refuses to reduce no elements, and few of its ops accept integers.
        foreach (Sample sample in OpTable.Samples(op, 7).Where(sample => sample.Error is null
            && !IsOfTraining(sample) && sample.Args.All(arg => arg.Shape.Count > 0 && (arg.DType is null || TakesIntegers(op)))))
        {
            OpCase drawn = OpCase.Draw(sample, DType.Float32, random);
            if (drawn.Op is Scan scan && scan.Count([.. drawn.InputTypes]).Rows == 0)
            {
                // ONNX Runtime cannot run zero steps.
                continue;
            }

            Input[] inputs =
                [.. drawn.InputTypes.Select((type, i) => new Input(new TensorType(type.DType, type.Shape), $"x{i}"))];
            string path = folder.File($"{tried++}.onnx");
            OnnxExport.Save(path, inputs, KeyValuePair.Create("y", drawn.Op.Call(inputs)));
            NdArray y = OnnxRun.Run(path, inputs.Zip(drawn.Inputs, (input, value) => (input.Name!, value)));

            // Single precision loses a digit in a sum of a hundred numbers.
            NdArray expected = drawn.Reference()[0];
            if (drawn.OutputTypes[0].DType.IsHalf())
            {
                expected = new NdArray(expected.Shape, [.. expected.Data.Select(ElementType.Of(drawn.OutputTypes[0].DType).Round)]);
            }

            double joined = (double)drawn.Inputs.Max(input => input.Shape.Count) / expected.Data.Length;
            OnnxRun.AssertSame(expected, y, 1e-5 * Math.Max(Math.Sqrt(joined), expected.Data.Max(Math.Abs) + 1));
        }

        Assert.That(tried, Is.Positive);
    }

    [TestCaseSource(nameof(Refused))]
    public void An_op_of_training_is_refused_by_name(Type op)
    {
        using var folder = new TempFolder();
        Sample sample = OpTable.Samples(op, 7).First(sample => sample.Error is null);
        OpCase drawn = OpCase.Draw(sample, DType.Float32, new Random(1));
        Variable[] inputs = [.. drawn.Inputs.Zip(drawn.InputTypes, (value, type) => type.KnownValue is { } known
            ? Symbolic.Constant(known, DType.Int32)
            : (Variable)new SharedVariable(value, "x"))];

        Assert.That(
            () => OnnxExport.Save(folder.File("a.onnx"), [], KeyValuePair.Create("y", drawn.Op.Call(inputs))),
            Throws.TypeOf<EngineException>().With.Message.StartsWith($"{drawn.Op.Name} cannot be exported: "));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    private static TestCaseData Case(Type op) => new TestCaseData(op).SetArgDisplayNames(OpTable.Name(op));

    private static bool TakesIntegers(Type op) => op == typeof(Scan) || op == typeof(Subtensor) || op == typeof(ToPlaces) || op == typeof(Inlined) || op == typeof(Require) || op == typeof(Iota) || op == typeof(Cast) || op == typeof(Where);
}
