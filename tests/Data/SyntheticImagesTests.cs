using System.Security.Cryptography;
using Engine.Data;

namespace Engine.Tests.Data;

public class SyntheticImagesTests
{
    [Test]
    public void The_images_never_change()
    {
        Cifar10Set set = SyntheticImages.Draw(train: 25, test: 10, seed: 1);

        // Recorded from the first version, so that results are comparable between versions and machines.
        Assert.That(HashOf(set.Train.Images), Is.EqualTo("e881fb12146d12d2"));
        Assert.That(HashOf(set.Test.Images), Is.EqualTo("c38f6aa701eda7e5"));
        Assert.That(set.Train.Labels.AsSpan<int>()[..10].ToArray(), Is.EqualTo(new[] { 1, 9, 0, 7, 4, 2, 5, 3, 8, 6 }));
    }

    [Test]
    public void Every_ten_images_hold_each_class_once()
    {
        int[] labels = SyntheticImages.Draw(train: 200, test: 10).Train.Labels.AsSpan<int>().ToArray();

        Assert.That(labels.Chunk(10), Is.All.EquivalentTo(Enumerable.Range(0, 10)));
        Assert.That(labels.Chunk(10).Distinct(new SequenceComparer()).Count(), Is.GreaterThan(15));
    }

    [Test]
    public void A_smaller_set_is_the_beginning_of_a_larger_one()
    {
        Cifar10Images small = SyntheticImages.Draw(train: 13, test: 1).Train;
        Cifar10Images large = SyntheticImages.Draw(train: 40, test: 1).Train;

        Assert.That(large.Images.Rows(0, 13).Bytes.SequenceEqual(small.Images.Bytes));
        Assert.That(large.Labels.Rows(0, 13).Bytes.SequenceEqual(small.Labels.Bytes));
    }

    [Test]
    public void Seeds_and_the_two_parts_give_different_images()
    {
        Cifar10Set one = SyntheticImages.Draw(10, 10, seed: 1), two = SyntheticImages.Draw(10, 10, seed: 2);

        Assert.That(one.Train.Images.Bytes.SequenceEqual(two.Train.Images.Bytes), Is.False);
        Assert.That(one.Train.Images.Bytes.SequenceEqual(one.Test.Images.Bytes), Is.False);
    }

    [Test]
    public void It_says_that_it_is_drawn_and_what_its_classes_are()
    {
        Cifar10Set set = SyntheticImages.Draw(10, 10);

        Assert.That(set.IsSynthetic);
        Assert.That(set.Source, Does.Contain("not CIFAR-10"));
        Assert.That(set.Notice, Does.Contain("not CIFAR-10's"));
        Assert.That(set.ClassNames, Has.Count.EqualTo(10).And.Unique);
        Assert.That(set.Train.Images.TypeText, Is.EqualTo("uint8 (10, 3, 32, 32)"));
        Assert.That(set.Train.Labels.TypeText, Is.EqualTo("int32 (10)"));
    }

    [Test]
    public void No_class_is_told_by_its_mean_image()
    {
        Cifar10Set set = SyntheticImages.Draw(train: 4000, test: 500);
        float[] means = new float[10 * 1024];
        float[] gray = set.Train.Grayscale().AsSpan<float>().ToArray();
        float[] test = set.Test.Grayscale().AsSpan<float>().ToArray();
        for (int i = 0; i < gray.Length; i++)
        {
            means[(set.Train.Labels.AsSpan<int>()[i / 1024] * 1024) + (i % 1024)] += gray[i] / 400;
        }

        int right = 0;
        for (int i = 0; i < 500; i++)
        {
            int nearest = Enumerable.Range(0, 10).MinBy(label =>
                Distance(test.AsSpan(i * 1024, 1024), means.AsSpan(label * 1024, 1024)));
            right += nearest == set.Test.Labels.AsSpan<int>()[i] ? 1 : 0;
        }

        Assert.That(right, Is.LessThan(150));
    }

    private static float Distance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        float sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }

        return sum;
    }

    private static string HashOf(Tensor tensor) => Convert.ToHexStringLower(SHA256.HashData(tensor.Bytes))[..16];

    private sealed class SequenceComparer : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] sequence) => sequence.Aggregate(0, HashCode.Combine);
    }
}
