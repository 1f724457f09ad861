using System.CommandLine;
using System.Text;
using Engine.IO;
using Engine.Runner.Report;

namespace Engine.Runner;

/// <summary>Writes one page with all results of a training and of its network.</summary>
internal static class ReportCommand
{
    /// <summary>A page with more filters takes too long to load; <c>show</c> draws all.</summary>
    private const int MaxFilters = 48;

    public static Command Create()
    {
        Argument<string> history = new("history")
        {
            HelpName = "HISTORY",
            Description = "The file that --history wrote.",
        };
        var options = new InspectionOptions("The file that --save wrote, or an npz file of Lasagne's parameters.");
        Option<string> output = new("--output", "-o")
        {
            HelpName = "FILE",
            Description = "Write the page to this file.",
            DefaultValueFactory = _ => "report.html",
        };
        var command = new Command(
            "report", "Put all that is known of a training on one page, which needs nothing but itself.")
        {
            history, options.Model, output,
        };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            string file = parsed.GetRequiredValue(output), historyFile = parsed.GetRequiredValue(history);
            TrainingOptions.CheckWritable("-o", file);
            InspectionOptions.Inspected given = options.Read(parsed);
            IReadOnlyList<History> histories = History.Read([historyFile]);
            using TestedModel tested = await TestedModel.Load(
                given, parsed.InvocationConfiguration.Error, cancellation);
            string page = ReportPage.Write(
                histories, historyFile, tested, given.Model, new ModelPictures(tested, given, MaxFilters),
                DateTime.Now);
            try
            {
                WholeFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(page)));
            }
            catch (EngineException error)
            {
                throw new EngineException($"-o: {error.Message}", error);
            }

            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{file}: {page.Length / 1000:N0} kB");
            return CommandLine.Done;
        });
        return command;
    }
}
