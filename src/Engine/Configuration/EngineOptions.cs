namespace Engine.Configuration;

/// <summary>
/// Describes the configuration of all programs, read in Theano's order: the command line overrides
/// <c>$ENGINE_FLAGS</c>, which overrides <c>$THEANO_FLAGS</c>, then come <c>.enginerc</c>, Theano's files, and the
/// defaults.
/// </summary>
/// <remarks>
/// <c>.enginerc</c> is searched for in the current folder, then in the home folder. Theano's files, <c>.theanorc</c>,
/// are those that <c>$THEANORC</c> names; otherwise, the one in the current folder overrides the one in the home
/// folder. They can be used unchanged:
/// <code>
/// [global]
/// device = gpu
/// floatX = float32
/// [nvcc]
/// fastmath = True
/// </code>
/// If <c>$ENGINERC</c> names a file, it is the only one that counts. In <c>.enginerc</c> and <c>$ENGINE_FLAGS</c> every
/// key must be known. In Theano's files and flags, keys without a counterpart here are ignored, with one note. The
/// flags are written as Theano's: <c>ENGINE_FLAGS=device=cpu,floatX=float32,nvcc.fastmath=True</c>; if a key occurs
/// twice, the rightmost one counts.
/// </remarks>
public sealed record EngineOptions
{
    /// <summary>Gets or sets the device of computations.</summary>
    public DeviceChoice Device { get; init; } = new(DeviceFamily.Auto);

    /// <summary>
    /// Gets or sets the dtype of the layers: <see cref="DType.Float32"/> or <see cref="DType.Float64"/>.
    /// </summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>
    /// Gets or sets whether CUDA kernels may use the hardware's faster, less exact mathematical functions.
    /// </summary>
    public bool FastMath { get; init; }

    /// <summary>
    /// Gets or sets whether CUDA's products and convolutions of float32 may be rounded to TF32: see
    /// <see cref="Devices.Cuda.CudaOptions.TensorFloat32"/>.
    /// </summary>
    public bool TensorFloat32 { get; init; }

    /// <summary>Gets or sets which rewrites are applied to a graph before it runs.</summary>
    public Optimizer Optimizer { get; init; } = Optimizer.FastRun;

    /// <summary>Gets or sets the names of rewrites to leave out, separated by colons.</summary>
    public string OptimizerExcluding { get; init; } = "";

    /// <summary>Gets or sets the names of rewrites to add that run only on request, separated by colons.</summary>
    public string OptimizerIncluding { get; init; } = "";

    /// <summary>Gets or sets how compiled functions run.</summary>
    public Mode Mode { get; init; } = Mode.Mode;

    /// <summary>Gets or sets the number of threads of the CPU device; null for one on each core.</summary>
    public int? Threads { get; init; }

    /// <summary>Reads the options of this process.</summary>
    /// <param name="commandLine">Keys given on the command line, such as <c>device</c>, with their values.</param>
    /// <param name="notes">Receives notes about ignored parts of Theano's configuration; null for none.</param>
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
    /// <param name="currentFolder">The folder where files are searched for first.</param>
    /// <param name="homeFolder">The folder where they are searched for next; empty if there is none.</param>
    /// <param name="notes">Receives notes about ignored parts of Theano's configuration; null for none.</param>
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
