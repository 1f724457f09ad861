using System.CommandLine;
using System.CommandLine.Parsing;
using Engine.Configuration;
using Engine.Devices;
using Engine.Inspection;
using Engine.Models.Description;

namespace Engine.Runner;

/// <summary>
/// Compares saved models on the same samples, or trainings by their histories: <c>compare</c> with files.
/// </summary>
internal sealed class CompareModels
{
    private const string Usage =
        "Give two or more models that --save wrote, then optionally other data to test them on; "
            + "or two or more histories that --history wrote; or mlp or cnn to compare devices.";

    private readonly Argument<string[]> _files = new("file")
    {
        HelpName = "MODEL… [DATA] | HISTORY…",
        Arity = ArgumentArity.ZeroOrMore,
        Description = "Saved models, and what to try them on. [default: the samples the first was tested on] Or files "
            + "that --history wrote.",
    };

    private readonly Option<string?> _data = new("--data")
    {
        HelpName = "PATH",
        Description = "The data to try them on, as behind the models; of networks of CIFAR-10 its folder.",
    };

    private readonly Option<int> _count =
        CommonOptions.Whole("--count", 0, 5, "How many samples to show on which they differ.");
    private readonly Option<DeviceChoice?> _device = CommonOptions.Device();
    private readonly Option<int?> _threads = CommonOptions.Threads();

    /// <summary>Adds the argument, the options and the action to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_files);
        Array.ForEach((Option[])[_data, _count, _device, _threads], command.Add);
        command.Validators.Add(result =>
        {
            string[] networks = [.. command.Subcommands.Select(below => below.Name)];
            string[] words = [.. result.GetResult(_files)?.Tokens.Select(token => token.Value) ?? []];
            if (words.Length == 0 && !result.Children.OfType<CommandResult>().Any())
            {
                result.AddError($"{CommandLine.Name} {command.Name} takes one of {string.Join(", ", networks)}.");
            }
            else if (words is [var word] && !word.Contains('.', StringComparison.Ordinal) && !Path.Exists(word))
            {
                result.AddError($"There is no command '{word}'{Nearest.Question(word, networks)}");
            }
        });
        command.SetAction((parsed, cancellation) => Run(
            parsed, parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, cancellation));
    }

    private async Task<int> Run(ParseResult parsed, TextWriter output, TextWriter notes, CancellationToken cancellation)
    {
        string[] files = parsed.GetValue(_files)!;
        if (Array.Find(files, file => !File.Exists(file) && !Directory.Exists(file)) is { } missing)
        {
            throw new EngineException($"There is no file {missing}. {Usage}");
        }

        string?[] kinds = [.. files.Select(FileKind.Of)];
        if (kinds.All(kind => kind == FileKind.History))
        {
            output.Write(files.Length > 1 || History.Read(files).Count > 1
                ? RunComparison.Print(History.Read(files)) : throw new EngineException(
                    $"{files[0]} is one training: name another to compare it with."));
            return CommandLine.Done;
        }

        if (kinds.IndexOf(FileKind.History) is >= 0 and int odd)
        {
            throw new EngineException(
                $"{files[odd]} is {FileKind.History}, and others are not: either models or histories are compared.");
        }

        string? data = parsed.GetValue(_data);
        if (IsData(files[^1]) && data is null)
        {
            (data, files) = (files[^1], files[..^1]);
        }

        if (files.Length < 2)
        {
            throw new EngineException(files.Length == 0 || IsData(files[0])
                ? $"No model is named. {Usage}" : $"{files[0]} is one model: name another to compare it with.");
        }

        EngineOptions configuration =
            CommonOptions.Configure(parsed.GetValue(_device), parsed.GetValue(_threads), notes: notes);
        using Device device = DeviceSelection.Open(parsed.GetValue(_device), configuration, notes);
        ModelFile[] models = [.. files.Select(file => ModelFile.Load(file, network: null, notes))];
        string[] names = NamesOf(files);
        int count = parsed.GetValue(_count);
        if (models.All(model => model.Own is null))
        {
            output.Write(await OfCifar(parsed, files, names, data, notes, cancellation));
        }
        else if (Array.Find(models, model => model.Own is null) is { } cifar)
        {
            throw new EngineException(
                $"{files[Array.IndexOf(models, cifar)]} is a network of CIFAR-10, "
                + "and others are models of data of your own: they take other samples.");
        }
        else
        {
            output.Write(OfOwn(files, names, [.. models.Select(model => model.Own!(device, configuration.FloatX))],
                data, count, notes, cancellation));
        }

        return CommandLine.Done;
    }

    /// <summary>Compares models of own data, and disposes of them.</summary>
    private static string OfOwn(
        string[] files, string[] names, Models.Model[] models, string? data, int count, TextWriter notes,
        CancellationToken cancellation)
    {
        try
        {
            var samples = new ComparedData([.. files.Zip(models)], data);
            var compared = new List<ComparedModel>();
            Data.Column? truth = null;
            foreach ((string file, string name, Models.Model model) in files.Zip(names, models))
            {
                cancellation.ThrowIfCancellationRequested();
                Data.Table table = samples.For(file, model);
                truth ??= table[model.Target.Column];
                compared.Add(ComparedModel.Of(name, model, table));
            }

            foreach (string doubt in files.Zip(models, samples.DoubtOf).OfType<string>())
            {
                notes.WriteLine($"WARNING: {doubt}");
            }

            return $"Tried on {samples.Said}.\n\n{new ModelComparison(compared, truth!).Print(count)}";
        }
        finally
        {
            Array.ForEach(models, model => model.Dispose());
        }
    }

    /// <summary>Compares networks for CIFAR-10 on its test images.</summary>
    private async Task<string> OfCifar(ParseResult parsed, string[] files, string[] names, string? data,
        TextWriter notes, CancellationToken cancellation)
    {
        var compared = new List<ComparedModel>();
        Data.TextColumn? truth = null;
        foreach ((string file, string name) in files.Zip(names))
        {
            var given = new InspectionOptions.Inspected(
                file, null, parsed.GetValue(_device), parsed.GetValue(_threads), data, null, 0, null,
                Occlusion.DefaultSquare);
            using TestedModel tested = await TestedModel.Load(given, notes, cancellation);
            compared.Add(ComparedModel.Of(name, tested));
            truth ??= new Data.TextColumn(
                Data.ImageFolder.Class, Enumerable.Range(0, tested.Count).Select(i => tested.Classes[tested.Label(i)]));
        }

        return $"Tried on {truth!.Count:N0} test "
            + $"images.\n\n{new ModelComparison(compared, truth).Print(parsed.GetValue(_count))}";
    }

    /// <summary>Returns whether a path is data: an npz file may also contain parameters of Lasagne.</summary>
    private static bool IsData(string path) =>
        Path.GetExtension(path).Equals(".npz", StringComparison.OrdinalIgnoreCase)
            ? IO.Npz.Load(path).Keys.Any(name => name is "x" or "x_train" or "x_test" or "X" or "images")
            : OwnDataOptions.IsData(path);

    /// <summary>Returns the files' names, with their paths if several files have the same name.</summary>
    private static string[] NamesOf(string[] files) =>
        [.. files.Select(file => files.Count(other => Path.GetFileName(other) == Path.GetFileName(file)) > 1
            ? file : Path.GetFileName(file))];
}
