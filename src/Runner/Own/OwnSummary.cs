using System.Globalization;
using System.Text;
using Engine.Data;

namespace Engine.Runner;

/// <summary>Summarizes a user's own model.</summary>
internal static class OwnSummary
{
    private const int MaxShown = 30;

    /// <summary>Returns its samples, its target and its test results as text.</summary>
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
                .Append(model.Target is not ValueTarget values ? $": {Table.Some(model.Classes)}"
                    : values.Unit is null ? "" : $", in {values.Unit}").Append('\n');
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
