using Engine.Graph;

namespace Engine.Inspection;

/// <summary>
/// The part of the network's image on which a value may depend, along height and width. It is computed op by op: a
/// window of w pixels over values j pixels apart adds (w − 1) · j (Araujo, Norris, Sim: Computing Receptive Fields of
/// Convolutional Neural Networks. Distill, 2019).
/// </summary>
/// <param name="Height">Along the height.</param>
/// <param name="Width">Along the width.</param>
internal sealed record ReceptiveField(ReceptiveField.Dimension Height, ReceptiveField.Dimension Width)
{
    /// <summary>The field along one side of the image, in pixels.</summary>
    /// <param name="Field">The pixels on which a value depends, including padding.</param>
    /// <param name="Step">The distance between the fields of neighboring values.</param>
    /// <param name="Filter">nolearn's: the extent of the last filter's own weights over the image.</param>
    /// <param name="Filtered">nolearn's: the field that convolutions give, without the windows of pooling.</param>
    internal readonly record struct Dimension(int Field, int Step, int Filter, int Filtered)
    {
        public static Dimension OfPixel => new(1, 1, 1, 1);

        public Dimension Through(int window, int stride, bool isFilter) => new(
            Field + ((window - 1) * Step),
            Step * stride,
            isFilter ? window * Step : Filter,
            isFilter ? Filtered + ((window - 1) * Step) : Filtered);

        public Dimension Or(Dimension other) => new(
            Math.Max(Field, other.Field), Math.Max(Step, other.Step), Math.Max(Filter, other.Filter),
            Math.Max(Filtered, other.Filtered));
    }

    /// <summary>
    /// Returns the fields of all variables that depend on an image, (batch, channels, height, width) with all
    /// dimensions known except the batch; null for a variable that may depend on all of it. Variables that do not
    /// depend on it have no entry.
    /// </summary>
    public static IReadOnlyDictionary<Variable, ReceptiveField?> Of(Variable image, IEnumerable<Apply> order)
    {
        var fields = new Dictionary<Variable, ReceptiveField?>
        {
            [image] = new ReceptiveField(Dimension.OfPixel, Dimension.OfPixel),
        };
        foreach (Apply node in order)
        {
            Variable[] dependent = [.. node.Inputs.Where(fields.ContainsKey)];
            if (dependent.Length > 0)
            {
                ReceptiveField? field = Through(node, dependent, fields);
                foreach (Result output in node.Outputs)
                {
                    fields[output] = field;
                }
            }
        }

        return fields;
    }

    private static ReceptiveField? Through(
        Apply node, Variable[] dependent, Dictionary<Variable, ReceptiveField?> fields)
    {
        InputWindow? reach = node.Op.InputWindowOf([.. node.Inputs.Select(input => input.Type)]);
        if (reach is not { } window || node.Outputs[0].Rank != 4)
        {
            return null;
        }

        ReceptiveField? joined = null;
        foreach (Variable input in dependent)
        {
            // A value that is broadcast over the pixels reads the same element for all of them.
            bool isRepeated = window == InputWindow.Pixel && (input.Rank != 4
                || input.Shape[2] != node.Outputs[0].Shape[2] || input.Shape[3] != node.Outputs[0].Shape[3]);
            if (isRepeated || fields[input] is not { } field)
            {
                return null;
            }

            joined = joined is null ? field : new(joined.Height.Or(field.Height), joined.Width.Or(field.Width));
        }

        return new ReceptiveField(
            joined!.Height.Through(window.Size.Height, window.Stride.Height, window.IsFilter),
            joined.Width.Through(window.Size.Width, window.Stride.Width, window.IsFilter));
    }
}
