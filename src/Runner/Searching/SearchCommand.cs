using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Engine.Configuration;
using Engine.Devices;
using Engine.Plots;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// Searches for the settings with which a network learns best: draws them at random, and trains the best ones longer.
/// </summary>
internal static class SearchCommand
{
    private const int MaxShown = 10;

    public static Command Create()
    {
        var named = new Argument<string>("data")
        {
            HelpName = "DATA",
            Description = "As for train: a folder of pictures, a table, or a network for CIFAR-10: mlp, cnn or a file.",
        };
        named.CompletionSources.Add([.. Networks.Names]);
        OwnDataWords own = new();
        Option<SearchRange?> rates = SearchRange.Option(
            "--learning-rate", "Learning rates to try, by orders of magnitude.", SearchRange.Number(x => x > 0), "a "
            + "number greater than 0");
        Option<SearchRange?> momenta = SearchRange.Option(
            "--momentum", "Momenta to try.", SearchRange.Number(x => x is >= 0 and < 1), "a number from 0 up to, "
            + "not including, 1");
        Option<SearchRange?> batches =
            SearchRange.Option("--batch", "Sizes of batches to try.", IsSize, "a whole number, at least 1");
        Option<SearchRange?> hidden = SearchRange.Option(
            "--hidden", "Sizes of the hidden dense layers to try; 100+50 is two layers.",
            word => word.Split('+').All(IsSize),
            "a size of at least 1, or some with + between");
        Option<int> trials = CommonOptions.Whole("--trials", 1, 20, "How many settings to try.");
        Option<int?> epochs =
            CommonOptions.Whole("--epochs", 1, (Func<int>?)null, "For how many epochs the best ones are trained.");
        Option<int> factor = CommonOptions.Whole(
            "--factor", 1, 3, "Successive halving: in each round one of N settings continues, "
            + "with N times the epochs; 1 trains all settings for all epochs.");
        Option<int?> images = CommonOptions.Images(), threads = CommonOptions.Threads();
        Option<int> seed = CommonOptions.Whole("--seed", 0, 42, "Of the random numbers: same seed, same search.");
        Option<string?> data = CommonOptions.Data();
        Option<string?> results = new("--results")
        {
            HelpName = "FILE",
            Description =
                "Write each trial to this file as soon as it is over; a search that was stopped goes on from there.",
        };
        Option<string?> picture =
            new("--output", "-o") { HelpName = "FILE", Description = "Draw the trials to this file, .png or .svg." };
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<bool> quiet = CommonOptions.Quiet();
        var command =
            new Command("search", "Search for settings with which a network learns best, on your own data or CIFAR-10.")
            {
                named, rates, momenta, batches, hidden, trials, epochs, factor, seed, images, data, results, picture,
                device, threads, quiet,
            };
        own.AddTo(command, forSearch: true);
        command.SetAction((parsed, cancellation) =>
        {
            string path = parsed.GetRequiredValue(named);
            var ranges = new SearchRanges(
                parsed.GetValue(rates), parsed.GetValue(momenta), parsed.GetValue(batches), parsed.GetValue(hidden));
            var options = new TrainingOptions
            {
                Network = OwnDataOptions.IsData(path) ? Networks.Mlp : Networks.Find(path),
                Own = own.Read(parsed, path, images, data),
                Validation = parsed.GetValue(own.Validation),
                IsBalanced = parsed.GetValue(own.ClassWeights) is not null,
                Device = parsed.GetValue(device),
                Threads = parsed.GetValue(threads),
                Data = parsed.GetValue(data),
                Images = parsed.GetValue(images),
                Epochs = parsed.GetValue(epochs),
                Seed = parsed.GetValue(seed),
                Quiet = parsed.GetValue(quiet),
            };
            return Run(path, options, ranges, parsed.GetValue(trials), parsed.GetValue(factor),
                parsed.GetValue(results), parsed.GetValue(picture), cancellation);
        });
        return command;

        static bool IsSize(string word) => CommonOptions.TryParse(word, min: 1, out _);
    }

    private static async Task<int> Run(
        string name, TrainingOptions options, SearchRanges ranges, int trials, int factor, string? results,
        string? picture,
        CancellationToken cancellation)
    {
        if (ranges is { LearningRate: null, Momentum: null, Batch: null, Hidden: null })
        {
            throw new EngineException(
                "There is nothing to search for: name values to try, --learning-rate 0.003..0.03 or --hidden 50,100 "
                + "say.");
        }

        if (picture is not null)
        {
            PictureFiles.RequireFormat("--output", picture);
        }

        TrainingData data = options.Own is null
            ? await CifarTraining.Load(options, cancellation)
            : OwnTraining.Load(ref options);
        if (options.Described().Data.Validation == 0)
        {
            throw new EngineException(
                "A search compares by the validation samples, and there are none: --validation 0.2 sets some apart.");
        }

        EngineOptions configuration =
            CommonOptions.Configure(options.Device, options.Threads, notes: options.Quiet ? null : Console.Error);
        using Device device =
            DeviceSelection.Open(options.Device, configuration, options.Quiet ? TextWriter.Null : Console.Error);
        int epochs = options.Described().Epochs;
        using var file = new SearchFile(results, FormattableString.Invariant(
            $"{name} {ranges}, {options.Images?.ToString(CultureInfo.InvariantCulture) ?? "all"} samples, seed {options.Seed}, settings {Digest(options)}"));
        if (file.Count > 0 && !options.Quiet)
        {
            Console.WriteLine($"{file.Count} trials are known from {results}.");
        }

        IReadOnlyList<SearchCandidate> candidates = RandomSearch.Draw(trials, options.Seed ?? 42, ranges.Draw);
        // The largest score is the best, so the smallest loss is sought as its negative, but shown as it is.
        (string measure, int sign) = data.IsRegression ? ("loss", -1) : ("accuracy", 1);
        HalvingResult<SearchCandidate> found = SuccessiveHalving.Run(
            candidates, epochs,
            (candidate, some) =>
            {
                if (file.TryGet(candidate, some, out (double Score, double Seconds) known))
                {
                    return known.Score;
                }

                long start = System.Diagnostics.Stopwatch.GetTimestamp();
                double score = Score(data, candidate.Of(options, some), device, configuration.FloatX, cancellation);
                cancellation.ThrowIfCancellationRequested();
                TimeSpan time = System.Diagnostics.Stopwatch.GetElapsedTime(start);
                file.Add(new Trial<SearchCandidate>(candidate, some, score, time));
                if (!options.Quiet)
                {
                    Console.WriteLine(FormattableString.Invariant(
                        $"{some,3} epoch{(some == 1 ? " " : "s")}  {measure} {sign * score:F4}  {time.TotalSeconds,6:F1} s  {candidate}"));
                }

                return score;
            },
            factor, progress: null, cancellation);
        Print(found, measure, sign);
        if (picture is not null)
        {
            Picture drawn = SearchPlot.Draw(
                [.. found.Trials.Select(trial =>
                    new SearchPoint(
                        trial.Candidate.Number(ranges.Axis), sign * trial.Score, $"{trial.Epochs} epochs"))],
                ranges.Axis, measure, isLogarithmic: ranges.Axis == "learning rate");
            PictureFiles.Save(drawn, "--output", picture, Console.Out);
        }

        return CommandLine.Done;
    }

    /// <summary>Returns some digits that differ if the network, the target or the treatment of the data do.</summary>
    private static string Digest(TrainingOptions options)
    {
        string all = $"{options.Described().ToJson()} {options.Own} {string.Join(',', options.Own?.Drop ?? [])}";
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..8];
    }

    /// <summary>
    /// Returns the best validation accuracy of a training, or for values the negated smallest validation loss. It is
    /// NaN if the training diverges.
    /// </summary>
    private static double Score(
        TrainingData data, TrainingOptions options, Device device, DType floatX, CancellationToken cancellation)
    {
        options = options with { Quiet = true };
        using NeuralNet net = Experiment.Net(options, device, floatX, data.IsSynthetic, data.IsRegression);
        try
        {
            data.Fit(net, options, cancellation);
        }
        catch (DivergenceException)
        {
            return double.NaN;
        }

        return net.TrainHistory.Count == 0 ? double.NaN
            : data.IsRegression
            ? -net.TrainHistory.Min(epoch => epoch.ValidLoss)
            : net.TrainHistory.Max(epoch => epoch.ValidAccuracy);
    }

    private static void Print(HalvingResult<SearchCandidate> found, string measure, int sign)
    {
        var table = new TextTable(">" + measure, ">epochs", "settings");
        foreach (Trial<SearchCandidate> trial in found.Ranking.Take(MaxShown))
        {
            table.Add(
                (sign * trial.Score).ToString("F4", CultureInfo.InvariantCulture),
                trial.Epochs.ToString(CultureInfo.InvariantCulture),
                trial.Candidate.ToString());
        }

        Console.WriteLine(
            $"\n{table}{(found.Ranking.Count > MaxShown ? $"… {found.Ranking.Count} settings in all\n" : "")}");
        Console.WriteLine($"The best: {found.Best.Candidate}");
    }
}
