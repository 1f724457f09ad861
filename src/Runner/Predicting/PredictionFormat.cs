namespace Engine.Runner;

/// <summary>How predictions are written.</summary>
internal enum PredictionFormat
{
    /// <summary>A line each, to be read by people.</summary>
    Text,

    /// <summary>Comma-separated values behind a line of headings (RFC 4180).</summary>
    Csv,

    /// <summary>One list of objects, a line each.</summary>
    Json,
}
