using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Brings samples, batch by batch, to a function of a network's input, target and rows.</summary>
internal abstract class Feed : IDisposable
{
    /// <summary>Gets what the function takes with each call.</summary>
    public abstract IReadOnlyList<Graph.Input> Inputs { get; }

    /// <summary>Gets what stands for the network's input and target.</summary>
    public virtual IReadOnlyList<Given> Givens => [];

    /// <summary>Gets what moves on to the next batch.</summary>
    public virtual IReadOnlyList<Update> Updates => [];

    /// <summary>Gets the number of batches.</summary>
    public abstract int Batches { get; }

    /// <summary>Makes the function's plans, so that no batch has to wait for it.</summary>
    public abstract void Prepare(Function function);

    /// <summary>Returns the function of these updates and outputs on the batches that this brings.</summary>
    public Function Compile(
        IEnumerable<Update> updates, IReadOnlyList<Variable> outputs, Device device, CompileOptions? options = null) =>
        Function.Compile(Inputs, outputs, updates.Concat(Updates), Givens, device, options);

    /// <summary>Goes back to the first batch, of an epoch of this number.</summary>
    /// <param name="epoch">The number.</param>
    /// <param name="settings">The values of the settings that each batch has its own of.</param>
    public abstract void Start(int epoch, IReadOnlyList<Tensor> settings);

    /// <summary>
    /// Runs the function on the next <paramref name="count"/> batches and says how many samples they had.
    /// </summary>
    public abstract int Run(Function function, int count);

    /// <summary>Goes to a batch of the epoch, so that <see cref="Run"/> goes on with that.</summary>
    public virtual void Seek(int batch) => throw NotInParts();

    /// <summary>Returns how many samples a batch has.</summary>
    public virtual int RowsOf(int batch) => throw NotInParts();

    /// <summary>
    /// Returns how much the samples of a batch count together; as many as they are where they have no weights.
    /// </summary>
    public virtual double WeightOf(int batch) => throw NotInParts();

    /// <summary>
    /// Returns which rows of a batch a shard has: the first of them, counted within the batch, and how many.
    /// </summary>
    public virtual (int First, int Count) RowsOfShard(ShardPlan plan, int batch, int shard)
    {
        int rows = RowsOf(batch), first = plan.FirstRow(shard, rows);
        return (first, plan.FirstRow(shard + 1, rows) - first);
    }

    /// <summary>
    /// Runs the function on some rows of a batch, which it is told in what comes last among its arguments.
    /// </summary>
    /// <param name="function">A function of this feed's inputs, and of what <paramref name="last"/> is.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="shard">Which part of it, for what the host draws.</param>
    /// <param name="first">The first row, counted within the batch.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="last">The last argument.</param>
    public virtual void RunRows(Function function, int batch, int shard, int first, int count, Tensor last) => throw NotInParts();

    /// <summary>Puts the settings that a batch has its own of in place; where nothing else does.</summary>
    public virtual void SetSettings(int batch) => throw NotInParts();

    /// <summary>Gets the targets of the batch that ran last.</summary>
    public abstract Tensor LastTargets { get; }

    /// <summary>Gets whether each batch comes from the host, so that many at once are of no use.</summary>
    public virtual bool IsFromHost => false;

    /// <summary>Gets how long <see cref="Run"/> has waited in all for samples that were not read yet.</summary>
    public virtual TimeSpan Waited => TimeSpan.Zero;

    /// <summary>Ends what goes on between batches.</summary>
    public virtual void Stop()
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    // Fit refuses ranks before a feed that cannot be cut comes into use.
    private InvalidOperationException NotInParts() => new($"{GetType().Name} does not cut its batches into parts.");

    /// <summary>Returns the sum of the weights of some samples.</summary>
    protected static double SumOf(Tensor weights, ReadOnlySpan<int> rows)
    {
        double sum = 0;
        foreach (int row in rows)
        {
            sum += weights.DType == DType.Float32 ? weights.AsSpan<float>()[row] : weights.AsSpan<double>()[row];
        }

        return sum;
    }
}
