using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Models;

namespace Engine.Runner;

/// <summary>The command-line options of <c>train</c> for a user's own data.</summary>
internal sealed class OwnDataWords
{
    private readonly Option<string?> _target = new("--target")
    {
        HelpName = "COLUMN",
        Description =
            "Of a table: the column to predict. [default: target, label, class or y; without a header the last]",
    };

    private readonly Option<string?> _network = new("--network")
    {
        HelpName = "small|cnn|resnet|mlp|FILE",
        Description = "The network, of which input and last layer are filled in from the data. [default: "
            + "cnn for pictures, else mlp]",
    };

    private readonly Option<int?> _size = CommonOptions.Whole(
        "--size", 1, (Func<int>?)null, "Of pictures: the side that each is brought to.");

    private readonly Option<string?> _test = new("--test")
    {
        HelpName = "FILE",
        Description = "Of a table: the rows to test with. [default: a part of the rows]",
    };

    private readonly Option<double?> _testShare = Share(
        "--test-share", "The share of the samples that tests, where none are set apart for it.", "[default: 0.2]");

    private readonly Option<string[]> _drop = new("--drop")
    {
        HelpName = "COLUMN…",
        Description = "Of a table: columns to leave out.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _keepNA = new("--keep-na")
    {
        HelpName = "COLUMN…",
        Description = "Of a table: columns in which NA, null and the like are names, and no missing values.",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<char?> _separator = new("--separator")
    {
        HelpName = "CHAR",
        Description =
            "Of a table: what stands between values, a character, 'tab' or 'blanks'. [default: found by looking]",
        CustomParser = result => CommonOptions.Text(result) switch
        {
            "tab" or "\\t" => '\t',
            "blanks" => ' ',
            [char only] => only,
            _ => CommonOptions.Refuse<char?>(result, "one character, 'tab' or 'blanks'"),
        },
    };

    private readonly Option<string?> _encoding = new("--encoding")
    {
        HelpName = "NAME",
        Description =
            "Of a table: what its letters are stored as, utf-8 or windows-1251 say. [default: found by looking]",
        CustomParser = result => TableStyle.Find(CommonOptions.Text(result)) is { } found
            ? found.WebName
            : CommonOptions.Refuse<string>(result, "the name of an encoding, as utf-8, utf-16 or windows-1251"),
    };

    private readonly Option<string?> _header = Either(
        "--header", "yes", "no", "Of a table: whether the first row has the columns' names. [default: "
        + "found by looking]");

    private readonly Option<string?> _decimal = Either(
        "--decimal", "comma", "point", "Of a table: what stands before decimals. [default: found by looking]");

    private readonly Option<bool> _values =
        new("--values") { Description = "Take whole numbers of the target for values, not for classes." };

    private readonly Option<bool> _classes =
        new("--classes") { Description = "Take numbers of the target for classes, not for values." };

    private readonly Option<bool> _stream = new("--stream")
    {
        Description = "Prepare samples when they are due, and keep decoded pictures in a file. [default: "
            + "where they would fill half of the memory]",
    };

    public OwnDataWords()
    {
        _size.Description = "Of pictures: the side that each is brought to. [default: 64]";
        _network.CompletionSources.Add([.. OwnNetworks.Names]);
    }

    /// <summary>The share for validation.</summary>
    public Option<double?> Validation { get; } = Share(
        "--validation", "The share of the samples to train on that validates; 0 for none.", "[default: "
        + "as the network says]");

    /// <summary>The weights of classes.</summary>
    public Option<string?> ClassWeights { get; } = new("--class-weights")
    {
        HelpName = "balanced",
        Description = "Have each class count as much as any other, however few samples it has.",
        CustomParser = result =>
            CommonOptions.Text(result) == "balanced" ? "balanced" : CommonOptions.Refuse<string>(result, "balanced"),
    };

    /// <summary>The path of the page.</summary>
    public Option<string?> Report { get; } = new("--report")
    {
        HelpName = "FILE",
        Description = "Of own data: write the page about the training to this file. [default: beside the model, "
            + ".html; none if the model goes to a device]",
    };

    private Option[] OfTables => [_drop, _keepNA, _separator, _encoding, _header, _decimal];

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="forSearch">Whether the command searches and writes no page.</param>
    public void AddTo(Command command, bool forSearch = false)
    {
        Option[] all = [_target, _network, _size, Validation, ClassWeights, _test, _testShare, .. OfTables, _values,
            _classes, _stream, Report];
        Array.ForEach([.. all.Where(option => !forSearch || option != Report)], command.Add);
    }

    /// <summary>
    /// Returns the values of the options; null if the argument is a network for CIFAR-10 and not data.
    /// </summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="path">The argument.</param>
    /// <param name="ofCifar">The options for CIFAR-10.</param>
    /// <exception cref="EngineException">An option does not fit the kind of the argument.</exception>
    public OwnDataOptions? Read(ParseResult parsed, string path, params ReadOnlySpan<Option> ofCifar)
    {
        bool isData = OwnDataOptions.IsData(path);
        foreach (Option option in isData
            ? ofCifar
            : [_target, _network, _size, _test, _testShare, .. OfTables, _values, _classes, _stream, Report])
        {
            if (parsed.GetResult(option) is { Implicit: false })
            {
                throw new EngineException(isData
                    ? $"{option.Name} is about CIFAR-10, and {path} is data of your own: leave it out."
                    : $"{option.Name} is about data of your own, and {path} is a network that is trained on CIFAR-10: "
                        + "give a folder of pictures or a table, and the network with --network.");
            }
        }

        if (parsed.GetValue(_values) && parsed.GetValue(_classes))
        {
            throw new EngineException("--values and --classes are both given: the target is one or the other.");
        }

        return !isData ? null : new OwnDataOptions(path)
        {
            Target = parsed.GetValue(_target),
            Network = parsed.GetValue(_network),
            Size = parsed.GetValue(_size),
            Test = parsed.GetValue(_test),
            TestShare = parsed.GetValue(_testShare) ?? 0.2,
            Drop = parsed.GetValue(_drop) ?? [],
            KeepNA = parsed.GetValue(_keepNA) ?? [],
            Style = new TableStyle
            {
                Separator = parsed.GetValue(_separator),
                Encoding = parsed.GetValue(_encoding),
                HasHeader = parsed.GetValue(_header) is { } header ? header == "yes" : null,
                DecimalComma = parsed.GetValue(_decimal) is { } mark ? mark == "comma" : null,
            },
            IsStreamed = parsed.GetValue(_stream),
            AreValues = parsed.GetValue(_values) ? true : parsed.GetValue(_classes) ? false : null,
        };
    }

    /// <summary>Creates an option with two possible words.</summary>
    private static Option<string?> Either(string name, string first, string second, string description) => new(name)
    {
        HelpName = $"{first}|{second}",
        Description = description,
        CustomParser = result => CommonOptions.Text(result) is var word && (word == first || word == second)
            ? word : CommonOptions.Refuse<string>(result, $"{first} or {second}"),
    };

    private static Option<double?> Share(string name, string description, string byDefault) => new(name)
    {
        HelpName = "X",
        Description = $"{description} {byDefault}",
        CustomParser =
            result =>
                double.TryParse(
                    CommonOptions.Text(result), NumberStyles.Float, CultureInfo.InvariantCulture, out double share)
                    && share is >= 0 and <= 0.5
                        ? share
                        : CommonOptions.Refuse<double?>(result, "a number from 0 to 0.5"),
    };
}
