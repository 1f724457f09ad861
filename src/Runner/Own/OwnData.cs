using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Engine.Data;
using Engine.IO;
using Engine.Models;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// A user's own data, ready for training. The findings about the data are printed before the training.
/// </summary>
/// <param name="Options">The options that name the data.</param>
/// <param name="Data">The samples.</param>
/// <param name="Inputs">What prepares them.</param>
/// <param name="Target">What is predicted.</param>
/// <param name="Network">The network, with its input and last layer filled in.</param>
internal sealed record OwnData(
    OwnDataOptions Options, DataSet Data, Preparation Inputs, Target Target, NetworkDescription Network)
{
    /// <summary>Above this share of one class, accuracies say little.</summary>
    private const double MaxOfOneClass = 0.95;

    /// <summary>A class with fewer samples is hardly learned.</summary>
    private const int FewestOfClass = 10;

    private const int MaxShown = 30;

    /// <summary>Whether the samples are pictures.</summary>
    public bool ArePictures => Inputs.Dimensions.Rank == 3;

    /// <summary>The name of a sample.</summary>
    public string Noun => NounOf(Inputs);

    /// <summary>Returns the name of a model's samples.</summary>
    public static string NounOf(Preparation inputs) => inputs.Dimensions.Rank == 3 ? "pictures"
        : inputs.Transforms is [WordCounts { Column: TextFolder.Text }] ? "texts" : "rows";

    /// <summary>Reads the data, and fits the preparation to those samples that neither test nor validate.</summary>
    /// <exception cref="EngineException">Nothing can be learned from the data; the message says why.</exception>
    /// <param name="options">The options that name the data.</param>
    /// <param name="seed">The seed of the choice of samples; null for the network's.</param>
    /// <param name="threads">The threads that read; null for all.</param>
    /// <param name="validation">The share of the training samples that validates; null for the network's.</param>
    public static OwnData Load(OwnDataOptions options, int? seed, int? threads, double? validation)
    {
        NetworkDescription? described = options.Network is null ? null : Find(options.Network);
        IDataSource source = options.Source(threads);
        DataSet data = source.Load().WithTest(options.TestShare, seed ?? described?.Seed ?? 42);
        NetworkDescription network = described ?? OwnNetworks.Find(OwnNetworks.DefaultFor(data));
        (Preparation inputs, Target target) = Models.Model.Prepared(
            data, options.AreValues, new TrainSplit(validation ?? network.Data.Validation));
        options = source is Csv table
            ? options with
            {
                Style = options.Style with
                {
                    UsualDecimals = table.DetectDecimals(),
                    Places = TableStyle.PlacesOf(data.Train, options.Drop),
                },
            }
            : options;
        // Errors that the test would find are better reported before the training.
        data = data with { Validation = Checked(data.Validation), Test = Checked(data.Test) };
        return new OwnData(options, data, inputs, target, OwnNetworks.Fill(network, inputs, target));

        Table? Checked(Table? part)
        {
            if (part is null)
            {
                return null;
            }

            inputs.Check(part);
            target.Check(part[data.Target]);
            return target.Named(part);
        }
    }

    /// <summary>Prints the findings, and how they are handled.</summary>
    /// <param name="output">Where the findings go.</param>
    /// <param name="errors">Where warnings go.</param>
    /// <param name="validation">The share of the training samples that validates.</param>
    public void Describe(TextWriter output, TextWriter errors, double validation)
    {
        foreach (string note in Data.Notes.Concat(Inputs.Unused))
        {
            output.WriteLine(note);
        }

        if (!ArePictures)
        {
            output.WriteLine();
            output.Write(Columns());
        }

        output.WriteLine();
        output.Write(OfTarget());
        int train = Data.Train.Count;
        string validate = Data.Validation is null || validation == 0
            ? string.Create(CultureInfo.InvariantCulture, $", of which some {(int)(train * validation):N0} validate;")
            : string.Create(CultureInfo.InvariantCulture, $"; {Data.Validation.Count:N0} validate;");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{train:N0} {Noun} train{validate} {Data.Test?.Count ?? 0:N0} test."));
        output.WriteLine();
        foreach (string warning in Data.Warnings.Concat(Warnings()))
        {
            errors.WriteLine($"WARNING: {warning}");
        }
    }

    private static NetworkDescription Find(string name) =>
        OwnNetworks.Names.Contains(name) ? OwnNetworks.Find(name)
        : File.Exists(name) || name.Contains('.', StringComparison.Ordinal) ? DescriptionReader.Read(name)
        : throw new EngineException(
            $"--network: there is no network '{name}'{Nearest.Question(name, OwnNetworks.Names)} There are "
            + $"{string.Join(", ", OwnNetworks.Names)}, and files that describe one.");

    private string Columns()
    {
        var table = new TextTable("column", "kind", ">missing", "what the network gets");
        foreach (Transform transform in Inputs.Transforms.Take(MaxShown))
        {
            Column column = Data.Train[transform.Column];
            table.Add(
                transform.Column, column switch { NumberColumn => "number", TextColumn => "text", _ => "vector" },
                column is VectorColumn ? "0" : column.Missing.ToString(CultureInfo.InvariantCulture),
                Short(transform.Words));
        }

        return $"{table}" + (Inputs.Transforms.Count > MaxShown ? $"… {Inputs.Transforms.Count} columns in all\n" : "");

        static string Short(string words) => words.Length > 90 ? $"{words[..88]} …" : words;
    }

    private string OfTarget()
    {
        if (Target is not ClassTarget classes)
        {
            double[] values = ((NumberColumn)Data.Train[Target.Column]).Values.ToArray();
            var scale = (ValueTarget)Target;
            return string.Create(CultureInfo.InvariantCulture,
                $"Target '{Target.Column}': values from {values.Min():G6} to {values.Max():G6}, "
                + $"learned as (y - {scale.Mean:G4}) / {scale.Std:G4}")
                + (scale.Unit is null ? ".\n" : $", y in {scale.Unit}.\n");
        }

        Dictionary<string, int> counts = Counts(Data.Train);
        var table = new TextTable("class", ">train", ">test");
        Dictionary<string, int> tests = Data.Test is { } test ? Counts(test) : [];
        foreach (string name in classes.Classes.Take(MaxShown))
        {
            table.Add(
                name, counts.GetValueOrDefault(name).ToString("N0", CultureInfo.InvariantCulture),
                tests.GetValueOrDefault(name).ToString("N0", CultureInfo.InvariantCulture));
        }

        return $"Target '{Target.Column}': {classes.Classes.Count} classes.\n{table}"
            + (classes.Classes.Count > MaxShown ? $"… {classes.Classes.Count} classes in all\n" : "");
    }

    private Dictionary<string, int> Counts(Table table) =>
        Enumerable.Range(0, table.Count).Select(row => table[Target.Column].Text(row)!).CountBy(name => name)
            .ToDictionary();

    private IEnumerable<string> Warnings()
    {
        if (Target is ClassTarget)
        {
            Dictionary<string, int> counts = Counts(Data.Train);
            (string majority, int count) = counts.MaxBy(pair => pair.Value);
            double share = (double)count / Data.Train.Count;
            if (share >= MaxOfOneClass)
            {
                string percent = (100 * share).ToString("F1", CultureInfo.InvariantCulture);
                yield return $"{percent} % of the {Noun} to train on are of the class '{Table.Short(majority)}': "
                    + "always saying so would be right as often. Look at recall and F1 of the others; "
                    + "--class-weights balanced has all classes count alike.";
            }

            string[] rare = [.. counts.Where(pair => pair.Value < FewestOfClass)
                .Select(pair => $"{Table.Short(pair.Key)} {pair.Value}")];
            if (rare.Length > 0)
            {
                yield return $"Few {Noun} to train on, fewer than {FewestOfClass}, "
                    + $"have the class{(rare.Length > 1 ? "es" : "")} {string.Join(", ", rare.Take(8))}{(rare.Length > 8 ? " …" : "")}: {(rare.Length > 1 ? "they are" : "it is")} hardly learned.";
            }
        }

        // The source of a folder of pictures has already searched for duplicates.
        if (Data.Test is { } test && test.Find(ImageFolder.Pictures) is null && Doubles(test) is > 0 and int doubles)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Among those to train on too, each value the same: {doubles:N0} of the {test.Count:N0} {Noun} to "
                + $"test with. The test may be too good.");
        }
    }

    /// <summary>
    /// Returns how many samples to test with are also among those to train on, with the same target and the same value
    /// in each column that the network gets.
    /// </summary>
    private int Doubles(Table test)
    {
        string[] names = [.. Inputs.Transforms.Select(transform => transform.Column)];
        HashSet<string> known = [.. Keys(Data.Train)];
        return Keys(test).Count(known.Contains);

        IEnumerable<string> Keys(Table table)
        {
            Column[] columns = [.. names.Select(name => table.FindAlike(name)!), table[Data.Target]];
            float[] vector = new float[columns.OfType<VectorColumn>().Select(column => (int)column.Dimensions.Count)
                .DefaultIfEmpty(0).Max()];
            return Enumerable.Range(0, table.Count)
                .Select(row => string.Join('\u001F', columns.Select(column => Key(column, row, vector))));
        }

        static string? Key(Column column, int row, float[] vector)
        {
            switch (column)
            {
                case NumberColumn { Values: var numbers }:
                    return NumberColumn.TextOf(numbers[row]);
                case VectorColumn own:
                    own.Read(row, vector.AsSpan(0, (int)own.Dimensions.Count));
                    return Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes<float>(vector)));
                default:
                    return column.Text(row);
            }
        }
    }
}
