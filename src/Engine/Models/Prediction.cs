using System.Globalization;
using System.Text.Json.Serialization;
using Engine.IO;

namespace Engine.Models;

/// <summary>Represents a class with its probability.</summary>
/// <param name="Class">Its name.</param>
/// <param name="Probability">The probability, from 0 to 1.</param>
public readonly record struct ClassProbability(
    string Class, [property: JsonConverter(typeof(NumberOrNull))] double Probability)
{
    /// <summary>Returns the name and the probability.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Class} {Probability:F2}");
}

/// <summary>
/// Represents a model's prediction for one sample. System.Text.Json writes it as it is; nan becomes null.
/// </summary>
/// <param name="Classes">The classes, the most probable one first; empty if the model predicts a value.</param>
/// <param name="Value">The value in the target's own unit; nan if the model predicts a class.</param>
public sealed record Prediction(
    IReadOnlyList<ClassProbability> Classes, [property: JsonConverter(typeof(NumberOrNull))] double Value)
{
    /// <summary>Gets the name of the most probable class; null if the model predicts a value.</summary>
    public string? Class => Classes.Count > 0 ? Classes[0].Class : null;

    /// <summary>Gets its probability; nan if the model predicts a value.</summary>
    [JsonConverter(typeof(NumberOrNull))]
    public double Probability => Classes.Count > 0 ? Classes[0].Probability : double.NaN;

    /// <summary>Returns the class with its probability, or the value.</summary>
    public override string ToString() =>
        Classes.Count > 0 ? Classes[0].ToString() : Value.ToString("G6", CultureInfo.InvariantCulture);
}
