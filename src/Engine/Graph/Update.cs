namespace Engine.Graph;

/// <summary>
/// Represents the value a shared variable takes when a function has run; right sides see the values before the run.
/// </summary>
/// <param name="Target">What is updated.</param>
/// <param name="Value">Its new value, of the same dtype and shape.</param>
public readonly record struct Update(SharedVariable Target, Variable Value);

/// <summary>Represents a replacement of one variable by another in all that a function computes.</summary>
/// <param name="Variable">What is replaced.</param>
/// <param name="Replacement">What stands there instead.</param>
public readonly record struct Given(Variable Variable, Variable Replacement);
