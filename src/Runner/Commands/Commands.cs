using System.CommandLine;
using Engine.Runner.Experiments;

namespace Engine.Runner;

/// <summary>All commands of the runner.</summary>
internal static class Commands
{
    /// <summary>Creates the commands, in the order in which help lists them.</summary>
    public static IReadOnlyList<Command> Create() =>
    [
        Experiment.Train(), ServeCommand.Create(), PredictCommand.Create(), Experiment.Cnn(), Experiment.Mlp(),
        Experiment.ResNet(), CharCommand.Create(), DbnCommand.Create(), SpeedrunCommand.Create(),
        SearchCommand.Create(), CompareCommand.Create(), PlotCommand.Create(), ShowCommand.Create(),
        ReportCommand.Create(),
        ExplainCommand.Create(), OnnxCommand.Create(), CheckCommand.Create(), DoctorCommand.Create(),
    ];
}
