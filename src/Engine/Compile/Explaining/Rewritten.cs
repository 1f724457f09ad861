using Engine.Graph;

namespace Engine.Compile;

/// <summary>A function's graph after a rewrite; the first one is the graph as written.</summary>
internal sealed record Rewritten(string By, FunctionGraph Graph, TimeSpan Time);
