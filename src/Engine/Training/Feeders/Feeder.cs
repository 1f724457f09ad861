using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Feeds samples, batch by batch, to a function of a network's input, target and rows.</summary>
internal abstract class Feeder : IDisposable
{
    /// <summary>Gets the arguments that the function takes with each call.</summary>
    public abstract IReadOnlyList<Graph.Input> Inputs { get; }

    /// <summary>Gets the replacements of the network's input and target.</summary>
    public virtual IReadOnlyList<Given> Givens => [];

    /// <summary>Gets the updates that advance to the next batch.</summary>
    public virtual IReadOnlyList<Update> Updates => [];

    /// <summary>Gets the number of batches.</summary>
    public abstract int Batches { get; }

    /// <summary>Makes the function's plans, so no batch has to wait for them.</summary>
    public abstract void Prepare(Function function);

    /// <summary>Compiles the function of these updates and outputs on this feeder's batches.</summary>
    public Function Compile(
        IEnumerable<Update> updates, IReadOnlyList<Variable> outputs, Device device, CompileOptions? options = null) =>
        Function.Compile(Inputs, outputs, updates.Concat(Updates), Givens, device, options);

    /// <summary>Goes back to the first batch and begins the epoch of this number.</summary>
    /// <param name="epoch">The number.</param>
    /// <param name="settings">The values of the settings that change with each batch.</param>
    public abstract void Start(int epoch, IReadOnlyList<Tensor> settings);

    /// <summary>
    /// Runs the function on the next <paramref name="count"/> batches and returns how many samples they had.
    /// </summary>
    public abstract int Run(Function function, int count);

    /// <summary>Goes to a batch of the epoch, with which <see cref="Run"/> continues.</summary>
    public virtual void Seek(int batch) => throw NotInParts();

    /// <summary>Returns how many samples a batch has.</summary>
    public virtual int RowsOf(int batch) => throw NotInParts();

    /// <summary>Returns the sum of the weights of a batch's samples, or their number if they have no weights.</summary>
    public virtual double WeightOf(int batch) => throw NotInParts();

    /// <summary>
    /// Returns which rows of a batch a shard has: the first row, counted within the batch, and their number.
    /// </summary>
    public virtual (int First, int Count) RowsOfShard(ShardPlan plan, int batch, int shard)
    {
        int rows = RowsOf(batch), first = plan.FirstRow(shard, rows);
        return (first, plan.FirstRow(shard + 1, rows) - first);
    }

    /// <summary>Runs the function on some rows of a batch. The last argument goes to the function unchanged.</summary>
    /// <param name="function">A function of this feeder's inputs and of <paramref name="last"/>.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="shard">The shard's number, for the host's random numbers.</param>
    /// <param name="first">The first row, counted within the batch.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="last">The last argument.</param>
    public virtual void RunRows(Function function, int batch, int shard, int first, int count, Tensor last) =>
        throw NotInParts();

    /// <summary>Sets the settings that change with each batch, if nothing else does.</summary>
    public virtual void SetSettings(int batch) => throw NotInParts();

    /// <summary>Gets the targets of the last batch that ran.</summary>
    public abstract Tensor LastTargets { get; }

    /// <summary>Gets whether each batch comes from the host. Then it is useless to run many at once.</summary>
    public virtual bool IsFromHost => false;

    /// <summary>Gets the total time that <see cref="Run"/> has waited for samples to be read.</summary>
    public virtual TimeSpan Waited => TimeSpan.Zero;

    /// <summary>Stops the background work between batches.</summary>
    public virtual void Stop()
    {
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    // Fit never uses ranks with a feeder that cannot split its batches.
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
