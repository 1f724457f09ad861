using System.Globalization;
using System.Text;
using Engine.Compile;
using Engine.Configuration;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Inspection;
using Engine.IO;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Ops;
using Engine.Tests.Ops;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Input = Engine.Graph.Input;

namespace Engine.Tests;

/// <summary>
/// Messages, output and input of the library are the same in every language of the user. In German a half is 0,5, in
/// Turkish "FILE" is not the upper case of "file", and Swedish and Persian have their own minus signs.
/// </summary>
public class LanguageTests
{
    private static readonly object[] s_records =
    [
        new Sgd(0.01f), new TrainSplit(0.25), new BatchRecord(-1, -2, 3, 4, -0.5), new Arg([2], Low: -1.5),
        new Engine.Layers.Normal(0.5, -0.25), Metric.ValidAccuracy, new LoadOptions(), new Mistake(-1, 2, 3, 0.5, 0.25),
    ];

    private static readonly Action[] s_wrong =
    [
        () => _ = new Tensor(DType.UInt8, [-1, 3]),
        () => Sum(Vector("x"), [-9]),
        () => Reshape(Vector("x"), [-2, 3]),
        () => Slice(Vector("x"), -3, -4, -5),
        () => Pad(Vector("x"), [(-1, 2)]),
        () => Scan(step => step[0], [Vector("x")], [new OutputInfo(Vector("y"), -2, 3)]),
        () => _ = new Dense(-1),
        () => _ = new Sgd(-0.5f),
        () => _ = new TrainSplit(-0.5),
        () => _ = new Dropout(-0.5),
        () => Use(net => net.Fit(Toy.Clouds(6).Points, [0, 1, 2, -1, 1, 2])),
        () => Use(net => net.MaxEpochs = -3),
        () => _ = new BatchIterator(-3),
        () => Use(net => net.Fit(Tensor.From([float.NaN, -1.5f], 1, 2), [0])),
        () => Use(net => net.SetParameters(new Dictionary<string, Tensor> { ["w"] = Tensor.Scalar(-0.5f) })),
    ];

    private static readonly (string Name, Func<string> Text)[] s_texts =
    [
        ("misuse of every op", Misuse),
        ("wrong arguments", () => string.Join('\n', s_wrong.Select(Message))),
        ("tensors", () => $"{Tensor.From([-1.5f, 2e-20f])}{Tensor.From([-3, 4])}{Tensor.Scalar(-1e300)}"),
        ("records", () => string.Join('\n', s_records.Select(record => $"{record}"))),
        ("a graph and its plan", Graph),
        ("a network, its layers and how often it was right", Network),
        ("files", Files),
        ("a configuration", Configuration),
        ("a network in JSON", () => Described("{ 'layers': [{'kind': 'INPUT', 'shape': [-4]}] }")
            + Described("{ 'layers': [{'kind': 'input', 'shape': 4}, {'kind': 'dense', 'units': 2}], 'update': "
            + "{'rule': 'SGD'} }")
            + Described("{ 'LAYERS': [] }") + Described("{ 'epochs': -3.5 }")),
    ];

    [Test]
    public void What_the_library_says_and_writes_is_the_same_in_every_language(
        [Values("de-DE", "tr-TR", "sv-SE", "fa-IR")] string name)
    {
        CultureInfo language = Language(name);
        (language.NumberFormat.NumberDecimalSeparator, language.NumberFormat.NegativeSign) = (",", "\u2212");
        Assert.That((-1.5).ToString(language), Is.EqualTo("\u22121,5"));
        Assert.Multiple(() =>
        {
            foreach ((string what, Func<string> text) in s_texts)
            {
                string expected = In(CultureInfo.InvariantCulture, text), actual = In(language, text);
                string[] lines = actual.Split('\n'), before = expected.Split('\n');
                string differing = string.Join('\n', lines.Where((line, i) => i >= before.Length || before[i] != line));
                Assert.That(actual == expected, $"{what}:\n{differing}");
            }
        });
    }

    /// <summary>
    /// Returns a language; without culture data, as in the tests' own process, its symbols in the runtime's default.
    /// </summary>
    private static CultureInfo Language(string name)
    {
        try
        {
            return (CultureInfo)CultureInfo.GetCultureInfo(name).Clone();
        }
        catch (CultureNotFoundException)
        {
            return (CultureInfo)CultureInfo.InvariantCulture.Clone();
        }
    }

    private static string In(CultureInfo language, Func<string> text)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = language;
            return text();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string Misuse()
    {
        var text = new StringBuilder();
        using var device = new CpuDevice(1);
        foreach (Type op in OpTable.Types)
        {
            OpChecks.ForEachSample(op, isMisuse: true, draws: 1, check: (sample, random) => text.Append(Message(() =>
            {
                sample.Op.Apply([.. sample.Args.Select<Arg, Variable>(arg => arg.KnownValue is { } size
                    ? Constant(size, DType.Int32)
                    : Variable("x", arg.DType ?? DType.Float32, arg.Shape))]);
                OpCase.Draw(sample, DType.Float32, random).Run(device);
            })).Append('\n'));
        }

        return text.ToString();
    }

    private static string Message(Action wrong)
    {
        try
        {
            wrong();
        }
        catch (Exception error) when (error is EngineException or ArgumentException)
        {
            return error.Message;
        }

        return "accepted";
    }

    private static string Graph()
    {
        Input x = Matrix("x");
        SharedVariable w = Shared(new Tensor(DType.Float32, [3, 2]), "w");
        using var gpu = new AbsentCudaDevice(90);
        using var f =
            Function.Compile([x], [Dot(x, w) * -1.5 + 1e-20, Slice(x, 0, -1, 1)], [new(w, w * 0.5)], device: gpu);
        f.Prepare(new Tensor(DType.Float32, [4, 3]));
        IEnumerable<Stage> stages = [Stage.Graph, Stage.Schedule, Stage.Memory];
        return $"{f}\n{f.DebugPrint()}\n{f.ToDot()}\n{string.Join('\n', stages.Select(stage => f.Print(stage)))}";
    }

    private static string Network()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        using NeuralNet net = NeuralNetTests.Small(1);
        net.Fit(points, labels);
        return $"{net}\n{ConfusionMatrix.Of(net, points, labels)}\n{net.Score(points, labels).ToString("R", CultureInfo.InvariantCulture)}";
    }

    private static string Files()
    {
        using var folder = new TempFolder();
        using NeuralNet net = NeuralNetTests.Small(1);
        net.Initialize();
        Parameters.Save(folder.File("p.safetensors"), net.GetParameters());
        Parameters.Save(folder.File("p.npz"), net.GetParameters());
        net.ExportOnnx(folder.File("p.onnx"));
        return string.Join('\n', Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal)
            .Select(file => $"{Path.GetFileName(file)} {Convert.ToHexString(File.ReadAllBytes(file))}"));
    }

    private static string Configuration()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File(".enginerc"), "[Global]\nFLOATX = FLOAT32\nDEVICE = CPU\nTHREADS: 2\n");
        EngineOptions options = EngineOptions.Load(
            new Dictionary<string, string>(), new Dictionary<string, string>().GetValueOrDefault, folder.Path,
            folder.Path);
        File.WriteAllText(folder.File(".enginerc"), "[global]\nthreads = -2\n");
        return $"{options}" + Message(() => EngineOptions.Load(
            new Dictionary<string, string>(), new Dictionary<string, string>().GetValueOrDefault, folder.Path,
            folder.Path))
            .Replace(folder.Path, "");
    }

    private static string Described(string json) =>
        Message(() => DescriptionReader.Parse(json.Replace('\'', '"'), "mine.json"));

    private static void Use(Action<NeuralNet> use)
    {
        using NeuralNet net = NeuralNetTests.Small(1);
        use(net);
    }
}
