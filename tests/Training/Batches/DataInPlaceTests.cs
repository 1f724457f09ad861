using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>The first fit may read the samples in the user's own arrays; this must not change any result.</summary>
public class DataInPlaceTests
{
    [Test]
    public void Other_samples_are_learnt_from_as_if_they_had_been_brought_by_the_host([Values] bool shuffle)
    {
        (Tensor first, int[] firstLabels) = Toy.Clouds(100);
        (Tensor second, int[] secondLabels) = Toy.Clouds(100, seed: 2);
        (Tensor third, int[] thirdLabels) = Toy.Clouds(60, seed: 3);
        using NeuralNet device = Net(null), host = Net(batch => batch);

        foreach (NeuralNet net in new[] { device, host })
        {
            net.Fit(first, firstLabels).Fit(second, secondLabels).Fit(second, secondLabels);
            net.Fit(third, thirdLabels).Fit(first, firstLabels);
        }

        Assert.That(Weights(host), Is.EqualTo(Weights(device)));
        Assert.That(
            host.TrainHistory.Select(record => record.ValidAccuracy),
            Is.EqualTo(device.TrainHistory.Select(record => record.ValidAccuracy)));

        NeuralNet Net(Func<Batch, Batch>? transform) => Small(new BatchIterator(16)
        {
            Shuffle = shuffle,
            Transform = transform,
        });
    }

    [Test]
    public void Another_part_of_the_same_samples_may_be_set_apart()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        using NeuralNet device = Small(new BatchIterator(16)), host = Small(new(16) { Transform = batch => batch });

        foreach (NeuralNet net in new[] { device, host })
        {
            net.Fit(points, labels);
            net.TrainSplit = new TrainSplit(EvalSize: 0.5);
            net.Fit(points, labels);
            net.TrainSplit = new TrainSplit(EvalSize: 0);
            net.Fit(points, labels);
        }

        Assert.That(Weights(host), Is.EqualTo(Weights(device)));
    }

    [Test]
    public void What_the_user_handed_over_stays_as_it_is()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        (Tensor others, int[] otherLabels) = Toy.Clouds(100, seed: 2);
        byte[] before = points.Bytes.ToArray();
        int[] labelsBefore = [.. labels];
        using NeuralNet net = Small(new BatchIterator(16) { Shuffle = true });
        net.TrainSplit = new TrainSplit(EvalSize: 0);

        net.Fit(points, labels).Fit(others, otherLabels);

        Assert.That(points.Bytes.ToArray(), Is.EqualTo(before));
        Assert.That(labels, Is.EqualTo(labelsBefore));
    }

    [Test]
    public void A_shared_variable_that_no_function_uses_yet_leaves_its_first_tensor_alone()
    {
        var tensor = Tensor.From([1f, 2f]);
        using var variable = new Engine.Graph.SharedVariable(tensor, "w");

        variable.SetValue(Tensor.From([3f, 4f]));

        Assert.That(variable.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(new[] { 3f, 4f }));
        Assert.That(tensor.AsSpan<float>().ToArray(), Is.EqualTo(new[] { 1f, 2f }));
    }

    private static NeuralNet Small(BatchIterator iterator) => new(new Input(2), new Dense(3, Symbolic.Softmax))
    {
        BatchIteratorTrain = iterator,
        MaxEpochs = 2,
    };

    private static float[] Weights(NeuralNet net) =>
        [.. net.GetParameters().SelectMany(parameter => parameter.Value.AsSpan<float>().ToArray())];
}
