using System.Diagnostics;
using System.Reflection;

namespace Engine.Graph;

/// <summary>
/// Describes where a part of the graph comes from: the line of the user's code that built it, and the layer it belongs
/// to.
/// </summary>
/// <param name="File">The source file, where debug symbols tell.</param>
/// <param name="Line">The line in it.</param>
/// <param name="Layer">The name of the layer, if one built it.</param>
/// <param name="IsGradient">Whether it was built by differentiating that line.</param>
public sealed record Origin(string? File, int Line, string? Layer = null, bool IsGradient = false)
{
    [ThreadStatic]
    private static Origin? t_current;

    /// <summary>
    /// Gets or sets what the library built it for, where no layer did and no line of the user's: <c>loss</c>,
    /// <c>update</c>, <c>batch</c>.
    /// </summary>
    public string? Part { get; init; }

    /// <summary>
    /// Gets the origin of what is built now: the innermost scope's, else the nearest caller outside this library.
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

            // What the library builds within a query is called by the runtime, which has no lines.
            Assembly of = method.Module.Assembly;
            if (of != typeof(Origin).Assembly && of != typeof(Enumerable).Assembly && of != typeof(object).Assembly)
            {
                frame = new StackFrame(depth, needFileInfo: true);
                return new Origin(frame.GetFileName(), frame.GetFileLineNumber());
            }
        }
    }

    /// <summary>
    /// The layer, else what it was built for, else the file and the line; with a prime where it is a gradient.
    /// </summary>
    internal string Short =>
        (Layer ?? Part ?? (File is null ? "" : $"{Path.GetFileName(File)}:{Line}")) + (IsGradient ? "'" : "");

    /// <summary>Until disposed, what this thread builds comes from <paramref name="origin"/>.</summary>
    internal static Scope Use(Origin origin)
    {
        Origin? outer = t_current;
        t_current = origin;
        return new Scope(outer);
    }

    /// <summary>Until disposed, what this thread builds is built for this.</summary>
    internal static Scope For(string part) => Use(Current with { Part = part });

    /// <summary>Returns the end of an error message: the layer and the line, as far as they are known.</summary>
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
