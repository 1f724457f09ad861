using Engine.Graph;
using Engine.IO;
using Engine.Layers;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Returns copies of all parameters by name (<c>hidden.W</c>), in the order of the layers. This includes parameters
    /// that are not learned, such as <see cref="BatchNorm"/>'s running averages.
    /// </summary>
    /// <exception cref="EngineException">The layers do not fit each other.</exception>
    public IReadOnlyList<KeyValuePair<string, Tensor>> GetParameters()
    {
        Initialize();
        using Gate.Reading reading = Read();
        return [.. Initialized.Network.Parameters
            .Select(parameter => KeyValuePair.Create(parameter.Variable.Name!, parameter.Variable.GetValue()))];
    }

    /// <summary>
    /// Sets all parameters. Nothing is set unless everything fits; float32 and float64 are converted. If all names are
    /// <c>arr_0</c>, <c>arr_1</c> …, as in files of <c>numpy.savez</c>, the parameters are matched with
    /// <see cref="GetParameters"/> in this order, which is also the order of Lasagne's <c>get_all_param_values</c>.
    /// Other entries of a file of <see cref="SaveState"/> are ignored.
    /// </summary>
    /// <param name="parameters">The values by name.</param>
    /// <param name="options">The allowed mismatches; null for none.</param>
    /// <returns>The parameters that were loaded, ignored and kept.</returns>
    /// <exception cref="EngineException">
    /// A parameter is missing, unknown, or has another shape: the message lists all.
    /// </exception>
    public LoadReport SetParameters(
        IEnumerable<KeyValuePair<string, Tensor>> parameters, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Initialize();
        using ChangeTurns.Scope change = Changing(nameof(SetParameters));
        Parameter[] own = [.. Initialized.Network.Parameters];
        string[] names = [.. own.Select(parameter => parameter.Variable.Name!)];
        string[] ignore = [.. options?.Ignore ?? [], .. options?.Layout?.Ignored ?? []];
        ILookup<bool, KeyValuePair<string, Tensor>> parts = parameters
            .Where(pair => !TrainingState.IsName(pair.Key) || names.Contains(pair.Key))
            .ToLookup(pair => NamePattern.Matches(ignore, pair.Key));
        IEnumerable<KeyValuePair<string, Tensor>> named = NumberedParameters.Named([.. parts[false]], names)
            .Select(pair => KeyValuePair.Create(NamePattern.Renamed(options?.Rename, pair.Key), pair.Value));
        KeyValuePair<string, Tensor>[] translated = [.. options?.Layout?.Translated(named, own) ?? named];
        if (translated.CountBy(pair => pair.Key).FirstOrDefault(name => name.Value > 1) is { Key: { } twice })
        {
            throw new EngineException(
                $"The parameter '{twice}' is given twice, as by two names that Rename makes one of.");
        }

        var given = new OrderedDictionary<string, Tensor>(translated);
        bool isPartial = options?.IsPartial == true;
        List<string> wrong = [], kept = [], misfits = [], ignored = [.. parts[true].Select(pair => pair.Key)];
        foreach (Parameter parameter in own)
        {
            if (given.TryGetValue(parameter.Name, out Tensor? value))
            {
                if (value.Shape == parameter.Variable.Shape && value.DType.IsFloat())
                {
                    continue;
                }

                string misfit = $"{parameter.Name} is {value.TypeText} and not {parameter.Variable.Type}";
                (isPartial ? misfits : wrong).Add(misfit);
                given.Remove(parameter.Name);
            }
            else if (!isPartial && !NamePattern.Matches(options?.Keep, parameter.Name))
            {
                wrong.Add($"{parameter.Name} {parameter.Variable.Shape} is missing");
            }

            kept.Add(parameter.Name);
        }

        KeyValuePair<string, Tensor>[] unknown = [.. given.Where(pair => !names.Contains(pair.Key))];
        if (isPartial)
        {
            ignored.AddRange(unknown.Select(pair => pair.Key));
        }
        else
        {
            wrong.AddRange(unknown.Select(pair => $"{pair.Key} {pair.Value.Shape} is not one of this network"));
        }

        if (wrong.Count > 0)
        {
            throw new EngineException($"The parameters are of another network: {string.Join("; ", wrong)}.");
        }

        using Gate.Changing changing = Initialized.Gate.Change();
        Parameter[] taken = [.. own.Where(parameter => given.ContainsKey(parameter.Variable.Name!))];
        foreach (Parameter parameter in taken)
        {
            parameter.Variable.SetValue(given[parameter.Variable.Name!].Cast(FloatX));
        }

        return new LoadReport([.. taken.Select(parameter => parameter.Name)], ignored, kept) { Misfits = misfits };
    }

    /// <summary>
    /// Sets all parameters from a file, as <see cref="SetParameters"/> does. The format is npz if the name ends so,
    /// else safetensors. Ignored parameters are not read.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The allowed mismatches; null for none.</param>
    /// <returns>The parameters that were loaded, ignored and kept.</returns>
    /// <exception cref="ModelFileException">
    /// The file is damaged, or holds data that a <see cref="Tensor"/> cannot hold.
    /// </exception>
    /// <exception cref="EngineException">
    /// The file is missing, or a parameter is missing, unknown, or has another shape: the message lists all.
    /// </exception>
    public LoadReport LoadParameters(string path, LoadOptions? options = null)
    {
        SafetensorsFile file = Parameters.LoadAll(path, options?.Ignore);
        try
        {
            LoadReport report = SetParameters(file.Tensors, options);
            return report with { Ignored = [.. file.Ignored, .. report.Ignored] };
        }
        catch (EngineException error)
        {
            throw new EngineException($"{path}: {error.Message}", error);
        }
    }
}
