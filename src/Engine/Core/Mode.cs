namespace Engine;

/// <summary>Describes how a compiled function runs: as fast as it can, or with a check around every step.</summary>
public enum Mode
{
    /// <summary>As fast as it can.</summary>
    Mode,

    /// <summary>
    /// Every step is also computed by its op's definition in float64, and the first that differs, or that touches
    /// memory it should not, is reported with its layer and its line. Hundreds of times slower.
    /// </summary>
    DebugMode,

    /// <summary>The first op that makes a NaN or an infinity is reported with its layer and its line.</summary>
    NanGuardMode,
}
