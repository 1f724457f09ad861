using System.Globalization;
using System.Text;

namespace Engine;

/// <summary>The text of records as C# prints them, but with decimal points in every language.</summary>
internal static class RecordText
{
    /// <summary>Returns a text such as <c>Sgd { LearningRate = 0.01 }</c>.</summary>
    /// <param name="name">The record's name.</param>
    /// <param name="printMembers">The record's own <c>PrintMembers</c>.</param>
    public static string Of(string name, Func<StringBuilder, bool> printMembers) => Invariant(() =>
    {
        StringBuilder text = new StringBuilder(name).Append(" { ");
        return (printMembers(text) ? text.Append(' ') : text).Append('}').ToString();
    });

    /// <summary>Returns a text that is made in the invariant culture.</summary>
    public static string Invariant(Func<string> text)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            return text();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
