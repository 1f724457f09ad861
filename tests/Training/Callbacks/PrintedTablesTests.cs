using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class PrintedTablesTests
{
    private static readonly EpochRecord s_record = new()
    {
        Epoch = 1,
        TrainLoss = 2.20123,
        TrainLossBest = true,
        ValidLoss = 2.1,
        ValidLossBest = true,
        ValidAccuracy = 0.25,
        TrainSeconds = 1,
        Dur = 1.2345,
    };

    [Test]
    public void A_perceptron_is_printed_as_the_specification_has_it()
    {
        using NeuralNet net = Perceptron();

        Assert.That(Print(net, null, s_record, s_record with { Epoch = 2, Dur = 10.999 }), Is.EqualTo("""
            # Neural Network with 103510 learnable parameters

            ## Layer information

              #  name      size
            ---  ------  ------
              0  input     1024
              1  hidden     100
              2  output      10

              epoch    trn loss    val loss    trn/val    valid acc  dur
            -------  ----------  ----------  ---------  -----------  -----
                  1     2.20123     2.10000    1.04820      0.25000  1.23s
                  2     2.20123     2.10000    1.04820      0.25000  11.00s

            """));
    }

    [Test]
    public void The_sizes_of_images_are_texts_and_stand_to_the_left()
    {
        using var net = new NeuralNet(
            ("input", new Input(1, 32, 32)),
            ("conv1", new Conv2D(16, 3)), ("pool1", new MaxPool2D(2)), ("conv2", new Conv2D(32, 2)),
            ("pool2", new MaxPool2D(2)), ("conv3", new Conv2D(64, 2)), ("pool3", new MaxPool2D(2)),
            ("hidden4", new Dense(200)), ("output", new Dense(10, Symbolic.Softmax)));
        net.Initialize();

        Assert.That(Print(net, null), Is.EqualTo("""
            # Neural Network with 127906 learnable parameters

            ## Layer information

              #  name     size
            ---  -------  --------
              0  input    1x32x32
              1  conv1    16x30x30
              2  pool1    16x15x15
              3  conv2    32x14x14
              4  pool2    32x7x7
              5  conv3    64x6x6
              6  pool3    64x3x3
              7  hidden4  200
              8  output   10


            """));
    }

    [Test]
    public void Regression_has_no_accuracy_and_a_missing_validation_is_nan()
    {
        using var net = new NeuralNet(new Input(1), new Dense(1, Symbolic.Linear)) { Regression = true };
        net.Initialize();

        string text = Print(net, null, s_record with { ValidLoss = double.NaN, ValidLossBest = false });

        Assert.That(text, Does.EndWith("""
              epoch    trn loss    val loss    trn/val  dur
            -------  ----------  ----------  ---------  -----
                  1     2.20123         nan        nan  1.23s

            """));
    }

    [Test]
    public void Custom_scores_have_columns_of_their_own()
    {
        using NeuralNet net = Perceptron();

        string text = Print(net, null, s_record with
        {
            Scores = new Dictionary<string, double> { ["f1"] = 0.5, ["a long one"] = 1234567.25 },
        });

        Assert.That(text, Does.EndWith("""
              epoch    trn loss    val loss    trn/val    valid acc       f1     a long one  dur
            -------  ----------  ----------  ---------  -----------  -------  -------------  -----
                  1     2.20123     2.10000    1.04820      0.25000  0.50000  1234567.25000  1.23s

            """));
    }

    [Test]
    public void On_a_terminal_the_best_losses_are_cyan_and_green()
    {
        using NeuralNet net = Perceptron();

        string best = Print(net, true, s_record), worse = Print(net, true, s_record with
        {
            TrainLossBest = false,
            ValidLossBest = false,
        });

        Assert.That(best, Does.Contain("      1     \e[36m2.20123\e[0m     \e[32m2.10000\e[0m    1.04820"));
        Assert.That(worse, Does.Contain("      1     2.20123     2.10000    1.04820").And.Not.Contain("\e["));
    }

    [Test]
    public void A_network_that_goes_on_prints_no_headings_again()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        using var output = new StringWriter { NewLine = "\n" };
        using var net = new NeuralNet(new Input(2), new Dense(3, Symbolic.Softmax))
        {
            Verbose = 1,
            MaxEpochs = 2,
            Output = output,
        };

        net.Fit(points, labels).Fit(points, labels);

        string[] lines = output.ToString().Split('\n');
        Assert.That(lines.Count(line => line.StartsWith("# Neural", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(lines.Count(line => line.StartsWith("  epoch", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(lines[^2], Does.StartWith("      4     "));
    }

    private static NeuralNet Perceptron()
    {
        var net = new NeuralNet(
            ("input", new Input(1024)), ("hidden", new Dense(100)), ("output", new Dense(10, Symbolic.Softmax)));
        net.Initialize();
        return net;
    }

    private static string Print(NeuralNet net, bool? hasColors, params EpochRecord[] records)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var tables = new PrintedTables(output, hasColors);
        tables.OnTrainingStarted(net);
        Array.ForEach(records, record => tables.OnEpochFinished(net, record));
        return output.ToString();
    }
}
