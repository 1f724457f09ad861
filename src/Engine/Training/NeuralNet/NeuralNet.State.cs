using Engine.Graph;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>The maximum number of mismatches that a message lists.</summary>
    private const int MaxNamed = 5;

    /// <summary>
    /// The rule's state of all ranks, on rank 0 while callbacks are told of an epoch; null if it is not sharded.
    /// </summary>
    private IReadOnlyDictionary<SharedVariable, Tensor>? _wholeRuleState;

    /// <summary>
    /// Writes the whole state of the training, so that it can continue elsewhere with the same bits as without the
    /// pause. The state is the parameters, the update rule's state and settings, the states of the random streams, the
    /// history, and the state of callbacks. The file is in the safetensors format and is written whole or not at all;
    /// its parameters can be read like those of any other file. If ranks shard the update rule's state
    /// (<see cref="DataParallel.IsOptimizerSharded"/>), all of them must call it, and rank 0 writes.
    /// </summary>
    /// <param name="path">The file. It cannot be npz, which has no place for the history.</param>
    /// <param name="metadata">Texts to save with it.</param>
    /// <exception cref="EngineException">The file cannot be written, or the layers do not fit each other.</exception>
    public void SaveState(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        Initialize();
        using ChangeTurns.Scope change = Changing(nameof(SaveState));
        IReadOnlyDictionary<SharedVariable, Tensor> whole = WholeRuleState();
        if (Initialized.Owners is not null && Parallel!.Communicator.Rank != 0)
        {
            return;
        }

        using Gate.Reading reading = Read();
        new TrainingState
        {
            Rule = Update.GetType().Name,
            Seed = Seed,
            History = _history,
            Tensors = new(StateVariables().Select(pair => KeyValuePair.Create(
                pair.Key, whole.GetValueOrDefault(pair.Value) ?? pair.Value.GetValue()))),
            Callbacks = NamedCallbacks().ToDictionary(named => named.Key, named => named.Value.GetState()),
        }.Save(path, metadata);
    }

    /// <summary>
    /// Loads the state that <see cref="SaveState"/> wrote. Fit then continues with the next epoch. The network must
    /// have the same layers, update rule, seed and floating-point type. Each callback gets the state of the saved
    /// callback of its type. Nothing is changed unless everything fits.
    /// </summary>
    /// <exception cref="EngineException">
    /// The file is missing, damaged, not the state of a training, or of another network: the message lists the
    /// differences.
    /// </exception>
    public void LoadState(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Initialize();
        var state = TrainingState.Load(path);
        using ChangeTurns.Scope change = Changing(nameof(LoadState));
        Dictionary<string, SharedVariable> variables = StateVariables().ToDictionary();
        RequireFit(state, variables, path);
        foreach ((string name, Callback callback) in NamedCallbacks())
        {
            if (state.Callbacks.GetValueOrDefault(name) is { } remembered)
            {
                callback.SetState(remembered);
            }
        }

        using Gate.Changing changing = Initialized.Gate.Change();
        foreach ((string name, SharedVariable variable) in variables.Where(pair => !pair.Value.IsElsewhere))
        {
            variable.SetValue(state.Tensors[name]);
        }

        _history = [.. state.History];
    }

    /// <summary>Returns the sharded state of the rule from all ranks, on rank 0; empty if it is not sharded.</summary>
    /// <exception cref="EngineException">A callback needs it, and the other ranks do not know that.</exception>
    private IReadOnlyDictionary<SharedVariable, Tensor> WholeRuleState()
    {
        if (_wholeRuleState is { } gathered)
        {
            return gathered;
        }

        return Initialized.Owners is not { } owners ? new Dictionary<SharedVariable, Tensor>()
            : Turns.IsTraining ? throw new EngineException(
                $"{nameof(SaveState)} within Fit needs what the update rule keeps on all ranks, "
                + $"and they bring it together after an epoch for a {nameof(ModelCheckpoint)} with WholeState: "
                + $"add one to Callbacks, or call {nameof(SaveState)} on all ranks when Fit has "
                + "returned.")
            : owners.Gather(Initialized.Rule);
    }

    /// <summary>Gathers the rule's state on rank 0 if a checkpoint is due after this epoch on any rank.</summary>
    private void GatherRuleState(Callback[] callbacks, EpochRecord record)
    {
        _wholeRuleState = null;
        if (Initialized.Owners is { } owners
            && AnyRank(callbacks.OfType<ModelCheckpoint>()
                .Any(checkpoint => checkpoint.WholeState && record.Epoch % checkpoint.Every == 0)))
        {
            _wholeRuleState = owners.Gather(Initialized.Rule);
        }
    }

    /// <summary>Returns all variables that change from batch to batch, by their names in the file.</summary>
    private IEnumerable<KeyValuePair<string, SharedVariable>> StateVariables()
    {
        TrainerGraph graph = Initialized;
        return
        [
            .. graph.Network.Parameters.Select(parameter =>
                KeyValuePair.Create(parameter.Variable.Name!, parameter.Variable)),
            .. graph.Rule.State.Select((variable, i) => Beside($"rule/{i}/{variable.Name}", variable)),
            .. graph.Rule.Settings.Select(setting => Beside($"settings/{setting.Key}", setting.Value)),
            .. graph.Network.Streams.Select(stream => Beside($"random/{stream.Key}", stream.Value.State)),
        ];

        static KeyValuePair<string, SharedVariable> Beside(string name, SharedVariable variable) =>
            new(TrainingState.Prefix + name, variable);
    }

    /// <summary>Returns the callbacks by type, with a number if there are several of a type.</summary>
    private IEnumerable<KeyValuePair<string, Callback>> NamedCallbacks() => Callbacks
        .GroupBy(callback => callback.GetType().Name)
        .SelectMany(group => group.Select((callback, i) => KeyValuePair.Create($"{group.Key}/{i}", callback)));

    private void RequireFit(TrainingState state, Dictionary<string, SharedVariable> variables, string path)
    {
        var wrong = new List<string>();
        if (state.Rule != Update.GetType().Name)
        {
            wrong.Add($"it was trained by {state.Rule}, not {Update.GetType().Name}");
        }

        if (state.Seed != Seed)
        {
            wrong.Add($"its seed is {state.Seed}, not {Seed}");
        }

        foreach ((string name, SharedVariable variable) in wrong.Count == 0 ? variables : [])
        {
            if (!state.Tensors.TryGetValue(name, out Tensor? value))
            {
                wrong.Add($"{name} {variable.Type} is missing");
            }
            else if (value.Shape != variable.Shape || value.DType != variable.DType)
            {
                wrong.Add($"{name} is {value.TypeText}, not {variable.Type}");
            }
        }

        wrong.AddRange(state.Tensors.Keys.Where(name => wrong.Count == 0 && !variables.ContainsKey(name))
            .Select(name => $"{name} is nothing of this network"));
        if (wrong.Count > 0 && OtherFrozen(state, variables) is { } frozen)
        {
            throw new EngineException($"{path}: {frozen}");
        }

        if (wrong.Count > 0)
        {
            throw new EngineException(
                $"{path} is the state of another network: {string.Join("; ", wrong.Take(MaxNamed))}"
                + $"{(wrong.Count > MaxNamed ? $"; and {wrong.Count - MaxNamed} more" : "")}.");
        }
    }

    /// <summary>
    /// Returns what to do if the state fits but for the update rule's part, which is of other parameters because others
    /// were frozen; null if something else is wrong.
    /// </summary>
    private string? OtherFrozen(TrainingState state, Dictionary<string, SharedVariable> variables)
    {
        string[] all = [.. Network.Parameters.Select(parameter => parameter.Name)];
        string[] known = Learned(state.Tensors.Keys), here = Learned(variables.Keys);
        string[] frozen = [.. here.Except(known)], learned = [.. known.Except(here)];
        return state.Rule != Update.GetType().Name || state.Seed != Seed || known.Length == 0
            || !all.All(
                name => state.Tensors.TryGetValue(name, out Tensor? value) && value.Shape == variables[name].Shape)
            ? null
            : (frozen, learned) switch
            {
                ({ Length: > 0 }, []) =>
                    $"when it was saved, {Some(frozen)} did not learn: "
                    + $"call Freeze for them before {nameof(LoadState)}, "
                        + "and Unfreeze after it if they are to learn now.",
                ([], { Length: > 0 }) =>
                    $"when it was saved, {Some(learned)} learned, which {(learned.Length > 1 ? "are" : "is")} frozen "
                        + $"here: call {nameof(LoadState)} before Freeze.",
                ([], []) => null,
                _ => $"when it was saved, {Some(frozen)} did not learn, but {Some(learned)} did: "
                    + $"freeze the former alone before {nameof(LoadState)}.",
            };

        string[] Learned(IEnumerable<string> names)
        {
            string[] rule =
                [.. names.Where(name => name.StartsWith(TrainingState.Prefix + "rule/", StringComparison.Ordinal))
                    .Select(name => name.Split('/', 4)[^1])];
            return [.. all.Where(name => rule.Any(of => of.StartsWith($"{name}.", StringComparison.Ordinal)))];
        }

        static string Some(string[] names) =>
            string.Join(", ", names.Take(MaxNamed))
                + (names.Length > MaxNamed ? $" and {names.Length - MaxNamed} more" : "");
    }
}
