namespace Engine.Distributed;

/// <summary>
/// Determines the order in which the sums of a batch's shards are added: in pairs, (0 + 1) + (2 + 3), and so on. The
/// tree depends only on the shards, so the sum has the same bits whichever rank computes which shard.
/// </summary>
internal static class ShardTree
{
    /// <summary>Represents a sum of neighboring shards: a node of the tree.</summary>
    /// <param name="First">The first shard.</param>
    /// <param name="Count">The number of shards, a power of two.</param>
    public readonly record struct Node(int First, int Count);

    /// <summary>Returns the shards of a rank: from the first up to, not including, the last.</summary>
    public static (int First, int Last) ShardsOf(int rank, int ranks, int shards) =>
        ((int)((long)rank * shards / ranks), (int)((long)(rank + 1) * shards / ranks));

    /// <summary>
    /// Returns the largest nodes within a rank's shards, in order: the sums that it can compute alone.
    /// </summary>
    public static IReadOnlyList<Node> Nodes(int rank, int ranks, int shards)
    {
        (int first, int last) = ShardsOf(rank, ranks, shards);
        return Nodes(first, last);
    }

    /// <summary>
    /// Returns the largest nodes within neighboring shards: from the first up to, not including, the last.
    /// </summary>
    public static IReadOnlyList<Node> Nodes(int first, int last)
    {
        int at = first;
        var nodes = new List<Node>();
        while (at < last)
        {
            int count = 1;
            while (at % (2 * count) == 0 && at + (2 * count) <= last)
            {
                count *= 2;
            }

            nodes.Add(new Node(at, count));
            at += count;
        }

        return nodes;
    }

    /// <summary>Returns the maximum number of nodes of a rank.</summary>
    public static int MaxNodes(int ranks, int shards) =>
        Enumerable.Range(0, ranks).Max(rank => Nodes(rank, ranks, shards).Count);

    /// <summary>
    /// Adds nodes, given in the order of their shards, in the tree's order. <paramref name="add"/> adds the sum at its
    /// second index to that at its first; the total is at index 0.
    /// </summary>
    public static void Sum(IReadOnlyList<Node> nodes, Action<int, int> add)
    {
        var stack = new Stack<(int Index, int Count)>();
        for (int i = 0; i < nodes.Count; i++)
        {
            (int index, int count) = (i, nodes[i].Count);
            while (stack.TryPeek(out (int Index, int Count) before) && before.Count == count)
            {
                stack.Pop();
                add(before.Index, index);
                (index, count) = (before.Index, 2 * count);
            }

            stack.Push((index, count));
        }

        // Nodes are left only if the number of shards is no power of two; they are added from the last on.
        for ((int Index, int Count) last = stack.Count > 0 ? stack.Pop() : default; stack.Count > 0;)
        {
            (int Index, int Count) before = stack.Pop();
            add(before.Index, last.Index);
            last = before;
        }
    }
}
