using System.Globalization;
using System.Text.RegularExpressions;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Saves the network after epochs: its parameters, which <see cref="Parameters.Load"/> and <c>--load</c> read, or its
/// whole state. Each file is whole whatever happens, and the former one stays until it is.
/// </summary>
public sealed partial class ModelCheckpoint : Callback
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private const string BestName = "best";

    private static readonly Dictionary<string, Func<EpochRecord, IFormattable>> s_figures = new()
    {
        ["epoch"] = record => record.Epoch,
        ["train_loss"] = record => record.TrainLoss,
        ["valid_loss"] = record => record.ValidLoss,
        ["valid_accuracy"] = record => record.ValidAccuracy,
    };

    private readonly string _pattern;
    private double _best = double.NaN;

    /// <summary>Saves to files of this name.</summary>
    /// <param name="path">
    /// The path, in which <c>{epoch}</c>, <c>{train_loss}</c>, <c>{valid_loss}</c> and <c>{valid_accuracy}</c> stand for
    /// the epoch's figures, with a format if need be: <c>models/cnn-{epoch:000}-{valid_loss:F4}.safetensors</c>. The
    /// format of the file follows its name's end, as in <see cref="Parameters"/>. A folder is made if it is not there.
    /// </param>
    /// <exception cref="EngineException">There is no such figure.</exception>
    public ModelCheckpoint(string path)
    {
        _pattern = path ?? throw new ArgumentNullException(nameof(path));
        foreach (Match figure in Figure().Matches(path))
        {
            if (!s_figures.ContainsKey(figure.Groups["name"].Value))
            {
                throw new EngineException(
                    $"The path '{path}' has {figure.Value}, which is no figure of an epoch; there are "
                    + $"{string.Join(", ", s_figures.Keys.Select(name => $"{{{name}}}"))}.");
            }
        }
    }

    /// <summary>
    /// Gets or sets whether to save only after epochs that are better than all before at which one was saved.
    /// </summary>
    public bool OnlyBest { get; init; }

    /// <summary>By what an epoch is better: the validation loss unless told otherwise.</summary>
    public Metric Watch { get; init; } = Metric.ValidLoss;

    /// <summary>Gets or sets every how many epochs to save.</summary>
    /// <exception cref="EngineException">It is less than 1.</exception>
    public int Every
    {
        get;
        init => field = value > 0
            ? value
            : throw new EngineException($"A checkpoint is saved every 1 epoch or more, not every {value}.");
    } = 1;

    /// <summary>
    /// Gets or sets whether to save the whole state, with which <see cref="NeuralNet.LoadState"/> goes on with the
    /// training. That of other callbacks is saved as it stands when this one's turn comes: put it behind them.
    /// </summary>
    public bool WholeState { get; init; }

    /// <summary>Texts to keep beside the parameters; npz files have no place for them.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the file that was saved last; null before the first.</summary>
    public string? LastPath { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        if (record.Epoch % Every != 0)
        {
            return;
        }

        if (OnlyBest)
        {
            double value = Watch.Of(record, net);
            if (!Watch.IsBetter(value, _best, minDelta: 0))
            {
                return;
            }

            _best = value;
        }

        string path = Figure().Replace(_pattern, figure => s_figures[figure.Groups["name"].Value](record).ToString(
            figure.Groups["format"] is { Success: true } format ? format.Value : null, CultureInfo.InvariantCulture));
        MakeFolder(path);
        if (WholeState)
        {
            net.SaveState(path, Metadata);
        }
        else
        {
            Parameters.Save(path, net.GetParameters(), Metadata);
        }

        LastPath = path;
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> GetState() =>
        new Dictionary<string, Tensor> { [BestName] = Tensor.Scalar(_best) };

    /// <inheritdoc/>
    /// <exception cref="EngineException">The state is not one of this.</exception>
    public override void SetState(IReadOnlyDictionary<string, Tensor> state) => _best = Scalar<double>(state, BestName);

    private static void MakeFolder(string path)
    {
        PathKinds.RequireName(path);
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            {
                Directory.CreateDirectory(folder);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"{path} cannot be written: {error.Message}", error);
        }
    }

    [GeneratedRegex(@"\{(?<name>[^{}:]*)(:(?<format>[^{}]*))?\}")]
    private static partial Regex Figure();
}
