using Engine.Graph;
using Engine.Onnx;
using Engine.Tests.Ops;

namespace Engine.Tests.Onnx;

/// <summary>
/// The vocabulary's names, exported for any number of rows, give NumPy's results in ONNX Runtime and read back. Those
/// whose ops ONNX does not have are refused.
/// </summary>
public class OnnxVocabularyTests
{
    private static readonly string[] s_refused = ["ArcTan2"];

    private static IEnumerable<TestCaseData> Cases => VocabularyTests.Cases;

    [TestCaseSource(nameof(Cases))]
    public void A_name_gives_in_ONNX_what_it_gives_in_NumPy(
        Func<VocabularyTests.Given, Variable> expression, Shape shape, double fingerprint)
    {
        using var folder = new TempFolder();
        string path = folder.File("a.onnx");
        (Input[] inputs, Tensor[] values, Variable output) = VocabularyTests.Open(
            expression, (value, n) => n == 10 ? value.Shape : value.Shape.With(0, Shape.Unknown));
        if (Array.Exists(s_refused, TestContext.CurrentContext.Test.Name.Contains))
        {
            Assert.That(
                () => OnnxExport.Save(path, inputs, KeyValuePair.Create("y", output)),
                Throws.TypeOf<EngineException>().With.Message
                    .Contains("cannot be exported: ONNX has no such function."));
            return;
        }

        OnnxExport.Save(path, inputs, KeyValuePair.Create("y", output));
        using OnnxModel model = OnnxModel.Load(path);

        VocabularyTests.AssertIs(
            OnnxRun.Run(path, inputs.Zip(values, (input, value) => (input.Name!, value))), shape, fingerprint);
        VocabularyTests.AssertIs(model.Run(values)[0], shape, fingerprint);
    }
}
