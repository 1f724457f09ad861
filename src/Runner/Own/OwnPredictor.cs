using System.Globalization;
using System.Text;
using Engine.Data;
using Engine.Inspection;
using Engine.Models;

namespace Engine.Runner;

/// <summary>Predicts new pictures or rows with a user's own model, and writes the predictions.</summary>
internal sealed class OwnPredictor(Models.Model model, PredictOptions options, TextWriter output, TextWriter errors)
{
    private const int AtOnce = 128, Max = 3, WidestName = 40;

    private bool IsForPeople => options.Format == PredictionFormat.Text && options.File is null;

    /// <summary>
    /// Predicts pictures or the rows of tables; without either, the samples that the model was tested on.
    /// </summary>
    /// <returns>The exit code.</returns>
    public int Run(CancellationToken cancellation)
    {
        if (options.Pictures.Count == 0)
        {
            return OnTestSamples();
        }

        if (options.Pictures.Any(ArrayFiles.AreSamples))
        {
            return OnArrays(cancellation);
        }

        if (PictureFile.Takes(model.Inputs))
        {
            IEnumerable<string> files = options.Pictures.SelectMany(path => OwnDataOptions.IsTable(path)
                ? PictureNames.PathsOf(TableStyle.Of(model.About).Of(path)) : [path]);
            return OnSamples(SampleFiles.Pictures, files, path => PictureFile.Read(path, model.Inputs), cancellation);
        }

        bool areTexts = model.Inputs.Transforms is [WordCounts { Column: TextFolder.Text }] && options.Pictures.All(
            path => Directory.Exists(path)
                || Path.GetExtension(path).Equals(".txt", StringComparison.OrdinalIgnoreCase));
        Encoding? encoding = TableStyle.Of(model.About).FoundEncoding;
        return areTexts
            ? OnSamples(
                SampleFiles.Texts, options.Pictures, path => TextFolder.ReadFile(path, TextFolder.Text, encoding),
                cancellation)
            : OnTables(cancellation);
    }

    /// <summary>Predicts files that each have one sample: pictures or texts.</summary>
    private int OnSamples(
        SampleFiles kind, IEnumerable<string> named, Func<string, Table> read, CancellationToken cancellation)
    {
        IReadOnlyList<string> paths = kind.Of(named, options.Recursive, errors);
        int broken = 0;
        PredictionWriter writer = Writer(ofFiles: true, Math.Min(paths.Max(path => path.Length), WidestName));
        foreach (string[] some in paths.Chunk(AtOnce))
        {
            cancellation.ThrowIfCancellationRequested();
            var tables = new Table?[some.Length];
            string?[] complaints = new string?[some.Length];
            Parallel.For(0, some.Length, i =>
            {
                try
                {
                    tables[i] = read(some[i]);
                }
                catch (EngineException error)
                {
                    complaints[i] = error.Message;
                }
            });
            foreach ((string path, Models.Prediction prediction) in some.Where((_, i) => tables[i] is not null)
                .Zip(Predict([.. tables.OfType<Table>()])))
            {
                writer.Write(ToWrite(path, null, prediction));
            }

            Array.ForEach([.. complaints.OfType<string>()], errors.WriteLine);
            broken += complaints.Count(complaint => complaint is not null);
        }

        writer.End();
        return broken == 0 ? CommandLine.Done : CommandLine.Failed;
    }

    private int OnTables(CancellationToken cancellation)
    {
        var style = TableStyle.Of(model.About);
        return OnFiles(Read, "row", first: 1, cancellation);

        Table Read(string path)
        {
            Table table = style.Of(path).As(model.Inputs, model.Target).Read();
            style.CheckPlaces(table, path, model.Target.Column);
            return table;
        }
    }

    /// <summary>Predicts samples in arrays, numbered from 0.</summary>
    private int OnArrays(CancellationToken cancellation)
    {
        string column = model.Inputs.Transforms is [{ Dimensions.Rank: 1 or 3 } only]
            && only.Dimensions.Count == model.Inputs.Dimensions.Count ? only.Column
            : throw new EngineException($"{options.Load} takes a table of columns by name, and {options.Pictures[0]} "
                + "has arrays: write the rows to a .csv file.");
        return options.Pictures.FirstOrDefault(path => !ArrayFiles.AreSamples(path)) is { } other
            ? throw new EngineException(
                $"{other} is no file of arrays, but other files are: predict arrays and other files separately.")
            : OnFiles(path => ArrayFiles.ReadSamples(path, column), "sample", first: 0, cancellation);
    }

    private int OnFiles(Func<string, Table> read, string noun, int first, CancellationToken cancellation)
    {
        PredictionWriter writer = Writer(ofFiles: true, width: noun.Length + 4);
        foreach (string path in options.Pictures)
        {
            cancellation.ThrowIfCancellationRequested();
            int row = first;
            foreach (Models.Prediction prediction in model.Predict(read(path)))
            {
                string name = FormattableString.Invariant($"{noun} {row++}");
                writer.Write(ToWrite(options.Pictures.Count > 1 ? $"{path}, {name}" : name, null, prediction));
            }
        }

        writer.End();
        return CommandLine.Done;
    }

    private int OnTestSamples()
    {
        Table test = OwnTests.Load(model, options.Load, options.Data, out _);
        PredictionWriter writer = Writer(ofFiles: false, width: 5);
        int count = Math.Min(options.Count, test.Count), i = 0;
        foreach (Models.Prediction prediction in count == 0
            ? []
            : model.Predict(test.Rows([.. Enumerable.Range(0, count)])))
        {
            writer.Write(
                ToWrite(i.ToString(CultureInfo.InvariantCulture), test[model.Target.Column].Text(i), prediction));
            i++;
        }

        writer.End();
        TestReport report = model.Test(test);
        (IsForPeople ? output : errors).WriteLine($"{report.Headline}.");
        return CommandLine.Done;
    }

    private IReadOnlyList<Models.Prediction> Predict(Table[] samples) =>
        samples.Length == 0 ? [] : model.Predict(Table.Joined(samples));

    private PredictionWriter Writer(bool ofFiles, int width) =>
        new(output, options.Format, ofFiles, Math.Max(Math.Min(Max, model.Classes.Count), 1), width)
        {
            Value = model.Classes.Count == 0 ? model.Target.Column : null,
        };

    private static Prediction ToWrite(string name, string? truth, Models.Prediction prediction) => new(
        name, truth, [.. prediction.Classes.Take(Max).Select(one => (one.Class, one.Probability))])
    {
        Value = double.IsNaN(prediction.Value) ? null : prediction.Value,
    };
}

/// <summary>The samples that test a user's own model: those that its training left out.</summary>
internal static class OwnTests
{
    /// <summary>Reads the samples.</summary>
    /// <param name="model">The model.</param>
    /// <param name="file">Its file, for messages.</param>
    /// <param name="path">The data, if the user names it; null for the path in the file.</param>
    /// <param name="name">The name of the samples.</param>
    /// <exception cref="EngineException">They cannot be read, or have changed.</exception>
    public static Table Load(Models.Model model, string file, string? path, out string name)
    {
        (OwnDataOptions options, int seed) = OwnDataOptions.Of(model, file, path);
        if (!File.Exists(options.Path) && !Directory.Exists(options.Path))
        {
            throw new EngineException(
                $"{file} was trained on {options.Path}, which is not there: name the data with --data.");
        }

        DataSet data = options.Source(threads: null).Load();
        name = data.Name;
        data = data.WithTest(options.TestShare, seed);
        return model.Target.Named(data.Test ?? data.Train);
    }
}
