using Engine.Graph;
using Engine.IO;
using Engine.Layers;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Copies of all parameters, in the order of the layers, by name (<c>hidden.W</c>): also those that are not learnt
    /// but followed, as <see cref="BatchNorm"/>'s averages.
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
    /// Sets all parameters. Nothing is set unless everything fits; float32 and float64 are converted. Parameters that
    /// are all called <c>arr_0</c>, <c>arr_1</c> …, as in files of <c>numpy.savez</c>, are taken in that order for
    /// those of <see cref="GetParameters"/>, which is Lasagne's <c>get_all_param_values</c>' too. What a file of <see
    /// cref="SaveState"/> holds beside the parameters is passed over.
    /// </summary>
    /// <param name="parameters">The values by name.</param>
    /// <param name="options">What may be missing or too much; nothing, if it is not given.</param>
    /// <returns>What was taken, passed over and kept.</returns>
    /// <exception cref="EngineException">A parameter is missing, unknown, or of another shape: the message lists all
    /// such.</exception>
    public LoadReport SetParameters(
        IEnumerable<KeyValuePair<string, Tensor>> parameters, LoadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Initialize();
        using ChangeScope change = Changing(nameof(SetParameters));
        Parameter[] own = [.. Initialized.Network.Parameters];
        string[] names = [.. own.Select(parameter => parameter.Variable.Name!)];
        ILookup<bool, KeyValuePair<string, Tensor>> parts = parameters
            .Where(pair => !TrainingState.IsName(pair.Key) || names.Contains(pair.Key))
            .ToLookup(pair => NamePattern.Matches(options?.Ignore, pair.Key));
        var given = new OrderedDictionary<string, Tensor>(NumberedParameters.Named([.. parts[false]], names));
        var wrong = new List<string>();
        var kept = new List<string>();
        foreach (Parameter parameter in own)
        {
            string name = parameter.Variable.Name!;
            if (given.TryGetValue(name, out Tensor? value))
            {
                if (value.Shape != parameter.Variable.Shape || !value.DType.IsFloat())
                {
                    wrong.Add($"{name} is {value.TypeText} and not {parameter.Variable.Type}");
                }
            }
            else if (NamePattern.Matches(options?.Keep, name))
            {
                kept.Add(name);
            }
            else
            {
                wrong.Add($"{name} {parameter.Variable.Shape} is missing");
            }
        }

        wrong.AddRange(given.Where(pair => !names.Contains(pair.Key))
            .Select(pair => $"{pair.Key} {pair.Value.Shape} is not one of this network"));
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

        return new LoadReport(
            [.. taken.Select(parameter => parameter.Variable.Name!)], [.. parts[true].Select(pair => pair.Key)], kept);
    }

    /// <summary>
    /// Sets all parameters from a file, safetensors or by its name's end npz, as <see cref="SetParameters"/> does; what
    /// is passed over is not read.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What may be missing or too much; nothing, if it is not given.</param>
    /// <returns>What was taken, passed over and kept.</returns>
    /// <exception cref="ModelFileException">
    /// The file is damaged, or holds what a <see cref="Tensor"/> cannot.
    /// </exception>
    /// <exception cref="EngineException">
    /// The file is missing, or a parameter is missing, unknown, or of another shape: the message lists all such.
    /// </exception>
    public LoadReport LoadParameters(string path, LoadOptions? options = null)
    {
        SafetensorsFile file = Parameters.LoadAll(path, options?.Ignore);
        try
        {
            LoadReport report = SetParameters(file.Tensors, options);
            return report with { Ignored = file.Ignored };
        }
        catch (EngineException error)
        {
            throw new EngineException($"{path}: {error.Message}", error);
        }
    }
}
