namespace Engine.Training;

/// <summary>Describes the point of a training at which a <see cref="Schedule"/> gives a value.</summary>
/// <param name="Epoch">The epoch's number, from 1 on.</param>
/// <param name="Batch">The batch's number within the epoch, from 0 on; 0 if the schedule goes by epochs.</param>
/// <param name="Batches">The epoch's number of batches; 1 if the schedule goes by epochs.</param>
/// <param name="Epochs">How many epochs the schedule lasts.</param>
public readonly record struct SchedulePosition(int Epoch, int Batch, int Batches, int Epochs)
{
    /// <summary>Gets the part of the schedule's steps that lie before this one.</summary>
    internal double Done => (((double)(Epoch - 1) * Batches) + Batch) / ((double)Epochs * Batches);

    /// <summary>Gets the part of the schedule that is done: 0 at the first step, 1 at the last and after it.</summary>
    public double Fraction
    {
        get
        {
            long last = ((long)Epochs * Batches) - 1, step = ((long)(Epoch - 1) * Batches) + Batch;
            return step <= 0 ? 0 : step >= last ? 1 : (double)step / last;
        }
    }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(SchedulePosition), PrintMembers);
}

/// <summary>
/// Describes how a setting of an update rule changes during a training. The value depends on epoch and batch only, so
/// an interrupted and resumed training has the same values. <see cref="AdjustVariable"/> follows a schedule.
/// </summary>
public sealed class Schedule
{
    private readonly Func<SchedulePosition, double> _value;

    private Schedule(Func<SchedulePosition, double> value, int? epochs, bool everyBatch)
    {
        _value = value;
        EveryBatch = everyBatch;
        Epochs = epochs is null or > 0
            ? epochs
            : throw new EngineException($"A schedule lasts at least 1 epoch, not {epochs}.");
    }

    /// <summary>
    /// Gets how many epochs it lasts, counted from the network's first; null to last until the last epoch of the call
    /// of Fit.
    /// </summary>
    public int? Epochs { get; }

    /// <summary>Gets whether each batch has its own value, not only each epoch.</summary>
    public bool EveryBatch { get; }

    /// <summary>
    /// Returns a schedule that multiplies by a factor after each period: start · factor^⌊(epoch − 1) / every⌋.
    /// </summary>
    /// <param name="start">The first value.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="every">The number of epochs in a period.</param>
    /// <exception cref="EngineException"><paramref name="every"/> is less than 1.</exception>
    public static Schedule Step(double start, double factor, int every) => every > 0
        ? new(at => start * Math.Pow(factor, (at.Epoch - 1) / every), epochs: null, everyBatch: false)
        : throw new EngineException($"A schedule steps every 1 epoch or more, not every {every}.");

    /// <summary>
    /// Returns a schedule that multiplies by a factor at each of some parts of the training, as ½ and ¾ of it (He,
    /// Zhang, Ren, Sun: Deep residual learning. CVPR 2016, section 4.2).
    /// </summary>
    /// <param name="start">The first value.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="parts">The parts, numbers between 0 and 1.</param>
    /// <param name="epochs">
    /// How many epochs the training has; null to last until the last epoch of the call of Fit.
    /// </param>
    /// <param name="everyBatch">Whether a step may be within an epoch, not only after one.</param>
    /// <exception cref="EngineException">A part is not between 0 and 1.</exception>
    public static Schedule Steps(
        double start, double factor, IReadOnlyList<double> parts, int? epochs = null, bool everyBatch = true)
    {
        ArgumentNullException.ThrowIfNull(parts);
        double[] steps = [.. parts];
        return Array.Exists(steps, part => !(part is > 0 and < 1))
            ? throw new EngineException(FormattableString.Invariant(
                $"A schedule steps at parts of the training between 0 and 1, not at {string.Join(", ", steps.Select(part => FormattableString.Invariant($"{part}")))}."))
            : new(at => start * Math.Pow(factor, steps.Count(part => at.Done >= part)), epochs, everyBatch);
    }

    /// <summary>
    /// Returns a linear schedule from one value to another: nolearn's users write <c>numpy.linspace</c>.
    /// </summary>
    /// <param name="start">The first epoch's value, or the first batch's.</param>
    /// <param name="stop">The last epoch's value, or the last batch's.</param>
    /// <param name="epochs">How many epochs it takes; null to last until the last epoch of the call of Fit.</param>
    /// <param name="everyBatch">Whether each batch has its own value.</param>
    public static Schedule Linear(double start, double stop, int? epochs = null, bool everyBatch = false) =>
        new(at => Between(start, stop, at.Fraction), epochs, everyBatch);

    /// <summary>
    /// Returns a schedule from one value to another along half a cosine wave, flat at both ends (Loshchilov, Hutter:
    /// SGDR. ICLR 2017, equation 5, without restarts).
    /// </summary>
    /// <inheritdoc cref="Linear"/>
    public static Schedule Cosine(double start, double stop = 0, int? epochs = null, bool everyBatch = false) =>
        new(at => Wave(start, stop, at.Fraction), epochs, everyBatch);

    /// <summary>
    /// Returns one cycle: from a value to the peak and then to another value, both along half a cosine wave (Smith,
    /// Topin: Super-convergence, arXiv:1708.07120). The learning rate rises and then falls to almost 0, as (0.004, 0.1,
    /// 1e-5); the momentum falls and then rises, as (0.95, 0.85, 0.95).
    /// </summary>
    /// <param name="start">The first value.</param>
    /// <param name="peak">The value at the peak.</param>
    /// <param name="stop">The last value.</param>
    /// <param name="rise">The part of the schedule before the peak.</param>
    /// <param name="epochs">How many epochs it takes; null to last until the last epoch of the call of Fit.</param>
    /// <param name="everyBatch">Whether each batch has its own value.</param>
    /// <exception cref="EngineException"><paramref name="rise"/> is not a part of the whole.</exception>
    public static Schedule OneCycle(
        double start, double peak, double stop, double rise = 0.3, int? epochs = null, bool everyBatch = true) =>
        rise is > 0 and < 1
            ? new(
                at => at.Fraction < rise
                    ? Wave(start, peak, at.Fraction / rise)
                    : Wave(peak, stop, (at.Fraction - rise) / (1 - rise)),
                epochs, everyBatch)
            : throw new EngineException(FormattableString.Invariant(
                $"A cycle turns at a part of the way between 0 and 1, not at {rise}."));

    /// <summary>Returns a schedule from any function: <c>Schedule.Of(at => 0.1 / at.Epoch)</c>.</summary>
    /// <param name="value">The value at a position; it must depend on the position only.</param>
    /// <param name="epochs">How many epochs it takes; null to last until the last epoch of the call of Fit.</param>
    /// <param name="everyBatch">Whether each batch has its own value.</param>
    public static Schedule Of(Func<SchedulePosition, double> value, int? epochs = null, bool everyBatch = false) =>
        new(value ?? throw new ArgumentNullException(nameof(value)), epochs, everyBatch);

    /// <summary>
    /// Returns this schedule with a warm-up: over the first epochs, its values are multiplied by a factor that rises
    /// linearly, batch by batch, to 1 (Goyal et al.: Accurate, large minibatch SGD. arXiv:1706.02677, section 2.2).
    /// </summary>
    /// <param name="epochs">The number of epochs of the warm-up; it may be a fraction.</param>
    /// <param name="from">The factor at the beginning, before the first batch adds its part.</param>
    /// <exception cref="EngineException">
    /// The number of epochs is not positive, or <paramref name="from"/> is not from 0 to 1.
    /// </exception>
    public Schedule WarmUp(double epochs, double from = 0) => epochs > 0 && from is >= 0 and <= 1
        ? new(
            at =>
            {
                double part = (at.Epoch - 1 + ((at.Batch + 1.0) / at.Batches)) / epochs;
                return At(at) * (part >= 1 ? 1 : Between(from, 1, part));
            },
            Epochs, everyBatch: true)
        : throw new EngineException(FormattableString.Invariant(
            $"A warm-up takes more than 0 epochs, not {epochs}, and begins at a part from 0 to 1, not {from}."));

    /// <summary>Returns a constant schedule, for example to add a warm-up.</summary>
    public static Schedule Constant(double value) => new(_ => value, epochs: null, everyBatch: false);

    /// <summary>Returns the value at a position.</summary>
    /// <exception cref="EngineException">It is not finite.</exception>
    public double At(SchedulePosition position)
    {
        double value = _value(position);
        return double.IsFinite(value) ? value : throw new EngineException(FormattableString.Invariant(
            $"The schedule gives {value} in epoch {position.Epoch}, batch {position.Batch}: it must be finite."));
    }

    /// <summary>Interpolates linearly, exact at both ends.</summary>
    private static double Between(double start, double stop, double part) => ((1 - part) * start) + (part * stop);

    private static double Wave(double start, double stop, double part) =>
        Between(start, stop, (1 - Math.Cos(Math.PI * part)) / 2);
}
