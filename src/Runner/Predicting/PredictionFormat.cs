namespace Engine.Runner;

/// <summary>The formats of predictions.</summary>
internal enum PredictionFormat
{
    /// <summary>One line per prediction, for people.</summary>
    Text,

    /// <summary>Comma-separated values after a line of column names (RFC 4180).</summary>
    Csv,

    /// <summary>A list of objects, one per line.</summary>
    Json,
}
