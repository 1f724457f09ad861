using System.Diagnostics;
using System.Reflection;

namespace Engine.Graph;

/// <summary>
/// Describes where a part of the graph comes from: the line of the user's code that built it, and its layer.
/// </summary>
/// <param name="File">The source file, if debug symbols name it.</param>
/// <param name="Line">The line in it.</param>
/// <param name="Layer">The name of the layer, if one built it.</param>
/// <param name="IsGradient">Whether it was built as a gradient of that line.</param>
public sealed record Origin(string? File, int Line, string? Layer = null, bool IsGradient = false)
{
    [ThreadStatic]
    private static Origin? t_current;

    /// <summary>
    /// Gets or sets the purpose for which the library built it, if it belongs to no layer and no line of the user's
    /// code: <c>loss</c>, <c>update</c>, <c>batch</c>.
    /// </summary>
    public string? Part { get; init; }

    /// <summary>
    /// Gets the origin of new nodes: that of the innermost scope, or else the nearest caller outside this library.
    /// </summary>
    public static Origin Current => t_current ?? Caller();

    /// <summary>Returns the nearest caller outside this library and the runtime.</summary>
    public static Origin Caller()
    {
        for (int depth = 1; ; depth++)
        {
            var frame = new StackFrame(depth, needFileInfo: false);
            if (frame.GetMethod() is not { } method)
            {
                return new Origin(null, 0);
            }

            // The runtime, which has no lines, calls library code that is inside a query.
            Assembly of = method.Module.Assembly;
            if (of != typeof(Origin).Assembly && of != typeof(Enumerable).Assembly && of != typeof(object).Assembly)
            {
                frame = new StackFrame(depth, needFileInfo: true);
                return new Origin(frame.GetFileName(), frame.GetFileLineNumber());
            }
        }
    }

    /// <summary>
    /// Gets the layer, or else the purpose, or else the file and the line; with a prime for a gradient.
    /// </summary>
    internal string Short =>
        (Layer ?? Part ?? (File is null ? "" : $"{Path.GetFileName(File)}:{Line}")) + (IsGradient ? "'" : "");

    /// <summary>Sets the origin of all nodes that this thread builds until the result is disposed of.</summary>
    internal static Scope Use(Origin origin)
    {
        Origin? outer = t_current;
        t_current = origin;
        return new Scope(outer);
    }

    /// <summary>Sets the purpose of all nodes that this thread builds until the result is disposed of.</summary>
    internal static Scope For(string part) => Use(Current with { Part = part });

    /// <summary>Returns the end of an error message: the layer and the line, if they are known.</summary>
    public override string ToString()
    {
        string layer = Layer is null ? "" : $" Layer '{Layer}'.";
        string verb = IsGradient ? "The gradient of what was built" : "Built";
        string line = File is null ? "" : $" {verb} at {File}:{Line}.";
        return layer + line;
    }

    internal readonly ref struct Scope(Origin? outer)
    {
        public void Dispose() => t_current = outer;
    }
}
