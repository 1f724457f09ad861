using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <content>The settings, by their names in nolearn.dbn.</content>
public sealed partial class DeepBeliefNetwork
{
    /// <summary>Gets or sets the standard deviation of the initial weights: <c>scales</c>.</summary>
    public PerLayer<double> Scales { get; init; } = 0.05;

    /// <summary>
    /// Gets or sets whether initial weights are uniformly distributed between minus and plus <see cref="Scales"/>, not
    /// normally: <c>uniforms</c>.
    /// </summary>
    public PerLayer<bool> Uniforms { get; init; } = false;

    /// <summary>
    /// Gets or sets how many of a unit's inputs have initial weights other than 0: <c>fan_outs</c>; null for all.
    /// </summary>
    public PerLayer<int?> FanOuts { get; init; } = (int?)null;

    /// <summary>
    /// Gets or sets the activation of the output layer: <c>output_act_funct</c>. It also chooses the loss: the
    /// cross-entropy of <see cref="Symbolic.Softmax(Variable)"/>; the sum over classes of the binary cross-entropy for
    /// <see cref="Symbolic.Sigmoid"/>, and of half the squared error for <see cref="Symbolic.Linear"/>.
    /// </summary>
    public Func<Variable, Variable> OutputActFunct { get; init; } = Symbolic.Softmax;

    /// <summary>
    /// Gets or sets whether inputs are standardized real numbers, not numbers from 0 to 1: <c>real_valued_vis</c>.
    /// </summary>
    public bool RealValuedVis { get; init; } = true;

    /// <summary>Gets or sets whether hidden units are rectified, not binary: <c>use_re_lu</c>.</summary>
    public bool UseReLu { get; init; } = true;

    /// <summary>Gets or sets the learning rate of the training with labels: <c>learn_rates</c>.</summary>
    public PerLayer<double> LearnRates { get; init; } = 0.1;

    /// <summary>Gets or sets the factor of the learning rate after each epoch: <c>learn_rate_decays</c>.</summary>
    public PerLayer<double> LearnRateDecays { get; init; } = 1.0;

    /// <summary>
    /// Gets or sets the lower bound of the learning rate: <c>learn_rate_minimums</c>. A decay that would pass it does
    /// not take place.
    /// </summary>
    public PerLayer<double> LearnRateMinimums { get; init; } = 0.0;

    /// <summary>Gets or sets the momentum of the training with labels: <c>momentum</c>.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Gets or sets the factor of ½ Σ w² in the loss: <c>l2_costs</c>.</summary>
    public PerLayer<double> L2Costs { get; init; } = 0.0001;

    /// <summary>
    /// Gets or sets the dropout probability of the inputs of each layer of weights in the training with labels,
    /// beginning with the network's own inputs: <c>dropouts</c>.
    /// </summary>
    public PerLayer<double> Dropouts { get; init; } = 0.0;

    /// <summary>Gets or sets whether the momentum is Nesterov's: <c>nesterov</c>.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>
    /// Gets or sets whether a gradient has its full effect at once, as with Nesterov's momentum: <c>nest_compare</c>.
    /// If not, a momentum m that is not Nesterov's multiplies the learning rate by 1 − m, so the effects of a gradient
    /// over all later steps add up to the learning rate.
    /// </summary>
    public bool NestCompare { get; init; } = true;

    /// <summary>
    /// Gets or sets the largest root mean square of a unit's weights in the training with labels: <c>rms_lims</c>; null
    /// for no limit.
    /// </summary>
    public PerLayer<double?> RmsLims { get; init; } = (double?)null;

    /// <summary>
    /// Gets or sets the learning rate of pre-training: <c>learn_rates_pretrain</c>; null for <see cref="LearnRates"/>,
    /// which is too large for most real-valued inputs and rectified units: begin with 0.005 there.
    /// </summary>
    public PerLayer<double>? LearnRatesPretrain { get; init; }

    /// <summary>
    /// Gets or sets the momentum of pre-training: <c>momentum_pretrain</c>; null for <see cref="Momentum"/>.
    /// </summary>
    public float? MomentumPretrain { get; init; }

    /// <summary>
    /// Gets or sets the factor of ½ Σ w² in pre-training: <c>l2_costs_pretrain</c>; null for <see cref="L2Costs"/>.
    /// </summary>
    public PerLayer<double>? L2CostsPretrain { get; init; }

    /// <summary>
    /// Gets or sets <see cref="NestCompare"/> for the momentum of pre-training: <c>nest_compare_pretrain</c>; null for
    /// the same.
    /// </summary>
    public bool? NestComparePretrain { get; init; }

    /// <summary>Gets or sets the number of epochs with labels: <c>epochs</c>.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>
    /// Gets or sets the number of epochs of pre-training for each layer: <c>epochs_pretrain</c>. The output layer is
    /// not pre-trained.
    /// </summary>
    public PerLayer<int> EpochsPretrain { get; init; } = 0;

    /// <summary>
    /// Gets or sets the loss of samples, which Score and the column <c>loss_funct</c> of validation report:
    /// <c>loss_funct</c>; null for the number of wrong classes. It is given the targets, float32 (n, classes) with a 1
    /// for the class of a sample, and the network's output, and returns the sum over the samples.
    /// </summary>
    public Func<Tensor, Tensor, double>? LossFunct { get; init; }

    /// <summary>Gets or sets the number of samples in a step: <c>minibatch_size</c>.</summary>
    public int MinibatchSize { get; init; } = 64;

    /// <summary>
    /// Gets or sets the number of steps in an epoch: <c>minibatches_per_epoch</c>; null for as many as the samples
    /// fill. In the training with labels each step then takes samples at random, and there is no validation.
    /// </summary>
    public int? MinibatchesPerEpoch { get; init; }

    /// <summary>Gets or sets the seed of all random numbers: <c>random_state</c>.</summary>
    public ulong RandomState { get; init; } = 1;

    /// <summary>Gets or sets 0 to print nothing, or 1 to print a line per epoch: <c>verbose</c>.</summary>
    public int Verbose { get; init; }

    /// <summary>Gets or sets which samples are for validation.</summary>
    public TrainSplit TrainSplit { get; init; } = new(0);

    /// <summary>
    /// Gets or sets the function to call after each epoch of pre-training, with the machine's number, the epoch and the
    /// error: <c>pretrain_callback</c>.
    /// </summary>
    public Action<int, int, double>? PretrainCallback { get; init; }

    /// <summary>
    /// Gets or sets the function to call after each epoch with labels: <c>fine_tune_callback</c>.
    /// </summary>
    public Action<EpochRecord>? FineTuneCallback { get; init; }

    /// <summary>Gets the number of layers of weights.</summary>
    private int Weights => _sizes.Length - 1;

    /// <summary>Checks that all settings have a meaning, before anything is trained.</summary>
    /// <exception cref="EngineException">One has none.</exception>
    private void CheckSettings()
    {
        Require(nameof(Epochs), Epochs, value => value >= 0, "0 or more");
        Require(nameof(MinibatchSize), MinibatchSize, value => value > 0, "1 or more");
        Require(nameof(MinibatchesPerEpoch), MinibatchesPerEpoch ?? 1, value => value > 0, "1 or more");
        RequireAll(nameof(Scales), Scales, IsSize, "finite and not negative");
        RequireAll(nameof(FanOuts), FanOuts, value => value is null or > 0, "1 or more");
        RequireAll(nameof(LearnRates), LearnRates, IsSize, "finite and not negative");
        RequireAll(nameof(LearnRatesPretrain), LearnRatesPretrain ?? LearnRates, IsSize, "finite and not negative");
        RequireAll(nameof(LearnRateDecays), LearnRateDecays, IsSize, "finite and not negative");
        RequireAll(nameof(LearnRateMinimums), LearnRateMinimums, IsSize, "finite and not negative");
        RequireAll(nameof(L2Costs), L2Costs, IsSize, "finite and not negative");
        RequireAll(nameof(L2CostsPretrain), L2CostsPretrain ?? L2Costs, IsSize, "finite and not negative");
        RequireAll(nameof(Dropouts), Dropouts, value => value is >= 0 and < 1, "at least 0 and less than 1");
        RequireAll(nameof(RmsLims), RmsLims, value => value is null || (value > 0 && double.IsFinite(value.Value)),
            "greater than 0");
        RequireAll(nameof(EpochsPretrain), EpochsPretrain, value => value >= 0, "0 or more");
        RequireAll(nameof(Uniforms), Uniforms, _ => true, "");
        if (MinibatchesPerEpoch is not null && TrainSplit.EvalSize > 0)
        {
            throw new EngineException(
                "With MinibatchesPerEpoch each step takes any of the samples, so none is left for validation: "
                + "leave out the TrainSplit.");
        }

        void RequireAll<T>(string name, PerLayer<T> setting, Func<T, bool> isValid, string rule)
        {
            foreach (T value in setting.For(name, Weights))
            {
                Require(name, value, isValid, rule);
            }
        }

        static void Require<T>(string name, T value, Func<T, bool> isValid, string rule)
        {
            if (!isValid(value))
            {
                throw new EngineException(
                    FormattableString.Invariant($"{name} of a deep belief network is {rule}, not {value}."));
            }
        }

        static bool IsSize(double value) => value >= 0 && double.IsFinite(value);
    }
}
