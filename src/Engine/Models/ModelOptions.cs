using Engine.Devices;

namespace Engine.Models;

/// <summary>Represents the options of <see cref="Model.Train"/>; the defaults fit most data.</summary>
public sealed record ModelOptions
{
    /// <summary>
    /// Gets or sets the network: <c>mlp</c>, <c>cnn</c>, <c>small</c>, <c>resnet</c>, or a file that describes a
    /// network (docs/network-files.md); null for cnn for pictures and mlp for other data.
    /// </summary>
    public string? Network { get; init; }

    /// <summary>Gets or sets the maximum number of epochs; null for the network's number.</summary>
    public int? Epochs { get; init; }

    /// <summary>
    /// Gets or sets the part of the samples for validation; null for the network's part. If the data have samples for
    /// it (<see cref="Data.DataSet.Validation"/>), these are used instead, unless this is 0.
    /// </summary>
    public double? Validation { get; init; }

    /// <summary>
    /// Gets or sets whether all classes have the same total weight, independent of their numbers of samples.
    /// </summary>
    public bool BalanceClasses { get; init; }

    /// <summary>
    /// Gets or sets whether other threads prepare samples on demand; null to do so if the samples are read from a file
    /// (<see cref="Data.StoredColumn"/>) or would fill half of the memory.
    /// </summary>
    public bool? IsStreamed { get; init; }

    /// <summary>Gets or sets whether numbers in the target are values, not classes; null to detect it.</summary>
    public bool? AreValues { get; init; }

    /// <summary>Gets or sets the seed of initial values and the order of the samples.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Gets or sets the device; null for the default device.</summary>
    public Device? Device { get; init; }

    /// <summary>Gets or sets 1 to print the layers and a line per epoch, or 0 to print nothing.</summary>
    public int Verbose { get; init; }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(ModelOptions), PrintMembers);
}
