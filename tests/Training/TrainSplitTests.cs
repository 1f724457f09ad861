using Engine.Training;

namespace Engine.Tests.Training;

public class TrainSplitTests
{
    [Test]
    public void The_first_fifth_of_each_class_rounded_up_validates()
    {
        int[] labels = [0, 0, 1, 0, 1, 0, 0, 1, 0, 2];

        (int[] train, int[] validation) = new TrainSplit().Split(10, labels);

        Assert.That(validation, Is.EqualTo(new[] { 0, 1, 2, 9 }));
        Assert.That(train, Is.EqualTo(new[] { 3, 4, 5, 6, 7, 8 }));
    }

    [Test]
    public void Fifty_thousand_images_give_forty_and_ten()
    {
        var random = new Random(1);
        int[] labels = [.. Enumerable.Range(0, 50_000).Select(i => i % 10)];
        random.Shuffle(labels);

        (int[] train, int[] validation) = new TrainSplit().Split(50_000, labels);

        Assert.That(train, Has.Length.EqualTo(40_000));
        Assert.That(validation, Has.Length.EqualTo(10_000));
        Assert.That(validation.CountBy(i => labels[i]).Select(pair => pair.Value), Is.All.EqualTo(1000));
        Assert.That(train, Is.Ordered);
        Assert.That(validation, Is.Ordered);
    }

    [TestCase(10, 2)]
    [TestCase(11, 3)]
    [TestCase(6, 2)]
    public void Without_classes_the_first_contiguous_fifth_validates(int count, int fifth)
    {
        (int[] train, int[] validation) = new TrainSplit().Split(count, null);

        Assert.That(validation, Is.EqualTo(Enumerable.Range(0, fifth)));
        Assert.That(train, Is.EqualTo(Enumerable.Range(fifth, count - fifth)));
        Assert.That(new TrainSplit(Stratify: false).Split(count, new int[count]).Validation, Is.EqualTo(validation));
    }

    [Test]
    public void Other_parts_are_rounded_to_the_inverse_of_a_whole_number()
    {
        Assert.That(new TrainSplit(0.25).Split(8, null).Validation, Has.Length.EqualTo(2));
        Assert.That(new TrainSplit(0.3).Split(9, null).Validation, Has.Length.EqualTo(3));
    }

    [Test]
    public void Nothing_validates_when_nothing_is_wanted()
    {
        (int[] train, int[] validation) = new TrainSplit(0).Split(3, [1, 1, 2]);

        Assert.That(validation, Is.Empty);
        Assert.That(train, Is.EqualTo(new[] { 0, 1, 2 }));
    }

    [Test]
    public void A_split_that_leaves_nothing_to_train_on_is_refused() =>
        Assert.That(() => new TrainSplit().Split(3, [0, 1, 2]), Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("Of 3 samples none is left to train on"));

    [TestCase(-0.1)]
    [TestCase(0.9)]
    [TestCase(double.NaN)]
    public void A_part_that_is_none_is_refused(double part) =>
        Assert.That(() => new TrainSplit(part).Split(10, null), Throws.TypeOf<EngineException>()
            .With.Message.Contains("from 0 to 0.5"));
}
