using System.Text;

namespace Engine.Configuration;

/// <summary>
/// Reads <c>key=value</c> pairs, separated by commas, as Theano reads <c>$THEANO_FLAGS</c>: by the rules of Python's
/// shlex, so a comma in quotes or after a backslash is part of the value.
/// </summary>
internal static class Flags
{
    /// <summary>Returns the flags of a variable; a flag without a value has null.</summary>
    /// <exception cref="EngineException">A quote is not closed.</exception>
    public static IEnumerable<(string Key, string? Value)> Read(string variable, Func<string, string?> environment)
    {
        foreach (string flag in Words(environment(variable) ?? "", variable))
        {
            int equals = flag.IndexOf('=', StringComparison.Ordinal);
            yield return equals < 0 ? (flag, null) : (flag[..equals].TrimEnd(), flag[(equals + 1)..].TrimStart());
        }
    }

    /// <summary>Returns the flags of a variable in which each flag must have a value.</summary>
    /// <exception cref="EngineException">A flag has no value.</exception>
    public static IEnumerable<Entry> ReadAll(string variable, Func<string, string?> environment) =>
        Read(variable, environment).Select(flag => new Entry(
            $"${variable}",
            flag.Key,
            flag.Value ?? throw new EngineException(
                $"${variable}: '{flag.Key}' is not key=value; write, for example, device=cpu,floatX=float32.")));

    private static List<string> Words(string text, string variable)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\' && quote != '\'' && i + 1 < text.Length)
            {
                word.Append(text[++i]);
            }
            else if (quote != '\0' ? c == quote : c is '\'' or '"')
            {
                quote = quote == '\0' ? c : '\0';
            }
            else if (quote == '\0' && c == '#')
            {
                int end = text.IndexOf('\n', i);
                i = end < 0 ? text.Length : end;
            }
            else if (quote == '\0' && c == ',')
            {
                words.Add(word.ToString());
                word.Clear();
            }
            else
            {
                word.Append(c);
            }
        }

        return quote == '\0'
            ? [.. words.Append(word.ToString()).Select(each => each.Trim()).Where(each => each.Length > 0)]
            : throw new EngineException($"${variable}: a quote ({quote}) is not closed.");
    }
}
