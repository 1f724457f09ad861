using System.Diagnostics;
using Engine.Devices;
using Engine.Graph;
using Engine.Rewrites;

namespace Engine.Compile;

/// <summary>
/// Represents the plans of a function. Each plan is for certain shapes of arguments and shared variables. It has memory
/// of its own, so only one thread at a time may run it. If several threads call with the same shapes, each gets a plan,
/// up to as many as the device runs at once.
/// </summary>
public sealed partial class Function
{
    /// <summary>
    /// The number of shapes whose plans are kept whatever their size, and the most that are kept: for example, all
    /// sizes of a batch. To make a plan takes as long as a hundred runs of a small one.
    /// </summary>
    internal const int FewShapes = 16, MaxShapes = 256;

    /// <summary>
    /// The memory of all plans beyond which only a few are kept, one for each shape: a plan that takes so much computes
    /// long enough to keep all threads busy.
    /// </summary>
    internal const long MaxBytes = 256L << 20;

    // The most recently used plans come first. The inner lists do not change; they are replaced.
    private readonly List<Plan[]> _plans = [];
    private readonly Lock _choosing = new();
    private readonly Lock _making = new();
    private readonly Dictionary<Constant, Storage> _constants = [];
    private bool _isDisposed;

    /// <summary>The plans made so far, the most recently used shapes first.</summary>
    internal IReadOnlyList<Plan> Plans
    {
        get
        {
            lock (_choosing)
            {
                return [.. _plans.SelectMany(same => same)];
            }
        }
    }

    private Plan? LatestPlan
    {
        get
        {
            lock (_choosing)
            {
                return _plans.Count > 0 ? _plans[0][0] : null;
            }
        }
    }

    /// <summary>
    /// Frees the memory of all plans after running calls have ended. The function cannot be called afterward.
    /// </summary>
    public void Dispose()
    {
        lock (_making)
        {
            Plan[][] plans;
            lock (_choosing)
            {
                _isDisposed = true;
                plans = [.. _plans];
                _plans.Clear();
            }

            Array.ForEach(plans, Drop);
            foreach (Storage constant in _constants.Values)
            {
                constant.Dispose();
            }

            _constants.Clear();
        }
    }

    /// <summary>Takes a plan for these arguments and holds its turn; the number of plans does not decrease.</summary>
    private Plan Take(ReadOnlySpan<Tensor> arguments)
    {
        while (true)
        {
            Plan[] same = PlansFor(arguments);
            Plan? plan = Array.Find(same, static plan => plan.Turn.TryEnter());
            if (plan is null && MayMakeBeside(same))
            {
                plan = Make(arguments, same);
            }
            else if (plan is null)
            {
                plan = same[Environment.CurrentManagedThreadId % same.Length];
                Device.CountWaiting(1);
                plan.Turn.Enter();
                Device.CountWaiting(-1);
            }

            if (plan is { IsDisposed: false })
            {
                return plan;
            }

            plan?.Turn.Exit();
        }
    }

    private bool MayMakeBeside(Plan[] same) => same.Length == 0
        || (same.Length < Device.RunsBeside && (same.Length + 1) * same[0].Arena.Bytes <= MaxBytes);

    /// <summary>Returns the existing plans for these arguments and marks them as the most recently used.</summary>
    private Plan[] PlansFor(ReadOnlySpan<Tensor> arguments)
    {
        lock (_choosing)
        {
            ThrowIfDisposed();
            for (int i = 0; i < _plans.Count; i++)
            {
                Plan[] same = _plans[i];
                if (same[0].Fits(arguments))
                {
                    for (; i > 0; i--)
                    {
                        _plans[i] = _plans[i - 1];
                    }

                    _plans[0] = same;
                    return same;
                }
            }

            return [];
        }
    }

    /// <summary>
    /// Makes a further plan for the same arguments and holds its turn; returns null if another thread made one
    /// meanwhile.
    /// </summary>
    private Plan? Make(ReadOnlySpan<Tensor> arguments, Plan[] same)
    {
        lock (_making)
        {
            if (PlansFor(arguments) != same)
            {
                return null;
            }

            Plan plan = same.Length > 0 ? same[0].Another(ConstantStorage) : NewPlan(arguments);
            plan.Turn.Enter();
            List<Plan[]> dropped = [];
            lock (_choosing)
            {
                if (same.Length > 0)
                {
                    _plans.Remove(same);
                }

                dropped.AddRange(_plans.Where(static plans => plans[0].IsOutdated));
                _plans.RemoveAll(dropped.Contains);
                _plans.Insert(0, [.. same, plan]);
                while (_plans.Count > FewShapes && (_plans.Count > MaxShapes || Bytes > MaxBytes))
                {
                    dropped.Add(_plans[^1]);
                    _plans.RemoveAt(_plans.Count - 1);
                }
            }

            dropped.ForEach(Drop);
            return plan;
        }
    }

    /// <summary>The memory of all plans.</summary>
    private long Bytes => _plans.Sum(same => same.Sum(plan => plan.Arena.Bytes));

    private static void Drop(Plan[] plans)
    {
        foreach (Plan plan in plans)
        {
            lock (plan.Turn)
            {
                plan.Dispose();
            }
        }
    }

    private Plan NewPlan(ReadOnlySpan<Tensor> arguments)
    {
        var clock = Stopwatch.StartNew();
        FunctionGraph graph = _graph.Specialize(Types(arguments));
        SharedVariable[] ofOneShape = [.. graph.Shared.Where(variable => variable.StandsIn)];
        graph = Expansion.Apply(graph);
        graph.RequireKnownDimensions();
        List<Rewritten> history = [new("written", graph, clock.Elapsed)];
        foreach (Rewrite rewrite in Options.Rewrites)
        {
            clock.Restart();
            graph = rewrite.Throughout(graph, Device);
            history.Add(new Rewritten(rewrite.Name, graph, clock.Elapsed));
        }

        return new Plan(graph, Device, Options, ConstantStorage) { History = history, OfOneShape = ofOneShape };
    }

    private TensorType[] Types(ReadOnlySpan<Tensor> arguments)
    {
        var types = new TensorType[arguments.Length];
        for (int i = 0; i < types.Length; i++)
        {
            int? size = Inputs[i].IsSize ? arguments[i].AsSpan<int>()[0] : null;
            types[i] = new TensorType(arguments[i].DType, arguments[i].Shape, size);
        }

        return types;
    }

    private Storage ConstantStorage(Constant constant)
    {
        if (!_constants.TryGetValue(constant, out Storage? storage))
        {
            storage = Device.Allocate(constant.Type.Bytes);
            constant.Value.CopyTo(storage);
            _constants.Add(constant, storage);
        }

        return storage;
    }

    private void ThrowIfDisposed()
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(
                nameof(Function),
                $"The {this} was disposed of: dispose of it when no thread calls it any more, or compile another.");
        }
    }
}
