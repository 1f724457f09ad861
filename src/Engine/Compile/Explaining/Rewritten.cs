using Engine.Graph;

namespace Engine.Compile;

/// <summary>A function's graph after a rewrite; the first is the one that was written.</summary>
internal sealed record Rewritten(string By, FunctionGraph Graph, TimeSpan Time);
