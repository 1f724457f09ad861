using Engine.Devices;

namespace Engine.Models;

/// <summary>Describes how <see cref="Model.Train"/> trains; the defaults fit most data.</summary>
public sealed record ModelOptions
{
    /// <summary>
    /// <c>mlp</c>, <c>cnn</c>, <c>small</c>, <c>resnet</c>, or a file that describes a network (docs/network-files.md); null for cnn for pictures
    /// and mlp for all else.
    /// </summary>
    public string? Network { get; init; }

    /// <summary>Gets or sets how many epochs at most; null for as many as the network says.</summary>
    public int? Epochs { get; init; }

    /// <summary>Gets or sets the share of the samples that validates; null for what the network says.</summary>
    public double? Validation { get; init; }

    /// <summary>Gets or sets whether each class counts as much as any other, however many samples it has.</summary>
    public bool BalanceClasses { get; init; }

    /// <summary>
    /// Gets or sets whether each sample is prepared when it is due, by other threads; null for whether the samples are
    /// read from a file (<see cref="Data.StoredColumn"/>) or would fill half of the memory.
    /// </summary>
    public bool? IsStreamed { get; init; }

    /// <summary>Gets or sets whether numbers are values and not classes; null to look.</summary>
    public bool? AreValues { get; init; }

    /// <summary>Gets or sets what first values and the order of the samples depend on.</summary>
    public int Seed { get; init; } = 42;

    /// <summary>Gets or sets where it runs; null for the default device.</summary>
    public Device? Device { get; init; }

    /// <summary>1 to print the layers and a line an epoch, 0 for silence.</summary>
    public int Verbose { get; init; }

    /// <summary>Returns the record as text, with points in its numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(ModelOptions), PrintMembers);
}
