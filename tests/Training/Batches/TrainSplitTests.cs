using Engine.Training;

namespace Engine.Tests.Training;

public class TrainSplitTests
{
    [Test]
    public void The_first_fifth_of_each_class_rounded_up_validates()
    {
        int[] labels = [0, 0, 1, 0, 1, 0, 0, 1, 0, 2];

        (int[] train, int[] validation) = new TrainSplit().Split(10, labels);

        Assert.That(validation, Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(train, Is.EqualTo(new[] { 3, 4, 5, 6, 7, 8, 9 }), "the only one of class 2 trains");
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

    [TestCase(0.2, 30, 1)]
    [TestCase(0.5, 1, 1)]
    [TestCase(0.5, 2, 1)]
    [TestCase(0.1, 3, 2)]
    [TestCase(0.01, 5, 4)]
    public void A_class_that_has_samples_trains_however_few_they_are(double part, int first, int second)
    {
        int[] labels = [.. Enumerable.Repeat(0, first), .. Enumerable.Repeat(1, second), 2];

        (int[] train, int[] validation) = new TrainSplit(part).Split(labels.Length, labels);

        Assert.That(train.Select(i => labels[i]).Distinct(), Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(train.Concat(validation).Order(), Is.EqualTo(Enumerable.Range(0, labels.Length)));
        Assert.That(validation.Count(i => labels[i] == 0), Is.EqualTo(Math.Min(Math.Ceiling(first * part), first - 1)));
    }

    [TestCase(-0.1)]
    [TestCase(0.9)]
    [TestCase(double.NaN)]
    public void A_part_that_is_none_is_refused(double part) =>
        Assert.That(() => new TrainSplit(part).Split(10, null), Throws.TypeOf<EngineException>()
            .With.Message.Contains("from 0 to 0.5"));
}
