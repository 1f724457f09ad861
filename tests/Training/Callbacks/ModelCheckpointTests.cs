using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class ModelCheckpointTests
{
    private static readonly Tensor s_points = Toy.Clouds(60).Points;
    private static readonly int[] s_labels = Toy.Clouds(60).Labels;

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Each_epoch_has_a_file_whose_parameters_are_those_after_it()
    {
        var after = new List<string[]>();
        using NeuralNet net = Net(
            3, new ModelCheckpoint(_folder.File("{epoch:00}.safetensors")),
            new LambdaCallback { EpochFinished = (of, _) => after.Add(Parameters(of)) });
        using NeuralNet other = Net(1);

        net.Fit(s_points, s_labels);

        Assert.That(Names(), Is.EqualTo(new[] { "01.safetensors", "02.safetensors", "03.safetensors" }));
        foreach ((string name, int i) in Names().Select((name, i) => (name, i)))
        {
            other.SetParameters(Engine.IO.Parameters.Load(_folder.File(name)));
            Assert.That(Parameters(other), Is.EqualTo(after[i]));
        }
    }

    [Test]
    public void Figures_stand_in_the_name_whatever_the_language()
    {
        using var language = new CommaCulture();
        var checkpoint = new ModelCheckpoint(
            _folder.File("new/folder/{epoch} {train_loss:F3} {valid_loss:0.000} {valid_accuracy:F2}.npz"));
        using NeuralNet net = Net(1, checkpoint);

        net.Fit(s_points, s_labels);

        EpochRecord record = net.TrainHistory.Single();
        Assert.That(checkpoint.LastPath, Is.EqualTo(_folder.File(FormattableString.Invariant(
            $"new/folder/1 {record.TrainLoss:F3} {record.ValidLoss:F3} {record.ValidAccuracy:F2}.npz"))));
        Assert.That(Npz.Load(checkpoint.LastPath!).Keys, Is.EqualTo(net.GetParameters().Select(pair => pair.Key)));
    }

    [TestCase(1, new[] { 3.0, 2, 2.5, double.NaN, 1 }, ExpectedResult = new[] { 1, 2, 5 })]
    [TestCase(2, new[] { 0.0, 2, 0, 3, 0, 1 }, ExpectedResult = new[] { 2, 6 })]
    public int[] Only_epochs_better_than_those_saved_before_are_saved(int every, double[] values)
    {
        using NeuralNet net = Net(values.Length, new ModelCheckpoint(_folder.File("{epoch}"))
        {
            OnlyBest = true,
            Every = every,
            Watch = new Metric("scripted", record => values[record.Epoch - 1]),
        });

        net.Fit(s_points, s_labels);

        return [.. Names().Select(int.Parse)];
    }

    [Test]
    public void Every_so_many_epochs_are_counted_from_the_networks_first()
    {
        using NeuralNet net = Net(2, new ModelCheckpoint(_folder.File("{epoch}")) { Every = 3 });

        net.Fit(s_points, s_labels).Fit(s_points, s_labels).Fit(s_points, s_labels).Fit(s_points, s_labels);

        Assert.That(Names(), Is.EqualTo(new[] { "3", "6" }));
    }

    [Test]
    public void One_file_is_replaced_and_what_is_best_outlives_a_resumption()
    {
        double[] values = [3, 2, 2.5, 1.5];
        ModelCheckpoint Best() => new(_folder.File("best"))
        {
            OnlyBest = true,
            Watch = new Metric("scripted", record => values[record.Epoch - 1]),
            Metadata = new Dictionary<string, string> { ["by"] = "test" },
        };
        using NeuralNet net = Net(2, Best()), other = Net(1, Best()), last = Net(1);
        net.Fit(s_points, s_labels).SaveState(_folder.File("state"));
        string[] second = Parameters(net);

        other.LoadState(_folder.File("state"));
        other.Fit(s_points, s_labels);
        SafetensorsFile file = Engine.IO.Parameters.LoadAll(_folder.File("best"));
        last.SetParameters(file.Tensors);

        Assert.That(Parameters(last), Is.EqualTo(second), "the third epoch was no better");
        Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["by"] = "test" }));
        other.Fit(s_points, s_labels);
        last.SetParameters(Engine.IO.Parameters.Load(_folder.File("best")));
        Assert.That(Parameters(last), Is.EqualTo(Parameters(other)));
    }

    [Test]
    public void A_wrong_pattern_number_or_place_is_named()
    {
        string taken = _folder.File("taken");
        File.WriteAllText(taken, "");
        using NeuralNet net = Net(1, new ModelCheckpoint(Path.Combine(taken, "model")));

        Assert.That(() => new ModelCheckpoint("{epochs}"), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The path '{epochs}' has {epochs}, which is no figure of an epoch; there are {epoch}, {train_loss}, "
            + "{valid_loss}, "
            + "{valid_accuracy}."));
        Assert.That(
            () => new ModelCheckpoint("x") { Every = 0 }, Throws.TypeOf<EngineException>().With.Message.Contains(
                "every 1 epoch or more, not every 0"));
        Assert.That(() => net.Fit(s_points, s_labels), Throws.TypeOf<EngineException>().With.Message.Contains(taken));
    }

    private string[] Names() => [.. Directory.GetFiles(_folder.Path).Select(path => Path.GetFileName(path)!).Order()];

    private static string[] Parameters(NeuralNet net) =>
        [.. net.GetParameters().Select(pair => $"{pair.Key} {Convert.ToHexString(pair.Value.Bytes)}")];

    private static NeuralNet Net(int epochs, params Callback[] callbacks) => new(new Input(2), new Dense(3, Softmax))
    {
        MaxEpochs = epochs,
        Callbacks = [.. callbacks],
    };
}
