namespace Engine.Graph;

/// <summary>
/// Represents the value of a shared variable after a function has run; it is computed from the values before the run.
/// </summary>
/// <param name="Target">The variable that is updated.</param>
/// <param name="Value">Its new value, of the same dtype and shape.</param>
public readonly record struct Update(SharedVariable Target, Variable Value);

/// <summary>Represents the replacement of one variable by another in a whole function.</summary>
/// <param name="Variable">The variable that is replaced.</param>
/// <param name="Replacement">The variable that replaces it.</param>
public readonly record struct Given(Variable Variable, Variable Replacement);
