using System.Collections.Immutable;
using System.Globalization;

namespace Engine.Configuration;

/// <summary>A key with its value and its source: a file's line, a variable, the command line.</summary>
internal sealed record Entry(string Source, string Key, string Value);

/// <summary>One key of the configuration; a new key is one row of <see cref="All"/>.</summary>
/// <param name="Key">Its name in the flags: alone for <c>[global]</c>, else after its section and a dot.</param>
/// <param name="Values">The possible values, for messages.</param>
/// <param name="Default">The default value.</param>
/// <param name="Help">Its effect, in one line.</param>
/// <param name="Set">
/// Returns the options with the value set, or null if the value is none of <paramref name="Values"/>.
/// </param>
internal sealed record Setting(
    string Key,
    string Values,
    string Default,
    string Help,
    Func<EngineOptions, string, EngineOptions?> Set)
{
    private const string Global = "global";

    public static ImmutableArray<Setting> All { get; } =
    [
        new("device", DeviceChoice.Values, "auto", "the device to compute on",
            (options, text) => DeviceChoice.TryParse(text, out DeviceChoice device)
                ? options with { Device = device }
                : null),
        new("floatX", "float32, float64", "float32", "the floating-point type of the layers",
            (options, text) => text.ToLowerInvariant() switch
            {
                "float32" or "32" => options with { FloatX = DType.Float32 },
                "float64" or "64" => options with { FloatX = DType.Float64 },
                _ => null,
            }),
        new("threads", "auto, 1, 2, 3 …", "auto", "how many threads the CPU device uses",
            (options, text) => text.Equals("auto", StringComparison.OrdinalIgnoreCase) ? options with { Threads = null }
                : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int threads) && threads > 0
                ? options with { Threads = threads }
                : null),
        new("optimizer", "none, fast_compile, fast_run", "fast_run", "how much is done to a graph before it runs",
            (options, text) => text.ToLowerInvariant() switch
            {
                "none" => options with { Optimizer = Optimizer.None },
                "fast_compile" or "o1" or "merge" => options with { Optimizer = Optimizer.FastCompile },
                "fast_run" or "o2" or "o3" or "o4" or "unsafe" or "fast_run_stable" or "stabilize" =>
                    options with { Optimizer = Optimizer.FastRun },
                _ => null,
            }),
        new("optimizer_excluding", "names with colons between, as fuse:merge", "", "rewrites to leave out",
            (options, text) => options with { OptimizerExcluding = text }),
        new("optimizer_including", "names with colons between, as winograd4", "",
            "rewrites to take in that make functions faster and less exact",
            (options, text) => options with { OptimizerIncluding = text }),
        // After optimizer, because FAST_RUN and FAST_COMPILE override it, as in Theano.
        new("mode", "Mode, FAST_RUN, FAST_COMPILE, DebugMode, NanGuardMode", "Mode",
            "what is checked while functions run",
            (options, text) => text.ToLowerInvariant() switch
            {
                "mode" => options with { Mode = Mode.Mode },
                "fast_run" or "fast_run_nogc" or "stabilize" =>
                    options with { Mode = Mode.Mode, Optimizer = Optimizer.FastRun },
                "fast_compile" => options with { Mode = Mode.Mode, Optimizer = Optimizer.FastCompile },
                "debugmode" or "debug_mode" => options with { Mode = Mode.DebugMode },
                "nanguardmode" => options with { Mode = Mode.NanGuardMode },
                _ => null,
            }),
        new("nvcc.fastmath", "True, False", "False", "faster, less exact mathematical functions in CUDA kernels",
            (options, text) => text.ToLowerInvariant() switch
            {
                "true" or "1" => options with { FastMath = true },
                "false" or "0" => options with { FastMath = false },
                _ => null,
            }),
        new("cuda.tf32", "True, False", "False",
            "products and convolutions on CUDA's tensor cores, of numbers rounded to 10 bits of mantissa",
            (options, text) => text.ToLowerInvariant() switch
            {
                "true" or "1" => options with { TensorFloat32 = true },
                "false" or "0" => options with { TensorFloat32 = false },
                _ => null,
            }),
    ];

    /// <summary>Gets the sections that a file may have.</summary>
    public static IReadOnlyList<string> Sections { get; } =
        [.. All.Select(setting => setting.Key.Split('.')).Select(key => key.Length > 1 ? key[0] : Global).Distinct()];

    /// <summary>Returns the setting of a key; null if there is none.</summary>
    public static Setting? Find(string key) =>
        All.FirstOrDefault(one => one.Key.Equals(key, StringComparison.OrdinalIgnoreCase));

    /// <summary>Returns the name of a key in the flags.</summary>
    public static string KeyOf(string section, string name) =>
        section.Trim().Equals(Global, StringComparison.OrdinalIgnoreCase) ? name : $"{section.Trim()}.{name}";

    /// <summary>
    /// Returns the options with the entries of one source applied, in the order of the settings; of two entries for one
    /// key, the later one counts.
    /// </summary>
    /// <exception cref="EngineException">There is no such key, or it cannot have the value.</exception>
    public static EngineOptions Apply(EngineOptions options, IEnumerable<Entry> entries) => entries
        .OrderBy(entry => Find(entry.Key) is { } setting ? All.IndexOf(setting) : -1)
        .Aggregate(options, Apply);

    /// <summary>Returns the options with <paramref name="entry"/> applied.</summary>
    /// <exception cref="EngineException">There is no such key, or it cannot have the value.</exception>
    public static EngineOptions Apply(EngineOptions options, Entry entry)
    {
        if (Find(entry.Key) is not { } setting)
        {
            string known = string.Join(", ", All.Select(one => one.Key));
            throw new EngineException($"{entry.Source}: unknown key '{entry.Key}'; known are {known}.");
        }

        return setting.Set(options, entry.Value)
            ?? throw new EngineException(
                $"{entry.Source}: {setting.Key} cannot be '{entry.Value.ReplaceLineEndings(" ")}'; it may be "
                + $"{setting.Values}."
                + (entry.Value.Contains('\n') ? " The lines below it are indented, and so go on with its value." : ""));
    }
}
