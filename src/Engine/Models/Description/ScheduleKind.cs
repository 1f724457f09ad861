using Engine.Training;

namespace Engine.Models.Description;

/// <summary>A way in which a description may have the learning rate change; its keys stand among the update's.</summary>
/// <param name="Name">What it is called there.</param>
/// <param name="Settings">Its keys.</param>
/// <param name="Make">
/// Makes the schedule, given the keys' values, the learning rate and the number of epochs; null where it never changes.
/// </param>
internal sealed record ScheduleKind(
    string Name, IReadOnlyList<Setting> Settings, Func<Settings, double, int, Schedule?> Make)
{
    /// <summary>Represents the key that names one.</summary>
    public const string Key = "schedule";

    private const string Last = "last_learning_rate", Every = "step_epochs", Factor = "step_factor", Rise = "rise";

    /// <summary>At one cycle the first batch has the learning rate divided by this.</summary>
    private const double CycleStart = 25;

    private static readonly Setting s_last =
        Setting.Real(Last, "a number that is not negative", x => x >= 0, 0);

    /// <summary>Gets all of them, the first being the default.</summary>
    public static IReadOnlyList<ScheduleKind> All { get; } =
    [
        new("constant", [], (_, _, _) => null),
        new("step", [Setting.Whole(Every, 1, 10), Setting.Real(Factor, "a number greater than 0", x => x > 0, 0.1)],
            (set, rate, _) => Schedule.Step(rate, set.Real(Factor), set.Whole(Every))),
        new("linear", [s_last], (set, rate, epochs) => Schedule.Linear(rate, set.Real(Last), epochs)),
        new("cosine", [s_last], (set, rate, epochs) => Schedule.Cosine(rate, set.Real(Last), epochs)),
        new("one_cycle", [s_last, Setting.Real(Rise, "a number between 0 and 1", x => x is > 0 and < 1, 0.3)],
            (set, rate, epochs) => Schedule.OneCycle(rate / CycleStart, rate, set.Real(Last), set.Real(Rise), epochs)),
    ];

    /// <summary>Gets the key by which an update names one of these.</summary>
    public static Setting Named { get; } = Setting.Word(Key, All.Select(kind => kind.Name), All[0].Name);
}
