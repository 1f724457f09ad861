namespace Engine.Configuration;

/// <summary>
/// Describes what can be configured for all programs, read as Theano reads its configuration: the command line goes
/// before <c>$ENGINE_FLAGS</c>, that before <c>$THEANO_FLAGS</c>, that before <c>.enginerc</c>, that before Theano's
/// files, these before the defaults.
/// </summary>
/// <remarks>
/// <c>.enginerc</c> is looked for in the current folder, then in the home folder. Theano's files, <c>.theanorc</c>, are
/// those that <c>$THEANORC</c> names, else the one in the current folder over the one in the home folder; they serve as
/// they stand:
/// <code>
/// [global]
/// device = gpu
/// floatX = float32
/// [nvcc]
/// fastmath = True
/// </code>
/// If <c>$ENGINERC</c> names a file, it is the only one that counts. In <c>.enginerc</c> and <c>$ENGINE_FLAGS</c> every
/// key must be known; of Theano's files and flags, what there is nothing of here is passed over, with one note.
/// The flags are written as Theano's: <c>ENGINE_FLAGS=device=cpu,floatX=float32,nvcc.fastmath=True</c>; of two for one
/// key the rightmost counts.
/// </remarks>
public sealed record EngineOptions
{
    /// <summary>Gets or sets the device to compute on.</summary>
    public DeviceChoice Device { get; init; } = new(DeviceFamily.Auto);

    /// <summary>
    /// Gets or sets the type of the layers' numbers: <see cref="DType.Float32"/> or <see cref="DType.Float64"/>.
    /// </summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>
    /// Gets or sets whether CUDA kernels may use the faster, less exact mathematical functions of the hardware.
    /// </summary>
    public bool FastMath { get; init; }

    /// <summary>
    /// Gets or sets whether CUDA's matrix products of float32 may be rounded to TF32: see
    /// <see cref="Devices.Cuda.CudaOptions.TensorFloat32"/>.
    /// </summary>
    public bool TensorFloat32 { get; init; }

    /// <summary>Gets or sets how much is done to a graph before it runs.</summary>
    public Optimizer Optimizer { get; init; } = Optimizer.FastRun;

    /// <summary>Gets or sets the names of rewrites to leave out, with colons between.</summary>
    public string OptimizerExcluding { get; init; } = "";

    /// <summary>
    /// Gets or sets the names of rewrites to take in that run only if asked for, with colons between.
    /// </summary>
    public string OptimizerIncluding { get; init; } = "";

    /// <summary>Gets or sets how compiled functions run.</summary>
    public Mode Mode { get; init; } = Mode.Mode;

    /// <summary>Gets or sets how many threads the CPU device uses; null: one for each core.</summary>
    public int? Threads { get; init; }

    /// <summary>Reads the options of this process.</summary>
    /// <param name="commandLine">Keys given on the command line, such as <c>device</c>, with their values.</param>
    /// <param name="notes">Where to say what of Theano's configuration is passed over; null: nowhere.</param>
    /// <exception cref="EngineException">A key or value is unknown; the message lists the known ones.</exception>
    public static EngineOptions Load(
        IEnumerable<KeyValuePair<string, string>>? commandLine = null, TextWriter? notes = null) => Load(
        commandLine,
        Environment.GetEnvironmentVariable,
        Environment.CurrentDirectory,
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile),
        notes);

    /// <summary>Reads the options from the sources given.</summary>
    /// <param name="commandLine">Keys given on the command line, such as <c>device</c>, with their values.</param>
    /// <param name="environment">The value of an environment variable, null if it is not set.</param>
    /// <param name="currentFolder">Where files are looked for first.</param>
    /// <param name="homeFolder">Where they are looked for next; empty if there is none.</param>
    /// <param name="notes">Where to say what of Theano's configuration is passed over; null: nowhere.</param>
    /// <exception cref="EngineException">A key or value is unknown; the message lists the known ones.</exception>
    public static EngineOptions Load(
        IEnumerable<KeyValuePair<string, string>>? commandLine,
        Func<string, string?> environment,
        string currentFolder,
        string homeFolder,
        TextWriter? notes = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var theano = new TheanoNotes();
        IEnumerable<Entry>[] sources =
        [
            TheanoKeys.Translate(
                string.IsNullOrWhiteSpace(environment(RcFile.Variable))
                    ? TheanoFiles.Read(environment, currentFolder, homeFolder, theano.Dropped)
                    : [],
                theano),
            RcFile.Read(environment, currentFolder, homeFolder),
            TheanoKeys.Translate(TheanoFlags(environment, theano), theano),
            Flags.ReadAll("ENGINE_FLAGS", environment),
            (commandLine ?? []).Select(pair => new Entry("The command line", pair.Key, pair.Value)),
        ];
        EngineOptions options = sources.Aggregate(new EngineOptions(), Setting.Apply);
        theano.WriteTo(notes ?? TextWriter.Null);
        return options;
    }

    private static IEnumerable<Entry> TheanoFlags(Func<string, string?> environment, TheanoNotes notes)
    {
        const string Variable = "THEANO_FLAGS";
        foreach ((string key, string? value) in Flags.Read(Variable, environment))
        {
            if (value is null)
            {
                notes.Dropped.Add($"'{key}' in ${Variable}, which has no value");
            }
            else
            {
                yield return new Entry($"${Variable}", key, value);
            }
        }
    }
}
