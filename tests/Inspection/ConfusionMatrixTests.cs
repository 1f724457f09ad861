using Engine.Devices.Cpu;
using Engine.Inspection;
using Engine.Layers;
using Engine.Tests.Training;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Inspection;

public class ConfusionMatrixTests
{
    [Test]
    public void Each_sample_is_counted_by_what_it_is_and_what_it_is_taken_for()
    {
        var matrix = new ConfusionMatrix(4, [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 1]);

        Assert.That(Enumerable.Range(0, 16).Select(i => matrix[i / 4, i % 4]), Is.EqualTo(new[]
        {
            2, 1, 0, 0,
            1, 1, 0, 0,
            0, 1, 0, 0,
            0, 0, 0, 0,
        }));
        Assert.That((matrix.Total, matrix.Correct, matrix.Accuracy), Is.EqualTo((6, 3, 0.5)));
        Assert.That((matrix.Recall(0), matrix.Precision(0)), Is.EqualTo((2 / 3.0, 2 / 3.0)));
        Assert.That((matrix.Recall(1), matrix.Precision(1)), Is.EqualTo((1 / 2.0, 1 / 3.0)));
        Assert.That((matrix.Recall(2), matrix.Precision(2)), Is.EqualTo((0.0, double.NaN)));
        Assert.That((matrix.Recall(3), matrix.Samples(3), matrix.Predictions(1)), Is.EqualTo((double.NaN, 0, 3)));
    }

    [Test]
    public void A_networks_matrix_agrees_with_its_score()
    {
        (Tensor points, int[] labels) = Toy.Clouds(300);
        using var net = new NeuralNet(new Input(2), new Dense(3, Symbolic.Softmax))
        {
            Device = new CpuDevice(1),
            BatchIteratorTrain = new BatchIterator(20),
            MaxEpochs = 20,
        };
        net.Fit(points, labels);

        var matrix = ConfusionMatrix.Of(net, points, labels);

        Assert.That((float)matrix.Accuracy, Is.EqualTo(net.Score(points, labels)).And.GreaterThan(0.5f));
        Assert.That(Enumerable.Range(0, 3).Select(matrix.Samples), Is.EqualTo(new[] { 100, 100, 100 }));
    }

    [Test]
    public void It_prints_with_names_recall_precision_and_F1()
    {
        using var comma = new CommaCulture();
        var matrix =
            new ConfusionMatrix(4, [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 1]) { Names = ["cat", "dog", "bird", "fish"] };

        Assert.That((matrix.F1(0), matrix.F1(1), matrix.F1(2)), Is.EqualTo((4 / 6.0, 2 / 5.0, 0.0)));
        Assert.That(matrix.F1(3), Is.NaN);
        Assert.That(matrix.MacroF1, Is.EqualTo(((4 / 6.0) + (2 / 5.0) + 0) / 3).Within(1e-15));
        Assert.That(matrix.ToString().Split('\n'), Is.EqualTo(new[]
        {
            "class  cat  dog  bird  fish  samples  recall  precision     F1",
            "-----  ---  ---  ----  ----  -------  ------  ---------  -----",
            "cat      2    1     0     0        3   0.667      0.667  0.667",
            "dog      1    1     0     0        2   0.500      0.333  0.400",
            "bird     0    1     0     0        1   0.000        nan  0.000",
            "fish     0    0     0     0        0     nan        nan    nan",
            "accuracy 0.500 of 6 samples, macro F1 0.356",
        }));
        Assert.That(
            $"{new ConfusionMatrix(2, [], [])}", Does.StartWith("class  0  1  samples").And.EndWith("macro F1 nan"));
        Assert.That(() => new ConfusionMatrix(2, [0], [1]) { Names = ["a"] }, Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("There are 1 names for 2 classes."));
    }

    [Test]
    public void What_is_no_class_is_said()
    {
        Assert.That(() => new ConfusionMatrix(2, [0, 1], [0]), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("There are 2 labels but 1 predictions."));
        Assert.That(() => new ConfusionMatrix(2, [0, 2], [0, 0]), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("The label of sample 1 is 2, but there are 2 classes, from 0 to 1."));
        Assert.That(() => new ConfusionMatrix(2, [0, 1], [-1, 0]), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("The prediction of sample 0 is -1, but there are 2 classes, from 0 to 1."));
    }

    [Test]
    public void The_mistakes_of_which_the_network_is_surest_come_first()
    {
        Tensor probabilities = Tensor.From(
            [0.7f, 0.3f, 0, 0.2f, 0.8f, 0, 0.05f, 0.9f, 0.05f, 0, 0.1f, 0.9f, 0.2f, 0, 0.8f], 5, 3);
        Tensor labels = Tensor.From([1, 1, 0, 0, 0]);

        IReadOnlyList<Mistake> mistakes = Mistake.MostConfident(probabilities, labels, 3);

        Assert.That(mistakes.Select(mistake => (mistake.Index, mistake.Label, mistake.Predicted)), Is.EqualTo(
            new[] { (2, 0, 1), (3, 0, 2), (4, 0, 2) }));
        Assert.That(mistakes.Select(mistake => (float)mistake.Probability), Is.EqualTo(new[] { 0.9f, 0.9f, 0.8f }));
        Assert.That(mistakes.Select(mistake => (float)mistake.LabelProbability), Is.EqualTo(new[] { 0.05f, 0, 0.2f }));
        Assert.That(
            () => Mistake.MostConfident(probabilities, Tensor.From([1, 1]), 3), Throws.InstanceOf<EngineException>());
    }
}
