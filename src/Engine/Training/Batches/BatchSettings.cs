using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Holds the settings of an update rule that have another value for each batch. An epoch's values are in a table on the
/// device. Each batch's update sets the next batch's value, so the host does nothing between batches.
/// </summary>
internal sealed class BatchSettings : IDisposable
{
    private readonly IReadOnlyList<SharedVariable> _settings;
    private readonly SharedVariable[] _tables;
    private IReadOnlyList<Tensor> _values = [];

    /// <summary>Creates tables for a number of batches.</summary>
    public BatchSettings(IReadOnlyList<SharedVariable> settings, int batches)
    {
        _settings = settings;
        _tables = [.. settings.Select(setting =>
            new SharedVariable(new Tensor(setting.DType, [batches + 1]), $"{setting.Name} of each batch"))];
    }

    /// <summary>Returns the updates that set the next batch's values, given this batch's number.</summary>
    public IEnumerable<Update> Updates(Variable batch) => _settings.Zip(_tables, (setting, table) =>
        new Update(setting, Symbolic.Gather(table, batch + 1)));

    /// <summary>
    /// Begins an epoch with these values of each setting: one per batch, and one that stays after the last batch.
    /// </summary>
    public void Start(IReadOnlyList<Tensor> values)
    {
        _values = values;
        for (int i = 0; i < _settings.Count; i++)
        {
            _tables[i].SetValue(values[i]);
        }

        Set(batch: 0);
    }

    /// <summary>Sets a batch's values from the host.</summary>
    public void Set(int batch)
    {
        for (int i = 0; i < _settings.Count; i++)
        {
            _settings[i].SetValue(_values[i].Rows(batch, 1).Reshape());
        }
    }

    public void Dispose() => Array.ForEach(_tables, table => table.Dispose());
}
