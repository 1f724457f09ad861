using System.Globalization;

namespace Engine.Models;

/// <summary>Describes how probable a class is.</summary>
/// <param name="Class">Its name.</param>
/// <param name="Probability">From 0 to 1.</param>
public readonly record struct ClassProbability(string Class, double Probability)
{
    /// <summary>Returns the name and the probability.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Class} {Probability:F2}");
}

/// <summary>Describes what a model predicts of one sample.</summary>
/// <param name="Classes">The classes, the most probable one first; empty where a value is predicted.</param>
/// <param name="Value">The value, in the target's own unit; nan where a class is predicted.</param>
public sealed record Prediction(IReadOnlyList<ClassProbability> Classes, double Value)
{
    /// <summary>Gets the name of the most probable class; null where a value is predicted.</summary>
    public string? Class => Classes.Count > 0 ? Classes[0].Class : null;

    /// <summary>Gets how probable it is; nan where a value is predicted.</summary>
    public double Probability => Classes.Count > 0 ? Classes[0].Probability : double.NaN;

    /// <summary>Returns the class with its probability, or the value.</summary>
    public override string ToString() =>
        Classes.Count > 0 ? Classes[0].ToString() : Value.ToString("G6", CultureInfo.InvariantCulture);
}
