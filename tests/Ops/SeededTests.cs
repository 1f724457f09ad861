using Engine.Ops;

namespace Engine.Tests.Ops;

public class SeededTests
{
    [Test]
    public void Uniform_numbers_have_the_moments_of_their_distribution()
    {
        var values = new double[100_001];
        Seeded.Uniform(7, values);

        Assert.That(values, Is.All.GreaterThanOrEqualTo(0).And.All.LessThan(1));
        Assert.That(values.Average(), Is.EqualTo(0.5).Within(0.005));
        Assert.That(values.Average(value => value * value), Is.EqualTo(1 / 3.0).Within(0.005));
    }

    [Test]
    public void Normal_numbers_have_the_moments_of_their_distribution()
    {
        var values = new double[100_001];
        Seeded.Normal(7, values);

        Assert.That(values.Average(), Is.EqualTo(0).Within(0.02));
        Assert.That(values.Average(value => value * value), Is.EqualTo(1).Within(0.02));
        Assert.That(values.Average(value => Math.Pow(value, 4)), Is.EqualTo(3).Within(0.15));
    }

    [Test]
    public void A_permutation_has_every_number_once_and_depends_on_the_key([Values(0, 1, 2, 1000)] int count)
    {
        int[] order = Seeded.Permutation(1, count);

        Assert.That(order, Is.EquivalentTo(Enumerable.Range(0, count)));
        Assert.That(order, Is.EqualTo(Seeded.Permutation(1, count)));
        if (count == 1000)
        {
            Assert.That(order, Is.Not.EqualTo(Seeded.Permutation(2, count)));
        }
    }

    [Test]
    public void Keys_differ_by_seed_and_by_name()
    {
        ulong[] keys =
            [Seeded.Key(1, "a"), Seeded.Key(1, "b"), Seeded.Key(2, "a"), Seeded.Key(2, "b"), Seeded.Key(1, "ab")];

        Assert.That(keys, Is.Unique);
        Assert.That(Seeded.Key(1, "a"), Is.EqualTo(keys[0]));
    }
}
