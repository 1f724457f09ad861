namespace Engine.Configuration;

/// <summary>Reads <c>$ENGINE_FLAGS</c>: <c>key=value</c>, comma separated, as <c>$THEANO_FLAGS</c>.</summary>
internal static class Flags
{
    private const string Variable = "ENGINE_FLAGS";

    public static IEnumerable<Entry> Read(Func<string, string?> environment)
    {
        const StringSplitOptions Tidy = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        foreach (string flag in (environment(Variable) ?? "").Split(',', Tidy))
        {
            int equals = flag.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw new EngineException(
                    $"${Variable}: '{flag}' is not key=value; write, for example, device=cpu,floatX=float32.");
            }

            yield return new Entry($"${Variable}", flag[..equals].TrimEnd(), flag[(equals + 1)..].TrimStart());
        }
    }
}
