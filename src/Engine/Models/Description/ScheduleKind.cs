using Engine.Training;

namespace Engine.Models.Description;

/// <summary>Represents a kind of learning rate schedule in descriptions. Its keys are in the update section.</summary>
/// <param name="Name">Its name in descriptions.</param>
/// <param name="Settings">Its keys.</param>
/// <param name="Make">
/// Creates the schedule from the keys' values, the learning rate and the number of epochs; null if the rate never
/// changes.
/// </param>
internal sealed record ScheduleKind(
    string Name, IReadOnlyList<Setting> Settings, Func<Settings, double, int, Schedule?> Make)
{
    /// <summary>Specifies the key whose value is a kind.</summary>
    public const string Key = "schedule";

    private const string Last = "last_learning_rate", Every = "step_epochs", Factor = "step_factor",
        Parts = "step_parts", Rise = "rise";

    /// <summary>With one cycle, the first batch has the learning rate divided by this.</summary>
    private const double CycleStart = 25;

    /// <summary>The parts of a training after which residual networks' authors lessen the rate.</summary>
    private static readonly double[] s_parts = [0.5, 0.75];

    private static readonly Setting s_factor = Setting.Real(Factor, "a number greater than 0", x => x > 0, 0.1);

    private static readonly Setting s_last =
        Setting.Real(Last, "a number that is not negative", x => x >= 0, 0);

    /// <summary>Gets all kinds; the first is the default.</summary>
    public static IReadOnlyList<ScheduleKind> All { get; } =
    [
        new("constant", [], (_, _, _) => null),
        new("step", [Setting.Whole(Every, 1, 10), s_factor],
            (set, rate, _) => Schedule.Step(rate, set.Real(Factor), set.Whole(Every))),
        new("steps", [Setting.Reals(Parts) with { Default = s_parts }, s_factor],
            (set, rate, epochs) => Schedule.Steps(rate, set.Real(Factor), (double[])set.Value(Parts)!, epochs)),
        new("linear", [s_last], (set, rate, epochs) => Schedule.Linear(rate, set.Real(Last), epochs)),
        new("cosine", [s_last], (set, rate, epochs) => Schedule.Cosine(rate, set.Real(Last), epochs)),
        new("one_cycle", [s_last, Setting.Real(Rise, "a number between 0 and 1", x => x is > 0 and < 1, 0.3)],
            (set, rate, epochs) => Schedule.OneCycle(rate / CycleStart, rate, set.Real(Last), set.Real(Rise), epochs)),
    ];

    /// <summary>Gets the setting with which an update section chooses a kind.</summary>
    public static Setting Named { get; } = Setting.Word(Key, All.Select(kind => kind.Name), All[0].Name);
}
