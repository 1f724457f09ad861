using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Makes a setting of the update rule follow a schedule; the name is nolearn's. If the schedule has a value for each
/// batch, the values are on the device, so batches still run without the host.
/// </summary>
public sealed class AdjustVariable : Callback
{
    /// <summary>Changes a setting linearly from its value in the first epoch to its value in the last.</summary>
    /// <inheritdoc cref="AdjustVariable(string, Schedule)"/>
    public AdjustVariable(string setting, double start, double stop) : this(setting, Schedule.Linear(start, stop))
    {
    }

    /// <summary>Makes a setting follow a schedule.</summary>
    /// <param name="setting">
    /// The setting's name among <see cref="NeuralNet.UpdateSettings"/>: <c>learning_rate</c>, <c>momentum</c>.
    /// </param>
    /// <param name="schedule">The schedule.</param>
    public AdjustVariable(string setting, Schedule schedule)
    {
        Setting = setting ?? throw new ArgumentNullException(nameof(setting));
        Schedule = schedule ?? throw new ArgumentNullException(nameof(schedule));
    }

    /// <summary>Gets the setting's name.</summary>
    public string Setting { get; }

    /// <summary>Gets the schedule.</summary>
    public Schedule Schedule { get; }

    /// <inheritdoc/>
    /// <exception cref="EngineException">
    /// The update rule has no such setting, or another callback adjusts it too.
    /// </exception>
    public override void OnTrainingStarted(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        if (!net.UpdateSettings.ContainsKey(Setting))
        {
            throw new EngineException(
                $"The update rule {net.Update.GetType().Name} has no setting '{Setting}' to adjust; it has "
                + $"{string.Join(", ", net.UpdateSettings.Keys)}.");
        }

        if (net.Callbacks.OfType<AdjustVariable>().Count(other => other.Setting == Setting) > 1)
        {
            throw new EngineException($"Two callbacks adjust '{Setting}': one would undo what the other does.");
        }
    }

    /// <inheritdoc/>
    public override void OnEpochStarted(NeuralNet net, int epoch)
    {
        ArgumentNullException.ThrowIfNull(net);
        if (!Schedule.EveryBatch)
        {
            SharedVariable setting = net.UpdateSettings[Setting];
            setting.SetValue(Values(net, epoch, batches: 1).Rows(0, 1).Reshape());
        }
    }

    /// <summary>
    /// Returns the setting's values in an epoch: one per batch, and the last one again, which stays after the epoch.
    /// </summary>
    internal Tensor Values(NeuralNet net, int epoch, int batches)
    {
        int epochs = Schedule.Epochs ?? net.LastEpoch;
        double[] values = new double[batches + 1];
        for (int batch = 0; batch < batches; batch++)
        {
            values[batch] = Schedule.At(new SchedulePosition(epoch, batch, batches, epochs));
        }

        values[batches] = values[batches - 1];

        return Tensor.From(values).Cast(net.FloatX);
    }
}
