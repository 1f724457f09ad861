using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Onnx;
using Engine.Ops;
using Engine.Tests.Ops;
using Microsoft.ML.OnnxRuntime;

namespace Engine.Tests.Onnx;

/// <summary>
/// Each op's examples, exported, give the results of the op's reference: read back, and run by ONNX Runtime where it
/// has a kernel for the dtype.
/// </summary>
public class OnnxOpTests
{
    private static readonly CpuDevice s_cpu = new(1);

    private static IEnumerable<TestCaseData> Exported =>
        OpTable.Types.Where(op => OnnxLeftOut.Find(op) is null).Select(Case);

    private static IEnumerable<TestCaseData> Refused =>
        OpTable.Types.Where(op => OnnxLeftOut.Find(op) is not null).Select(Case);

    [OneTimeTearDown]
    public void Free() => s_cpu.Dispose();

    [TestCaseSource(nameof(Exported))]
    public void An_op_gives_in_ONNX_what_its_reference_does(Type op)
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        int tried = 0, run = 0;

        // ONNX Runtime refuses to reduce no elements.
        foreach (Sample sample in OpTable.Samples(op, 7).Where(sample => sample.Error is null
            && !IsOfTraining(sample) && sample.Args.All(arg => arg.Shape.Count > 0)))
        {
            OpCase drawn = OpCase.Draw(sample, DType.Float32, random);
            if (drawn.Op is Scan scan && scan.Count([.. drawn.InputTypes]) == 0)
            {
                // ONNX Runtime cannot run zero steps.
                continue;
            }

            Input[] inputs =
                [.. drawn.InputTypes.Select((type, i) => new Input(new TensorType(type.DType, type.Shape), $"x{i}"))];
            string path = folder.File($"{tried++}.onnx");
            IReadOnlyList<Variable> outputs = drawn.Op.Apply(inputs).Outputs;

            // The others are for their gradients.
            outputs = drawn.Op is Attend or MaxPool2D ? [outputs[0]] : outputs;
            OnnxExport.Save(path, inputs, [.. outputs.Select((output, i) => KeyValuePair.Create($"y{i}", output))]);
            NdArray[] expected = drawn.Reference();

            // Single precision loses a digit in a sum of a hundred numbers.
            double joined = (double)drawn.Inputs.Max(input => input.Shape.Count) / expected[0].Data.Length;
            if (!MayWrap(drawn) && Run(path, inputs, drawn.Inputs) is { } results)
            {
                run++;
                AssertSame(results, "in ONNX Runtime");
            }

            if (!drawn.InputTypes.Concat(drawn.OutputTypes).Any(type => type.DType.IsHalf()))
            {
                using OnnxModel model = OnnxModel.Load(path);
                AssertSame([.. model.Run(s_cpu, drawn.Inputs).Select(NdArray.From)], "read back");
            }

            void AssertSame(IReadOnlyList<NdArray> results, string where)
            {
                for (int i = 0; i < results.Count; i++)
                {
                    NdArray exact = expected[i];
                    if (drawn.OutputTypes[i].DType.IsHalf())
                    {
                        exact = new NdArray(
                            exact.Shape, [.. exact.Data.Select(ElementType.Of(drawn.OutputTypes[i].DType).Round)]);
                    }

                    OnnxRun.AssertSame(
                        exact, results[i], 1e-5 * Math.Max(Math.Sqrt(joined), exact.Data.Max(Math.Abs) + 1),
                        $"{drawn.Op.Name} of {string.Join<TensorType>(", ", drawn.InputTypes)}, output {i}, {where}, ");
                }
            }
        }

        Assert.That(run, Is.Positive);
    }

    [TestCaseSource(nameof(Refused))]
    public void An_op_that_is_left_out_is_refused_by_name_with_the_reason(Type op)
    {
        using var folder = new TempFolder();
        Sample sample = OpTable.Samples(op, 7).First(sample => sample.Error is null);
        OpCase drawn = OpCase.Draw(sample, DType.Float32, new Random(1));
        Variable[] inputs = [.. drawn.Inputs.Zip(drawn.InputTypes, (value, type) => type.KnownValue is { } known
            ? Symbolic.Constant(known, DType.Int32)
            : (Variable)new SharedVariable(value, "x"))];

        Assert.That(
            () => OnnxExport.Save(folder.File("a.onnx"), [], KeyValuePair.Create("y", drawn.Op.Call(inputs))),
            Throws.TypeOf<EngineException>().With.Message
                .StartsWith($"{drawn.Op.Name} cannot be exported: {OnnxLeftOut.Find(op)}."));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    /// <summary>Whether only gradients contain such a loop, or only plans such a reduction.</summary>
    private static bool IsOfTraining(Sample sample) => sample.Op is IReduce { Elements: not null }
        || (sample.Op is Scan scan && scan.StepWrites.Any(write => write.Like >= 0 || write.IsBefore));

    /// <summary>Whether it adds up or multiplies large integers, which do not wrap around in ONNX Runtime.</summary>
    private static bool MayWrap(OpCase drawn) => drawn.Op is IReduce or SumTo && !drawn.InputTypes[0].DType.IsFloat()
        && NdArray.From(drawn.Inputs[0]).Data.Any(number => Math.Abs(number) > 1 << 15);

    /// <summary>Returns the outputs; null if ONNX Runtime has no kernel for these dtypes.</summary>
    private static NdArray[]? Run(string path, Input[] inputs, Tensor[] values)
    {
        try
        {
            return OnnxRun.All(path, inputs.Zip(values, (input, value) => (input.Name!, value)));
        }
        catch (OnnxRuntimeException error) when (error.Message.Contains("NotImplemented", StringComparison.Ordinal))
        {
            return null;
        }
    }

    private static TestCaseData Case(Type op) => new TestCaseData(op).SetArgDisplayNames(OpTable.Name(op));
}
