using System.Numerics;
using Engine.Distributed;

namespace Engine.Training;

/// <summary>
/// Describes how several ranks train one network together: each computes the gradients of a part of every batch, and
/// all take the same step with their sums. Every rank calls
/// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> with the same network, the same settings and all of
/// the data; losses and scores are those of all.
/// </summary>
/// <remarks>
/// A batch is cut into shards. Dropout, augmentation and <see cref="BatchIterator.Transform"/> draw for each shard its own
/// numbers, and <see cref="Layers.BatchNorm"/> normalizes by the shard, as it does by the batch on one rank alone; its
/// running averages follow the shards' mean. An <see cref="NeuralNet.Objective"/> that gives one number for a batch gives
/// it for a shard.
/// </remarks>
/// <param name="Communicator">The ranks; a rank alone computes as several do, and gets the same bits.</param>
public sealed record DataParallel(Communicator Communicator)
{
    /// <summary>Represents the shards of a batch, unless there are more ranks.</summary>
    public const int DefaultShards = 8;

    /// <summary>
    /// Into how many shards a batch is cut, a power of two and at least one a rank; null for 8, or as many as that takes. The
    /// results are a function of it, and not of the number of ranks. A rank computes its shards one after the other, which
    /// takes the memory of one of them: this is gradient accumulation, too.
    /// </summary>
    public int? Shards { get; init; }

    /// <summary>
    /// Gets or sets whether gradients are summed in a fixed order, pairwise over the shards, so that each number of
    /// ranks gives the same bits on the CPU. Without it each rank has one shard, unless <see cref="Shards"/> says more,
    /// and the library sums in the order that it is fastest in.
    /// </summary>
    public bool IsDeterministic { get; init; } = true;

    /// <summary>
    /// Gets or sets whether <see cref="Layers.BatchNorm"/> normalizes by the whole batch, whose figures the ranks sum, and not by
    /// the shard. Each rank then has one shard, for those of one rank are computed one after the other: the results are a
    /// function of the number of ranks.
    /// </summary>
    public bool IsBatchNormSynchronized { get; init; }

    /// <summary>
    /// Gets or sets whether each rank keeps only its part of what the update rule remembers, and updates only the parameters
    /// beside it, whole ones; the others come from their ranks. The results have the same bits as without it. A step sends
    /// half as much again; all ranks then call <see cref="NeuralNet.SaveState"/>, and rank 0 writes.
    /// </summary>
    public bool IsOptimizerSharded { get; init; }

    /// <summary>Into how many shards a batch is cut with these ranks.</summary>
    /// <exception cref="EngineException">There cannot be so many.</exception>
    public int ShardCount => Plan().Shards;

    /// <summary>The shards of a batch with these ranks.</summary>
    /// <exception cref="EngineException">There cannot be so many.</exception>
    internal ShardPlan Plan()
    {
        int ranks = Communicator.Size;
        int least = IsDeterministic ? (int)BitOperations.RoundUpToPowerOf2((uint)ranks) : ranks;
        int shards = Shards ?? (IsBatchNormSynchronized ? ranks : IsDeterministic ? Math.Max(DefaultShards, least) : ranks);
        if (IsBatchNormSynchronized && shards != ranks)
        {
            throw new EngineException(
                $"Batch normalization is synchronized over shards that are computed at once, one a rank: {shards} shards do not fit "
                + $"{ranks} rank{(ranks == 1 ? "" : "s")}. Say {ranks} (--shards {ranks}), or leave the number of shards out.");
        }

        if (shards < ranks)
        {
            throw new EngineException(
                $"{shards} shards of a batch are not enough for {ranks} ranks: each computes at least one.");
        }

        if (IsDeterministic && !BitOperations.IsPow2(shards))
        {
            throw new EngineException(
                $"A batch is cut into 1, 2, 4, 8, … shards, whose sums are added pairwise, not into {shards}.");
        }

        if (!IsDeterministic && shards % ranks != 0)
        {
            throw new EngineException(
                $"{shards} shards cannot be dealt out evenly to {ranks} ranks, as they must where the order of sums is free.");
        }

        return new ShardPlan(Communicator, shards, IsDeterministic) { IsBatchNormSynchronized = IsBatchNormSynchronized };
    }
}

/// <summary>The shards of each batch, and which of them are this rank's.</summary>
internal sealed record ShardPlan(Communicator Communicator, int Shards, bool IsDeterministic)
{
    /// <summary>Gets or sets whether the shards of a batch are normalized as one.</summary>
    public bool IsBatchNormSynchronized { get; init; }

    /// <summary>Gets the first of this rank's shards, and the one behind the last.</summary>
    public (int First, int Last) Own => ShardTree.ShardsOf(Communicator.Rank, Communicator.Size, Shards);

    /// <summary>Gets the sums that this rank brings to the exchange.</summary>
    public IReadOnlyList<ShardTree.Node> Nodes => IsDeterministic
        ? ShardTree.Nodes(Communicator.Rank, Communicator.Size, Shards)
        : [new ShardTree.Node(Own.First, Own.Last - Own.First)];

    /// <summary>Gets the sums that it has of its shards but the last.</summary>
    public IReadOnlyList<ShardTree.Node> Before => IsDeterministic
        ? ShardTree.Nodes(Own.First, Own.Last - 1)
        : ShardTree.Nodes(0, Own.Last - Own.First - 1);

    /// <summary>Returns the bytes that a rank sends to exchange so many.</summary>
    public long BytesSent(long bytes)
    {
        int ranks = Communicator.Size, nodes = IsDeterministic ? ShardTree.MaxNodes(ranks, Shards) : 1;
        return (nodes + 1) * bytes * (ranks - 1) / ranks;
    }

    /// <summary>
    /// Returns the first row of a shard of a batch of so many rows; that of the next one is behind its last.
    /// </summary>
    public int FirstRow(int shard, int rows) => (int)((long)shard * rows / Shards);
}
