using Engine.Distributed;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Assigns the optimizer state of each parameter to one rank (ZeRO's first stage: Rajbhandari, Rasley, Ruwase, He:
/// ZeRO. SC 2020). The largest parameters are assigned first, each as a whole to the rank that has the smallest so far,
/// so that rules that need a whole parameter compute the same as before.
/// </summary>
internal sealed class StateOwners
{
    private readonly Communicator _communicator;
    private readonly Dictionary<SharedVariable, int> _owners = [];

    /// <param name="communicator">The ranks.</param>
    /// <param name="parameters">
    /// All parameters of the network, including frozen ones, so that owners never change.
    /// </param>
    public StateOwners(Communicator communicator, IEnumerable<Parameter> parameters)
    {
        _communicator = communicator;
        long[] loads = new long[communicator.Size];
        foreach (SharedVariable variable in parameters.Select(parameter => parameter.Variable)
            .OrderByDescending(variable => variable.Shape.Count))
        {
            int owner = loads.IndexOf(loads.Min());
            loads[owner] += variable.Shape.Count;
            _owners.Add(variable, owner);
        }
    }

    /// <summary>Returns the rank that updates a parameter.</summary>
    public int Of(SharedVariable parameter) => _owners[parameter];

    /// <summary>Returns whether this rank updates a parameter.</summary>
    public bool IsOwn(SharedVariable parameter) => Of(parameter) == _communicator.Rank;

    /// <summary>Returns the bytes of a rule's state on the rank that keeps the most.</summary>
    public long MaxBytes(BuiltUpdates rule)
    {
        ILookup<int, long> bytes = rule.ParameterOf.ToLookup(
            pair => Of(pair.Value), pair => pair.Key.Shape.Count * pair.Key.DType.Size());
        long everywhere = rule.State.Where(variable => !rule.ParameterOf.ContainsKey(variable))
            .Sum(variable => variable.Shape.Count * variable.DType.Size());
        return everywhere + Enumerable.Range(0, _communicator.Size).Max(rank => bytes[rank].Sum());
    }

    /// <summary>
    /// Returns a rule's updates on this rank: it updates its own parameters and its part of the state, and gets the
    /// other parameters from their owners.
    /// </summary>
    /// <param name="rule">The rule.</param>
    /// <param name="sums">
    /// The sums over the ranks, all of which are over before parameters are sent. A rank whose own parameters need none
    /// of them computes them too, so that all ranks make the same exchanges in the same order.
    /// </param>
    /// <exception cref="EngineException">The rule updates one parameter with the state of another.</exception>
    public IReadOnlyList<Update> Spread(BuiltUpdates rule, IReadOnlyList<Variable> sums)
    {
        Update[] ofParameters = [.. rule.Updates.Where(update => _owners.ContainsKey(update.Target))];
        Update[] ofState =
            [.. rule.Updates.Where(update => !_owners.ContainsKey(update.Target) && !update.Target.IsElsewhere)];
        Variable[] values = [.. ofParameters.Select(update => IsOwn(update.Target) ? update.Value : update.Target)];
        if (FunctionGraph.Leaves([.. values, .. ofState.Select(update => update.Value)]).OfType<SharedVariable>()
            .FirstOrDefault(variable => variable.IsElsewhere) is { } other)
        {
            throw new EngineException(
                $"The update rule uses its state '{other}' for several parameters, so its state cannot be sharded "
                + "over the ranks: leave out --shard-optimizer (IsOptimizerSharded).");
        }

        if (values.Length == 0)
        {
            return ofState;
        }

        using Origin.Scope origin = Origin.Use(Origin.Current with { Part = "all ranks" });
        IReadOnlyList<Variable> all =
            new FromOwners(_communicator, [.. ofParameters.Select(update => Of(update.Target))])
                .Apply([.. values, .. sums]).Outputs;
        return [.. ofState, .. ofParameters.Select((update, i) => update with { Value = all[i] })];
    }

    /// <summary>
    /// Sends the whole state to rank 0, one variable after the other. All ranks call it; only rank 0 gets a result.
    /// </summary>
    public IReadOnlyDictionary<SharedVariable, Tensor> Gather(BuiltUpdates rule)
    {
        var whole = new Dictionary<SharedVariable, Tensor>();
        foreach (SharedVariable variable in rule.State.Where(rule.ParameterOf.ContainsKey))
        {
            int owner = Of(rule.ParameterOf[variable]);
            Tensor value = variable.IsElsewhere ? new Tensor(variable.DType, variable.Shape) : variable.GetValue();
            if (owner != 0)
            {
                _communicator.Broadcast(value, owner);
            }

            if (_communicator.Rank == 0)
            {
                whole.Add(variable, value);
            }
        }

        return whole;
    }
}
