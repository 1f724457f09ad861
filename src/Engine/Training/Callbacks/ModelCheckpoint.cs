using System.Globalization;
using System.Text.RegularExpressions;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Saves the network after epochs: its parameters, which <see cref="Parameters.Load"/> and <c>--load</c> read, or its
/// whole state. A file is never left half written: the old file stays until the new one is complete.
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

    /// <summary>Creates a callback that saves to files of this name.</summary>
    /// <param name="path">
    /// The path. <c>{epoch}</c>, <c>{train_loss}</c>, <c>{valid_loss}</c> and <c>{valid_accuracy}</c> stand for the
    /// epoch's figures, optionally with a format: <c>models/cnn-{epoch:000}-{valid_loss:F4}.safetensors</c>. The
    /// extension selects the file's format, as in <see cref="Parameters"/>. The folder is created if it does not exist.
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
    /// Gets or sets whether to save only after epochs that are better than all that were saved before.
    /// </summary>
    public bool OnlyBest { get; init; }

    /// <summary>Gets or sets the figure that compares epochs. The default is the validation loss.</summary>
    public Metric Watch { get; init; } = Metric.ValidLoss;

    /// <summary>Gets or sets the number of epochs from one save to the next.</summary>
    /// <exception cref="EngineException">It is less than 1.</exception>
    public int Every
    {
        get;
        init => field = value > 0
            ? value
            : throw new EngineException($"A checkpoint is saved every 1 epoch or more, not every {value}.");
    } = 1;

    /// <summary>
    /// Gets or sets whether to save the whole state, from which <see cref="NeuralNet.LoadState"/> resumes the training.
    /// The state includes other callbacks as they are when this one runs: add this one after them.
    /// </summary>
    public bool WholeState { get; init; }

    /// <summary>Gets or sets texts to save with the parameters. npz files cannot hold them.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the path of the last saved file; null before the first.</summary>
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
    /// <exception cref="EngineException">The state is not one of this callback.</exception>
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
