namespace Engine.Tests.Core;

public class PhiloxTests
{
    /// <summary>From kat_vectors of Random123, the authors' own library: philox4x32, 10 rounds.</summary>
    [Test]
    public void The_authors_known_answers_come_out()
    {
        Assert.That(Philox.Block(0, 0, 0), Is.EqualTo((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)));
        Assert.That(
            Philox.Block(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue),
            Is.EqualTo((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)));
        Assert.That(
            Philox.Block(0x85a308d3_243f6a88, 0x03707344_13198a2e, 0x299f31d0_a4093822),
            Is.EqualTo((0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u)));
    }

    [Test]
    public void Uniform_numbers_have_the_moments_of_their_distribution()
    {
        var values = new double[100_001];
        Philox.Uniform(7, values);

        Assert.That(values, Is.All.GreaterThanOrEqualTo(0).And.All.LessThan(1));
        Assert.That(values.Average(), Is.EqualTo(0.5).Within(0.005));
        Assert.That(values.Average(value => value * value), Is.EqualTo(1 / 3.0).Within(0.005));
    }

    [Test]
    public void Normal_numbers_have_the_moments_of_their_distribution()
    {
        var values = new double[100_001];
        Philox.Normal(7, values);

        Assert.That(values.Average(), Is.EqualTo(0).Within(0.02));
        Assert.That(values.Average(value => value * value), Is.EqualTo(1).Within(0.02));
        Assert.That(values.Average(value => Math.Pow(value, 4)), Is.EqualTo(3).Within(0.15));
    }

    [Test]
    public void A_permutation_has_every_number_once_and_depends_on_the_key([Values(0, 1, 2, 1000)] int count)
    {
        int[] order = Philox.Permutation(1, count);

        Assert.That(order, Is.EquivalentTo(Enumerable.Range(0, count)));
        Assert.That(order, Is.EqualTo(Philox.Permutation(1, count)));
        if (count == 1000)
        {
            Assert.That(order, Is.Not.EqualTo(Philox.Permutation(2, count)));
        }
    }

    [Test]
    public void Keys_differ_by_seed_and_by_name()
    {
        ulong[] keys = [Philox.Key(1, "a"), Philox.Key(1, "b"), Philox.Key(2, "a"), Philox.Key(2, "b"), Philox.Key(1, "ab")];

        Assert.That(keys, Is.Unique);
        Assert.That(Philox.Key(1, "a"), Is.EqualTo(keys[0]));
    }
}
