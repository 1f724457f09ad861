using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Compile;
using Engine.Configuration;

namespace Engine.Runner;

/// <summary>The options that several commands have, each with its check and its message.</summary>
internal static class CommonOptions
{
    public static Option<DeviceChoice?> Device() => new("--device")
    {
        HelpName = "auto|cpu|cuda",
        Description = "The device to compute on; cuda1 is the second GPU. [default: as configured, else auto]",
        CustomParser = result => DeviceChoice.TryParse(Text(result), out DeviceChoice device)
            ? device
            : Refuse<DeviceChoice?>(result, DeviceChoice.Values),
    };

    /// <summary>Returns the option for the precision of a training; null for the configured one.</summary>
    public static Option<TrainingPrecision?> Precision() => new("--precision")
    {
        HelpName = "float32|tf32|bf16|fp16",
        Description =
            "What training multiplies: numbers of 32 bits; on CUDA's tensor cores rounded to TF32; or mixed precision, "
                + "numbers stored as bfloat16 or float16. [default: as configured, else float32]",
        CustomParser =
            result => Enum.TryParse(Text(result), out TrainingPrecision precision) && Enum.IsDefined(precision)
                && !char.IsAsciiDigit(Text(result)[0])
                ? precision
                : Refuse<TrainingPrecision?>(result, "float32, tf32, bf16 or fp16"),
    };

    public static Option<int?> Threads() => new("--threads")
    {
        HelpName = "N",
        Description = "How many threads the CPU device uses. [default: as configured, else one a core]",
        CustomParser = result => TryParse(Text(result), min: 1, out int threads)
            ? threads
            : Refuse<int?>(result, WholeRule(1)),
    };

    public static Option<int?> Images() => new("--images")
    {
        HelpName = "N",
        Description = "Take only the first N of the training and of the test images. [default: all]",
        CustomParser = result => TryParse(Text(result), min: 10, out int images)
            ? images
            : Refuse<int?>(result, WholeRule(10)),
    };

    public static Option<string?> Data() => new("--data")
    {
        HelpName = "DIR",
        Description = "The folder with CIFAR-10. [default: $ENGINE_DATA, ./data, the cache folder, a download]",
    };

    public static Option<string?> Load() => new("--load")
    {
        HelpName = "FILE",
        Description = "Begin with the parameters of this file, .npz or else safetensors.",
    };

    public static Option<string[]> Ignore() => Names(
        "--ignore",
        "Ignore parameters of these names in the loaded file; * stands for any characters: *.num_batches_tracked.");

    public static Option<string[]> Keep() => Names(
        "--keep", "Keep the initial values of parameters of these names if the file of --load lacks them.");

    public static Option<ProfileKind> Profile() => new("--profile")
    {
        HelpName = "table|nsight",
        Arity = ArgumentArity.ZeroOrOne,
        Description =
            "Time every kernel and print a table at the end; nsight: name epochs, plans and ops to NVIDIA's Nsight, "
                + "which runs this (docs/profiling.md). [alone: table]",
        CustomParser = result => (result.Tokens.Count, Text(result)) switch
        {
            (0, _) or (_, "table") => ProfileKind.Table,
            (_, "nsight") => ProfileKind.Nsight,
            _ => Refuse<ProfileKind>(result, "table or nsight"),
        },
    };

    public static Option<string?> Trace(string description) => new("--trace")
    {
        HelpName = "FILE",
        Description = description,
    };

    public static Option<bool> Quiet() => new("--quiet") { Description = "Print only the results." };

    /// <summary>
    /// Returns the configuration, overridden by the command line; its settings for compilation apply from now on.
    /// </summary>
    /// <param name="device">The device that the command line asks for.</param>
    /// <param name="threads">The threads that the command line asks for.</param>
    /// <param name="optimizer">The optimizer that the command line asks for.</param>
    /// <param name="notes">Where to say which parts of Theano's configuration are ignored; null: nowhere.</param>
    /// <exception cref="EngineException">The configuration has an unknown key or a bad value.</exception>
    public static EngineOptions Configure(
        DeviceChoice? device, int? threads, string? optimizer = null, TextWriter? notes = null)
    {
        var commandLine = new Dictionary<string, string>();
        if (device is { } choice)
        {
            commandLine["device"] = choice.ToString();
        }

        if (threads is { } count)
        {
            commandLine["threads"] = count.ToString(CultureInfo.InvariantCulture);
        }

        if (optimizer is not null)
        {
            commandLine["optimizer"] = optimizer;
        }

        EngineOptions options = EngineOptions.Load(commandLine, notes);
        CompileOptions.Default = new CompileOptions
        {
            Optimizer = options.Optimizer,
            Mode = options.Mode,
            Excluding = options.OptimizerExcluding.Split(':', StringSplitOptions.RemoveEmptyEntries),
            Including = options.OptimizerIncluding.Split(':', StringSplitOptions.RemoveEmptyEntries),
        };
        return options;
    }

    /// <summary>Creates an option of a whole number, at least <paramref name="min"/>.</summary>
    public static Option<int> Whole(string name, int min, int byDefault, string description) => new(name)
    {
        HelpName = "N",
        Description = description,
        DefaultValueFactory = _ => byDefault,
        CustomParser = result => TryParse(Text(result), min, out int value)
            ? value
            : Refuse<int>(result, WholeRule(min)),
    };

    /// <summary>
    /// Creates an option of a whole number, at least <paramref name="min"/>, that overrides a network's description.
    /// Without the option the value is the default, or null if there is none.
    /// </summary>
    public static Option<int?> Whole(
        string name, int min, Func<int>? byDefault, string description, params string[] aliases)
    {
        bool isOfFile = byDefault is null && !description.Contains("[default:", StringComparison.Ordinal);
        var option = new Option<int?>(name, aliases)
        {
            HelpName = "N",
            Description = isOfFile ? $"{description} [default: as the file says]" : description,
            CustomParser = result => TryParse(Text(result), min, out int value)
                ? value
                : Refuse<int?>(result, WholeRule(min)),
        };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault();
        }

        return option;
    }

    /// <summary>
    /// Creates such an option of a number; an invalid value is answered with the <paramref name="rule"/>.
    /// </summary>
    public static Option<float?> Real(
        string name, Func<float>? byDefault, string description, Func<float, bool> valid, string rule,
        params string[] aliases)
    {
        var option = new Option<float?>(name, aliases)
        {
            HelpName = "X",
            Description = byDefault is null ? $"{description} [default: as the file says]" : description,
            // The default style allows thousands separators, and would read 0,01 as 1.
            CustomParser = result =>
                float.TryParse(Text(result), NumberStyles.Float, CultureInfo.InvariantCulture, out float value)
                && valid(value)
                    ? value
                    : Refuse<float?>(result, rule),
        };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault();
        }

        return option;
    }

    /// <summary>Reads a whole number, at least <paramref name="min"/>.</summary>
    public static bool TryParse(string text, int min, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= min;

    /// <summary>Returns the one word that was given to the option.</summary>
    public static string Text(ArgumentResult result) => result.Tokens is [Token token] ? token.Value : "";

    /// <summary>Refuses the value of an option or argument: <c>--epochs must be …, not 'x'.</c></summary>
    public static T? Refuse<T>(ArgumentResult result, string rule)
    {
        Option? option = (result.Parent as OptionResult)?.Option;
        string[] words = option?.HelpName?.Split('|') is { Length: > 1 } several ? several : [];
        result.AddError(
            $"{option?.Name ?? result.Argument.Name} must be {rule}, "
            + $"not '{Text(result)}'{Nearest.Question(Text(result), words)}");
        return default;
    }

    private static Option<string[]> Names(string name, string description) => new(name)
    {
        HelpName = "NAME[,NAME…]",
        Description = description,
        CustomParser = result =>
        [
            .. result.Tokens.SelectMany(token => token.Value.Split(
                ',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
        ],
    };

    private static string WholeRule(int min) => $"a whole number, at least {min}";
}
