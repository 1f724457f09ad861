using Engine.Training;

namespace Engine.Models.Description;

/// <summary>Represents a kind of update rule in descriptions.</summary>
/// <param name="Name">Its name in descriptions.</param>
/// <param name="Settings">Its keys, besides <c>rule</c>.</param>
/// <param name="Make">Creates the rule, without clipping.</param>
internal sealed record UpdateKind(string Name, IReadOnlyList<Setting> Settings, Func<Settings, UpdateRule> Make)
{
    public const string LearningRate = "learning_rate", Momentum = "momentum";

    private const string Decay = "decay";

    private static readonly (string Key, Func<double, GradientClip> Make)[] s_clips =
    [
        ("clip_value", GradientClip.Value), ("clip_norm", GradientClip.Norm),
        ("clip_total_norm", GradientClip.TotalNorm),
    ];

    private static readonly Setting[] s_clipSettings =
        [.. s_clips.Select(clip => Setting.Real(clip.Key, "a number greater than 0", x => x > 0))];

    private static readonly Setting s_momentum =
        Setting.Real(Momentum, "a number from 0 up to, not including, 1", x => x is >= 0 and < 1, 0.9);

    private static readonly Setting s_decay = Setting.Real(Decay, "a number from 0 on", x => x >= 0, 0.01);

    /// <summary>Gets all kinds.</summary>
    public static IReadOnlyList<UpdateKind> All { get; } =
    [
        new("nesterov_momentum", [Rate(0.01), s_momentum, .. s_clipSettings],
            set => new NesterovMomentum((float)set.Real(LearningRate), (float)set.Real(Momentum))),
        new("momentum", [Rate(0.01), s_momentum, .. s_clipSettings],
            set => new Momentum((float)set.Real(LearningRate), (float)set.Real(Momentum))),
        new("sgd", [Rate(0.01), .. s_clipSettings], set => new Sgd((float)set.Real(LearningRate))),
        new("adagrad", [Rate(1), Positive("epsilon", 1e-6), .. s_clipSettings],
            set => new Adagrad((float)set.Real(LearningRate), (float)set.Real("epsilon"))),
        new("rmsprop", [Rate(1), Share("rho", 0.9), Positive("epsilon", 1e-6), .. s_clipSettings],
            set => new RmsProp((float)set.Real(LearningRate), (float)set.Real("rho"), (float)set.Real("epsilon"))),
        new("adam", AdamsKeys(0.001),
            set => new Adam(
                (float)set.Real(LearningRate), (float)set.Real("beta1"), (float)set.Real("beta2"),
                (float)set.Real("epsilon"))),
        new("adadelta", [Rate(1), Share("rho", 0.95), Positive("epsilon", 1e-6), .. s_clipSettings],
            set => new Adadelta((float)set.Real(LearningRate), (float)set.Real("rho"), (float)set.Real("epsilon"))),
        new("adamax", AdamsKeys(0.002),
            set => new Adamax(
                (float)set.Real(LearningRate), (float)set.Real("beta1"), (float)set.Real("beta2"),
                (float)set.Real("epsilon"))),
        new("amsgrad", AdamsKeys(0.001),
            set => new AmsGrad(
                (float)set.Real(LearningRate), (float)set.Real("beta1"), (float)set.Real("beta2"),
                (float)set.Real("epsilon"))),
        new("adamw", [.. AdamsKeys(0.001), s_decay],
            set => new AdamW(
                (float)set.Real(LearningRate), (float)set.Real(Decay), (float)set.Real("beta1"),
                (float)set.Real("beta2"),
                (float)set.Real("epsilon"))),
        new("muon", [Rate(0.02), Share(Momentum, 0.95), s_decay with { Default = 0.0 }, .. s_clipSettings],
            set => new Muon((float)set.Real(LearningRate), (float)set.Real(Momentum), (float)set.Real(Decay))),
    ];

    /// <summary>Gets the keys of gradient clipping, which every rule has. At most one of them may be given.</summary>
    public static IEnumerable<string> ClipKeys => s_clips.Select(clip => clip.Key);

    /// <summary>Returns the rule from its keys and the keys of clipping.</summary>
    public UpdateRule MakeRule(Settings settings)
    {
        (string key, Func<double, GradientClip> make) = s_clips.FirstOrDefault(clip => settings.IsGiven(clip.Key));
        return Make(settings) with { Clip = key is null ? null : make(settings.Real(key)) };
    }

    private static Setting[] AdamsKeys(double learningRate) =>
        [Rate(learningRate), Share("beta1", 0.9), Share("beta2", 0.999), Positive("epsilon", 1e-8), .. s_clipSettings];

    private static Setting Rate(double byDefault) => Positive(LearningRate, byDefault);

    private static Setting Positive(string name, double byDefault) =>
        Setting.Real(name, "a number greater than 0", x => x > 0, byDefault);

    private static Setting Share(string name, double byDefault) =>
        Setting.Real(name, "a number from 0 up to, not including, 1", x => x is >= 0 and < 1, byDefault);
}
