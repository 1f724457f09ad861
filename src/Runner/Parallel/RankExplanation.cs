using Engine.Compile;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// Explains the training step of one of several ranks: its functions, its memory, and the bytes that it sends.
/// </summary>
internal static class RankExplanation
{
    /// <summary>Prints the explanation.</summary>
    /// <param name="net">The network with its ranks.</param>
    /// <param name="samples">Samples, of which only the shape matters.</param>
    /// <param name="labels">Their labels.</param>
    /// <param name="stage">What to show of the functions.</param>
    /// <param name="output">Where to print.</param>
    public static void Print(NeuralNet net, Tensors samples, Tensor labels, Stage stage, TextWriter output)
    {
        DataParallel parallel = net.Parallel!;
        int ranks = parallel.Communicator.Size, shards = parallel.ShardCount, batch = net.BatchIteratorTrain.BatchSize;
        using ShardedStep step = net.CompileShards(samples, labels);
        output.WriteLine(FormattableString.Invariant(
            $"A shard: {batch / shards} of {batch} samples; a batch has {shards} shards, rank 0 of {ranks} computes {shards / ranks} of them."));
        output.WriteLine();
        if (step.HasSeveralShards)
        {
            output.Write(step.Shard.Print(stage));
            output.WriteLine();
        }

        output.WriteLine("A rank's last shard, with the sums over the shards and the ranks and the update.");
        output.WriteLine();
        output.Write(step.LastShard.Print(stage));
        output.WriteLine();
        int size = net.FloatX.Size();
        long parameters = net.Network.Parameters.Sum(parameter => parameter.Variable.Shape.Count) * size;
        (long state, long sharded) = net.UpdateStateBytes;
        long floor = 2 * net.LearnableParameters * size * (ranks - 1) / ranks;
        output.WriteLine(FormattableString.Invariant($"parameters of a rank       {parameters,13:N0} bytes"));
        output.WriteLine(
            FormattableString.Invariant(
                $"gradients of a rank        {step.Elements * size,13:N0} bytes, with the loss and what else is exchanged"));
        output.WriteLine(FormattableString.Invariant(
            $"state of the update rule   {state,13:N0} bytes; with --shard-optimizer at most {sharded:N0}"));
        output.WriteLine(FormattableString.Invariant(
            $"sent by a rank in a step   {step.BytesSent,13:N0} bytes; 2(n - 1)/n of the gradients are {floor:N0}"));
        if (ranks == 1)
        {
            return;
        }

        output.WriteLine();
        output.WriteLine("The exchange takes at least, by the links' names and assumed latencies (docs/scale.md):");
        foreach (LinkModel link in LinkModel.All)
        {
            output.WriteLine(
                FormattableString.Invariant($"{link.Name,-24} {1e6 * link.Seconds(step.BytesSent, ranks),13:N1} µs"));
        }
    }
}
