namespace Engine;

/// <summary>Specifies how a compiled function runs: as fast as it can, or with a check around every step.</summary>
public enum Mode
{
    /// <summary>As fast as it can.</summary>
    Mode,

    /// <summary>
    /// Every step is also computed by its op's reference in float64. The first step that differs, or that touches
    /// memory outside its operands, is reported with its layer and its line. float64 does not hold every int64 of 2⁵³
    /// or more in magnitude. What is computed from such a number is not compared. This is hundreds of times slower.
    /// </summary>
    DebugMode,

    /// <summary>
    /// The first op whose result contains a NaN or an infinity is reported with its layer and its line.
    /// </summary>
    NanGuardMode,
}
