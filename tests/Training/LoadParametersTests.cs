using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>
/// All parameters must fit, except those that are named as exceptions; the result says what happened to each.
/// </summary>
public class LoadParametersTests
{
    private static readonly string[] s_all = ["hidden.W", "hidden.b", "output.W", "output.b"];

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    // Missing and additional names of the file; names to ignore and to keep; names that are taken, ignored and kept.
    [TestCase("", "", "", "", "hidden.W hidden.b output.W output.b", "", "")]
    [TestCase("", "bn.count", "*.count", "", "hidden.W hidden.b output.W output.b", "bn.count", "")]
    [TestCase("output.W output.b", "", "", "output.*", "hidden.W hidden.b", "", "output.W output.b")]
    [TestCase("", "", "output.*", "output.?", "hidden.W hidden.b", "output.W output.b", "output.W output.b")]
    [TestCase("hidden.b", "x y", "x y z", "*", "hidden.W output.W output.b", "x y", "hidden.b")]
    public void What_is_taken_passed_over_and_kept_is_told(
        string lacks, string has, string ignore, string keep, string taken, string ignored, string kept)
    {
        foreach (string name in new[] { "a.safetensors", "a.npz" })
        {
            using NeuralNet net = Net(), other = Net(seed: 2);
            string path = Save(name, other, lacks, has);
            float[] before = Values(net, Words(kept));

            var options = new LoadOptions { Ignore = Words(ignore), Keep = Words(keep) };
            LoadReport report = net.LoadParameters(path, options);

            Assert.That(report.Taken, Is.EqualTo(Words(taken)));
            Assert.That(report.Ignored, Is.EquivalentTo(Words(ignored)));
            Assert.That(report.Kept, Is.EqualTo(Words(kept)));
            Assert.That(Values(net, Words(taken)), Is.EqualTo(Values(other, Words(taken))));
            Assert.That(Values(net, Words(kept)), Is.EqualTo(before));
        }
    }

    [TestCase("", "bn.num_batches_tracked", "", "", "bn.num_batches_tracked () is not one of this network")]
    [TestCase("hidden.b", "", "", "output.*", "hidden.b (3) is missing")]
    [TestCase("", "x", "X", "", "x () is not one of this network")]
    [TestCase("", "", "hidden.b", "", "hidden.b (3) is missing")]
    public void What_does_not_fit_and_is_not_named_is_refused_and_nothing_is_set(
        string lacks, string has, string ignore, string keep, string message)
    {
        using NeuralNet net = Net(), other = Net(seed: 2);
        string path = Save("a.safetensors", other, lacks, has);
        float[] before = Values(net, s_all);

        Assert.That(
            () => net.LoadParameters(path, new LoadOptions { Ignore = Words(ignore), Keep = Words(keep) }),
            Throws.TypeOf<EngineException>().With.Message.EqualTo(
                $"{path}: The parameters are of another network: {message}."));
        Assert.That(Values(net, s_all), Is.EqualTo(before));
    }

    [Test]
    public void Values_that_are_set_are_told_of_likewise_and_one_line_says_it()
    {
        using NeuralNet net = Net();

        LoadReport report = net.SetParameters(
            [new("hidden.b", Tensor.From([1f, 2, 3])), new("count", Tensor.Scalar(7))],
            new LoadOptions { Ignore = ["count"], Keep = ["*"] });

        Assert.That($"{report}", Is.EqualTo(
            "taken: hidden.b; ignored: count; kept as they were: hidden.W, output.W, output.b"));
        Assert.That(
            $"{net.SetParameters(net.GetParameters())}", Does.EndWith("; ignored: none; kept as they were: none"));
    }

    [Test]
    public void Half_precision_and_whole_numbers_of_others_are_taken_over()
    {
        using NeuralNet net = new(new Input(1), new Dense(1, Linear)) { Regression = true };
        byte[] header =
        [
            .. """
            {"dense1.W":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]},
            "dense1.b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]},
            "n":{"dtype":"I64","shape":[],"data_offsets":[4,12]}}
            """u8,
        ];
        byte[] data = [0x40, 0x40, 0, 0xc0, .. new byte[8]];
        File.WriteAllBytes(_folder.File("a"), [.. BitConverter.GetBytes((long)header.Length), .. header, .. data]);

        net.LoadParameters(_folder.File("a"), new LoadOptions { Ignore = ["n"] });

        Assert.That(Values(net, ["dense1.W", "dense1.b"]), Is.EqualTo(new float[] { 3, -2 }));
    }

    private static NeuralNet Net(ulong seed = 1) => new(
        new Input(2), new Dense(3) { Name = "hidden" }, new Dense(2, Softmax) { Name = "output" })
    { Seed = seed };

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static float[] Values(NeuralNet net, string[] names) =>
        [
            .. net.GetParameters().Where(pair => names.Contains(pair.Key))
                .SelectMany(pair => pair.Value.AsSpan<float>().ToArray()),
        ];

    private string Save(string name, NeuralNet net, string lacks, string has)
    {
        Parameters.Save(
            _folder.File(name),
            [
                .. net.GetParameters().Where(pair => !Words(lacks).Contains(pair.Key)),
                .. Words(has).Select(each => KeyValuePair.Create(each, Tensor.Scalar(1))),
            ]);
        return _folder.File(name);
    }
}
