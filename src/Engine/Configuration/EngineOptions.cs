namespace Engine.Configuration;

/// <summary>
/// What can be configured for all programs, read as Theano reads its configuration: the command line goes before
/// <c>$ENGINE_FLAGS</c>, that before the file, that before the defaults.
/// </summary>
/// <remarks>
/// The file is the one that <c>$ENGINERC</c> names, else <c>.enginerc</c> in the current folder, else <c>.enginerc</c>
/// in the home folder; the text of a <c>.theanorc</c> serves:
/// <code>
/// [global]
/// device = gpu
/// floatX = float32
/// [nvcc]
/// fastmath = True
/// </code>
/// The flags are written as Theano's: <c>ENGINE_FLAGS=device=cpu,floatX=float32,nvcc.fastmath=True</c>; of two for one
/// key the rightmost counts.
/// </remarks>
public sealed record EngineOptions
{
    /// <summary>The device to compute on.</summary>
    public DeviceChoice Device { get; init; } = new(DeviceFamily.Auto);

    /// <summary>The type of the layers' numbers: <see cref="DType.Float32"/> or <see cref="DType.Float64"/>.</summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>Whether CUDA kernels may use the faster, less exact mathematical functions of the hardware.</summary>
    public bool FastMath { get; init; }

    /// <summary>How much is done to a graph before it runs.</summary>
    public Optimizer Optimizer { get; init; } = Optimizer.FastRun;

    /// <summary>The names of rewrites to leave out, with colons between.</summary>
    public string OptimizerExcluding { get; init; } = "";

    /// <summary>The names of rewrites to take in that run only if asked for, with colons between.</summary>
    public string OptimizerIncluding { get; init; } = "";

    /// <summary>How compiled functions run.</summary>
    public Mode Mode { get; init; } = Mode.Mode;

    /// <summary>How many threads the CPU device uses; null: one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>Reads the options of this process.</summary>
    /// <param name="commandLine">Keys given on the command line, such as <c>device</c>, with their values.</param>
    /// <exception cref="EngineException">A key or value is unknown; the message lists the known ones.</exception>
    public static EngineOptions Load(IEnumerable<KeyValuePair<string, string>>? commandLine = null) => Load(
        commandLine,
        Environment.GetEnvironmentVariable,
        Environment.CurrentDirectory,
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>Reads the options from the sources given.</summary>
    /// <param name="commandLine">Keys given on the command line, such as <c>device</c>, with their values.</param>
    /// <param name="environment">The value of an environment variable, null if it is not set.</param>
    /// <param name="currentFolder">Where <c>.enginerc</c> is looked for first.</param>
    /// <param name="homeFolder">Where it is looked for next; empty if there is none.</param>
    /// <exception cref="EngineException">A key or value is unknown; the message lists the known ones.</exception>
    public static EngineOptions Load(
        IEnumerable<KeyValuePair<string, string>>? commandLine,
        Func<string, string?> environment,
        string currentFolder,
        string homeFolder)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var options = new EngineOptions();
        foreach (Entry entry in (IEnumerable<Entry>)
            [
                .. RcFile.Read(environment, currentFolder, homeFolder),
                .. Flags.Read(environment),
                .. (commandLine ?? []).Select(pair => new Entry("The command line", pair.Key, pair.Value)),
            ])
        {
            options = Setting.Apply(options, entry);
        }

        return options;
    }
}
