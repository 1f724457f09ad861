using System.Globalization;
using System.Text;
using Engine.Data;

namespace Engine.Runner;

/// <summary>What a model of a user's own says of itself.</summary>
internal static class OwnSummary
{
    private const int MaxShown = 30;

    /// <summary>Its samples, what it predicts, and how good it was, as text.</summary>
    public static string Of(Models.Model model)
    {
        using (model)
        {
            var text = new StringBuilder("\n");
            var table = new TextTable("column", "what the network gets");
            foreach (Transform transform in model.Inputs.Transforms.Take(MaxShown))
            {
                table.Add(transform.Column, transform.Words);
            }

            text.Append(table);
            text.Append(CultureInfo.InvariantCulture, $"\npredicts '{model.Target.Column}'")
                .Append(model.Target is ValueTarget ? "" : $": {Table.Some(model.Classes)}").Append('\n');
            foreach ((string name, double value) in model.Metrics)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name.Replace('_', ' ')} {value:G5}\n");
            }

            foreach ((string name, string value) in model.About)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name.Replace('_', ' ')}: {value}\n");
            }

            return text.ToString();
        }
    }
}
