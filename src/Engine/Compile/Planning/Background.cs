namespace Engine.Compile;

/// <summary>An op that begins what goes on in the background: it runs as soon as its inputs are there.</summary>
internal interface IRunsEarly
{
    /// <summary>Its place among those of a function, in the order in which they begin.</summary>
    int Number { get; }
}

/// <summary>An op that waits for such: it runs when all is computed that does not depend on it.</summary>
internal interface IRunsLate;
