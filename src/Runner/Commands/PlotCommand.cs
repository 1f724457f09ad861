using System.CommandLine;
using Engine.Plots;

namespace Engine.Runner;

/// <summary>Draws the learning curves of trainings, as a picture or as text.</summary>
internal static class PlotCommand
{
    private const int TextWidth = 80, TextHeight = 14;

    public static Command Create()
    {
        Argument<string[]> histories = new("history")
        {
            HelpName = "HISTORY",
            Arity = ArgumentArity.OneOrMore,
            Description = "Files that --history, or HistoryLog or CsvLog from C#, wrote.",
        };
        Option<string?> output = new("--output", "-o")
        {
            HelpName = "FILE",
            Description = "Write the picture to this file, .png or .svg.",
        };
        Option<bool> text =
            new("--text") { Description = "Draw in the terminal. [default: if no picture is asked for]" };
        Option<string?> title = new("--title") { HelpName = "TEXT", Description = "What to write above the picture." };
        Option<int> width =
            CommonOptions.Whole("--width", 300, 1000, "The picture's width; a PNG has twice as many pixels.");
        Option<int> height = CommonOptions.Whole("--height", 200, 420, "The picture's height, likewise.");
        var command = new Command("plot", "Draw the learning curves of one or several trainings.")
        {
            histories, output, text, title, width, height,
        };
        command.SetAction(parsed =>
        {
            string? file = parsed.GetValue(output);
            IReadOnlyList<History> trainings = History.Read(parsed.GetRequiredValue(histories));
            TextWriter writer = parsed.InvocationConfiguration.Output;
            if (file is not null)
            {
                PictureFiles.RequireFormat("-o", file);
                Picture picture = LearningCurves.Draw(
                    [.. trainings.Select(training => training.ToCurves())],
                    parsed.GetValue(width), parsed.GetValue(height), parsed.GetValue(title));
                PictureFiles.Save(picture, "-o", file, writer);
            }

            if (file is null || parsed.GetValue(text))
            {
                Print(trainings, writer);
            }

            return CommandLine.Done;
        });
        return command;
    }

    private static void Print(IReadOnlyList<History> trainings, TextWriter output)
    {
        // One training shows both of its losses; several are distinguishable only with one loss each.
        TextCurve[] losses = trainings is [History one]
            ?
            [
                new('t', "training", [.. one.Epochs.Select(epoch => ((double)epoch.Epoch, epoch.TrainLoss))]),
                new('v', "validation", [.. one.Epochs.Select(epoch => ((double)epoch.Epoch, epoch.ValidLoss))]),
            ]
            : [.. trainings.Select((training, i) => Curve(training, i, HasValidation(training)
                ? epoch => epoch.ValidLoss
                : epoch => epoch.TrainLoss))];
        TextCurve[] accuracies = trainings is [History single]
            ? [new('v', "validation",
                [.. single.Epochs.Select(epoch => ((double)epoch.Epoch, 100 * epoch.ValidAccuracy))])]
            : [.. trainings.Select((training, i) => Curve(training, i, epoch => 100 * epoch.ValidAccuracy))];
        string which = trainings.Count == 1 ? "loss" : trainings.All(HasValidation) ? "val loss" : "loss";
        foreach (string line in (string[])
        [
            .. TextPlot.Draw(which, losses, TextWidth, TextHeight), "",
            .. TextPlot.Draw("val acc %", accuracies, TextWidth, TextHeight),
        ])
        {
            output.WriteLine(line);
        }

        static bool HasValidation(History training) => training.Epochs.Any(epoch => double.IsFinite(epoch.ValidLoss));

        static TextCurve Curve(History training, int index, Func<EpochFigures, double> figure) => new(
            index < 26 ? (char)('a' + index) : '+',
            training.Name,
            [.. training.Epochs.Select(epoch => ((double)epoch.Epoch, figure(epoch)))]);
    }
}
