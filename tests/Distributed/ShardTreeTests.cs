using Engine.Distributed;

namespace Engine.Tests.Distributed;

/// <summary>The order of sums is that of the shards, whichever rank computes them.</summary>
public class ShardTreeTests
{
    [TestCase(1, "0")]
    [TestCase(2, "(0+1)")]
    [TestCase(4, "((0+1)+(2+3))")]
    [TestCase(8, "(((0+1)+(2+3))+((4+5)+(6+7)))")]
    [TestCase(3, "((0+1)+2)")]
    [TestCase(7, "(((0+1)+(2+3))+((4+5)+6))")]
    public void Shards_are_added_pairwise(int shards, string expected) =>
        Assert.That(SumOf([.. Enumerable.Range(0, shards).Select(shard => (new ShardTree.Node(shard, 1), $"{shard}"))]),
            Is.EqualTo(expected));

    [Test]
    public void Every_number_of_ranks_adds_in_the_same_order(
        [Values(1, 2, 4, 8, 16)] int shards, [Values(1, 2, 3, 4, 5, 6, 7, 8, 11, 16)] int ranks)
    {
        Assume.That(ranks, Is.LessThanOrEqualTo(shards));
        string alone = SumOf(Leaves(0, shards));

        string together = SumOf([.. Enumerable.Range(0, ranks).SelectMany(rank => ShardTree.Nodes(rank, ranks, shards))
            .Select(node => (node, SumOf(Leaves(node.First, node.Count))))]);

        Assert.That(together, Is.EqualTo(alone));
    }

    [Test]
    public void Each_shard_is_of_one_rank([Values(1, 2, 3, 5, 8)] int ranks)
    {
        int[] dealt = [.. Enumerable.Range(0, ranks).SelectMany(rank =>
        {
            (int first, int last) = ShardTree.ShardsOf(rank, ranks, 8);
            return Enumerable.Range(first, last - first);
        })];

        Assert.That(dealt, Is.EqualTo(Enumerable.Range(0, 8)));
    }

    private static (ShardTree.Node, string)[] Leaves(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(shard => (new ShardTree.Node(shard, 1), $"{shard}"))];

    private static string SumOf((ShardTree.Node Node, string Text)[] nodes)
    {
        string[] texts = [.. nodes.Select(node => node.Text)];
        ShardTree.Sum(
            [.. nodes.Select(node => node.Node)], (into, other) => texts[into] = $"({texts[into]}+{texts[other]})");
        return texts[0];
    }
}
