using System.Globalization;
using Engine.Configuration;
using Engine.IO;
using Engine.Runner.Description;

namespace Engine.Runner;

/// <summary>The command-line options of the commands that train.</summary>
internal sealed record TrainingOptions
{
    /// <summary>The value of <c>--resume</c> that means the file of <c>--checkpoint</c>, if there is one.</summary>
    public const string AutoResume = "auto";

    /// <summary>The device asked for; null: as configured.</summary>
    public DeviceChoice? Device { get; init; }

    /// <summary>The threads asked for; null: as configured.</summary>
    public int? Threads { get; init; }

    /// <summary>Gets or sets the precision of the training; null for the configured one.</summary>
    public TrainingPrecision? Precision { get; init; }

    public string? Data { get; init; }

    /// <summary>The number of training images and of test images; null: as described.</summary>
    public int? Images { get; init; }

    /// <summary>The network as it is described.</summary>
    public required NetworkDescription Network { get; init; }

    /// <summary>The epochs asked for; null: as described. The same holds for the members below.</summary>
    public int? Epochs { get; init; }

    public int? Batch { get; init; }

    public float? LearningRate { get; init; }

    public float? Momentum { get; init; }

    /// <summary>The schedule of the learning rate; null for the network's.</summary>
    public string? Schedule { get; init; }

    public int? Seed { get; init; }

    /// <summary>The number of seeds with which a comparison trains the CPU, from <see cref="Seed"/> on.</summary>
    public int Seeds { get; init; } = 1;

    /// <summary>The sizes of the hidden layers asked for; empty: as described.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [];

    public string? History { get; init; }

    /// <summary>The folder for TensorBoard's file.</summary>
    public string? TensorBoard { get; init; }

    public string? Save { get; init; }

    public string? Load { get; init; }

    /// <summary>The names of parameters to ignore in the loaded file.</summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>The names of the parameters that the file need not have.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>Where to write the training's state after each epoch.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>The state from which to resume the training.</summary>
    public string? Resume { get; init; }

    /// <summary>How to profile.</summary>
    public ProfileKind Profile { get; init; }

    /// <summary>Where to write the times of each kernel.</summary>
    public string? Trace { get; init; }

    public bool Quiet { get; init; }

    /// <summary>The number of processes to start, one per GPU of this machine; null for only this process.</summary>
    public int? Gpus { get; init; }

    /// <summary>The number of shards of a batch with several ranks; null for the default.</summary>
    public int? Shards { get; init; }

    /// <summary>Whether several ranks sum in an order that is independent of their number.</summary>
    public bool IsDeterministic { get; init; } = true;

    /// <summary>Gets or sets whether several ranks normalize by the whole batch.</summary>
    public bool IsBatchNormSynchronized { get; init; }

    /// <summary>Gets or sets whether each of several ranks keeps a part of the update rule's state.</summary>
    public bool IsOptimizerSharded { get; init; }

    /// <summary>The part of the samples to train on that validates; null: as described.</summary>
    public double? Validation { get; init; }

    /// <summary>Whether classes count equally, however many samples they have.</summary>
    public bool IsBalanced { get; init; }

    /// <summary>The port of the page that shows the running training, 0 for any free port; null for no page.</summary>
    public int? Watch { get; init; }

    /// <summary>A user's own data; null for CIFAR-10.</summary>
    public OwnDataOptions? Own { get; init; }

    /// <summary>The path of the page of a training on own data; null for no page.</summary>
    public string? Report { get; init; }

    /// <summary>Returns the described network, overridden by the command line.</summary>
    /// <exception cref="EngineException">The network does not have the setting of an option.</exception>
    public NetworkDescription Described()
    {
        NetworkDescription network = Hidden.Count > 0 ? Network.WithHidden(Hidden) : Network;
        network = LearningRate is { } rate
            ? network.WithUpdate(UpdateKind.LearningRate, Exact(rate), "--learning-rate")
            : network;
        network = Momentum is { } share ? network.WithUpdate(UpdateKind.Momentum, Exact(share), "--momentum") : network;
        network = Schedule is { } schedule ? network.WithSchedule(schedule) : network;
        return network with
        {
            Epochs = Epochs ?? network.Epochs,
            Batch = Batch ?? network.Batch,
            Seed = Seed ?? network.Seed,
            Patience = Validation == 0 ? null : network.Patience,
            Data = network.Data with
            {
                Images = Images ?? network.Data.Images,
                Validation = Validation ?? network.Data.Validation,
            },
        };
    }

    /// <summary>Returns the options with the file to resume from, if it must be searched.</summary>
    public TrainingOptions WithResume() => Resume == AutoResume && Checkpoint is not null
        ? this with { Resume = File.Exists(Checkpoint) ? Checkpoint : null }
        : this;

    /// <summary>Returns the options of a rank that neither prints nor writes.</summary>
    public TrainingOptions WithoutFiles() => this with
    {
        Quiet = true,
        History = null,
        TensorBoard = null,
        Save = null,
        Checkpoint = null,
        Report = null,
        Trace = null,
    };

    /// <summary>Checks before the training whether its files can be read and written.</summary>
    /// <exception cref="EngineException">A file cannot be read or written; the message names the option and the
    /// file.</exception>
    public void CheckFiles()
    {
        if (Load is not null && !File.Exists(Load))
        {
            throw new EngineException($"--load: there is no file {Load}.");
        }

        if (Resume == AutoResume)
        {
            throw new EngineException("--resume auto goes on with what --checkpoint wrote: name that file.");
        }

        if (Resume is not null && !File.Exists(Resume))
        {
            throw new EngineException($"--resume: there is no file {Resume}.");
        }

        if (Resume is not null && Load is not null)
        {
            throw new EngineException("--resume goes on with a training, --load begins one: give one of them.");
        }

        if (Load is null && (Ignore.Count > 0 || Keep.Count > 0))
        {
            throw new EngineException(
                $"{(Ignore.Count > 0 ? "--ignore" : "--keep")} is about the file of --load, and there is none.");
        }

        if (Checkpoint?.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) == true)
        {
            throw new EngineException($"--checkpoint: {Checkpoint} cannot be npz, which has no place for the history.");
        }

        CheckWritable("--checkpoint", Checkpoint);
        CheckWritable("--save", Save);
        CheckWritable("--history", History);
        CheckWritable("--trace", Trace);
        CheckWritable("--report", Report);
    }

    /// <summary>
    /// Returns the number with the fewest digits that equals this one in single precision: 0.015, not 0.014999999664…
    /// </summary>
    private static double Exact(float value) =>
        double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    internal static void CheckWritable(string option, string? file)
    {
        if (file is null)
        {
            return;
        }

        if (Directory.Exists(file))
        {
            throw new EngineException($"{option}: {file} is a folder; name a file in it.");
        }

        try
        {
            if (!WritableFile.IsFile(file))
            {
                return;
            }
        }
        catch (EngineException error)
        {
            throw new EngineException($"{option}: {error.Message}", error);
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(file)) ?? ".";
        try
        {
            string probe = Path.Combine(folder, Path.GetRandomFileName());
            File.Create(probe, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = Directory.Exists(folder) ? "is not writable" : "does not exist";
            throw new EngineException($"{option}: {file} cannot be written, since the folder {folder} {why}.", error);
        }
    }
}
