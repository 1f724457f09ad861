using System.Numerics;
using Engine.Distributed;

namespace Engine.Training;

/// <summary>
/// Describes how several ranks train one network together. Each rank computes the gradients of a part of every batch;
/// all ranks take the same step with the sums. Every rank calls
/// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> with the same network, the same settings and all of
/// the data. Losses and scores are those of the whole data.
/// </summary>
/// <remarks>
/// A batch is cut into shards. Dropout, augmentation and <see cref="BatchIterator.Transform"/> draw their own numbers
/// for each shard. <see cref="Layers.BatchNorm"/> normalizes each shard, not the whole batch; its running averages
/// follow the mean over the shards. An <see cref="NeuralNet.Objective"/> that gives one number for a batch gives one
/// for each shard.
/// </remarks>
/// <param name="Communicator">
/// The ranks. A single rank computes in the same way as several, and gets the same bits.
/// </param>
public sealed record DataParallel(Communicator Communicator)
{
    /// <summary>Specifies the default number of shards of a batch, unless there are more ranks.</summary>
    public const int DefaultShards = 8;

    /// <summary>
    /// Gets or sets the number of shards of a batch: a power of two, and at least one per rank. Without
    /// <see cref="IsDeterministic"/> it is a multiple of the ranks. Null stands for 8, or more if there are more ranks.
    /// The results depend on this number, not on the number of ranks. A rank computes its shards one after the other in
    /// the memory of one shard, so this is gradient accumulation, too.
    /// </summary>
    public int? Shards { get; init; }

    /// <summary>
    /// Gets or sets whether gradients are summed in a fixed order, pairwise over the shards, so that any number of
    /// ranks gives the same bits on the CPU. If false, each rank has one shard, unless <see cref="Shards"/> says more,
    /// and the library sums in its fastest order.
    /// </summary>
    public bool IsDeterministic { get; init; } = true;

    /// <summary>
    /// Gets or sets whether <see cref="Layers.BatchNorm"/> uses the mean and variance of the whole batch, which the
    /// ranks sum, instead of those of a shard. Each rank then has exactly one shard, because a rank computes its shards
    /// one after the other. The results depend on the number of ranks.
    /// </summary>
    public bool IsBatchNormSynchronized { get; init; }

    /// <summary>
    /// Gets or sets whether the state of the update rule is sharded over the ranks (ZeRO's first stage). Each rank then
    /// keeps the state of some whole parameters, updates only these, and receives the others from their ranks. The bits
    /// of the results do not change. A step sends half as many bytes again. All ranks must call <see
    /// cref="NeuralNet.SaveState"/>; rank 0 writes the file.
    /// </summary>
    public bool IsOptimizerSharded { get; init; }

    /// <summary>Gets the number of shards of a batch for these ranks.</summary>
    /// <exception cref="EngineException">There cannot be so many.</exception>
    public int ShardCount => Plan().Shards;

    /// <summary>Returns the shards of a batch with these ranks.</summary>
    /// <exception cref="EngineException">
    /// The number of shards does not fit the number of ranks, or is not a power of two.
    /// </exception>
    internal ShardPlan Plan()
    {
        int ranks = Communicator.Size;
        int min = IsDeterministic ? (int)BitOperations.RoundUpToPowerOf2((uint)ranks) : ranks;
        int shards = Shards
            ?? (IsBatchNormSynchronized ? ranks : IsDeterministic ? Math.Max(DefaultShards, min) : ranks);
        if (IsBatchNormSynchronized && shards != ranks)
        {
            throw new EngineException(
                $"Batch normalization is synchronized over shards that are computed at once, one a rank: {shards} "
                + $"shards do not fit {ranks} rank{(ranks == 1 ? "" : "s")}. Say {ranks} (--shards {ranks}), "
                + "or leave the number of shards out.");
        }

        if (shards < ranks)
        {
            throw new EngineException(
                $"{shards} shard{(shards == 1 ? " of a batch is" : "s of a batch are")} not enough for {ranks} ranks: "
                + "each computes at least one.");
        }

        if (IsDeterministic && !BitOperations.IsPow2(shards))
        {
            throw new EngineException(
                $"A batch is cut into 1, 2, 4, 8, … shards, whose sums are added pairwise, not into {shards}.");
        }

        if (!IsDeterministic && shards % ranks != 0)
        {
            throw new EngineException(
                $"{shards} shards cannot be dealt out evenly to {ranks} ranks, "
                + "as they must where the order of sums is free.");
        }

        return new ShardPlan(Communicator, shards, IsDeterministic)
        {
            IsBatchNormSynchronized = IsBatchNormSynchronized,
        };
    }
}

/// <summary>Represents the shards of each batch, and which of them this rank computes.</summary>
internal sealed record ShardPlan(Communicator Communicator, int Shards, bool IsDeterministic)
{
    /// <summary>Gets or sets whether the shards of a batch are normalized together.</summary>
    public bool IsBatchNormSynchronized { get; init; }

    /// <summary>Gets the first of this rank's shards, and the one behind the last.</summary>
    public (int First, int Last) Own => ShardTree.ShardsOf(Communicator.Rank, Communicator.Size, Shards);

    /// <summary>Gets the sums that the rank has of all of its shards except the last.</summary>
    public IReadOnlyList<ShardTree.Node> Before => IsDeterministic
        ? ShardTree.Nodes(Own.First, Own.Last - 1)
        : ShardTree.Nodes(0, Own.Last - Own.First - 1);

    /// <summary>Returns the bytes that a rank sends to exchange a number of bytes.</summary>
    public long BytesSent(long bytes)
    {
        int ranks = Communicator.Size, nodes = IsDeterministic ? ShardTree.MaxNodes(ranks, Shards) : 1;
        return (nodes + 1) * bytes * (ranks - 1) / ranks;
    }

    /// <summary>
    /// Returns the first row of a shard in a batch. The shard ends before the first row of the next.
    /// </summary>
    public int FirstRow(int shard, int rows) => (int)((long)shard * rows / Shards);
}
