using Engine.Graph;

namespace Engine.Inspection;

/// <summary>
/// What of the network's image a value may depend on, along height and width, found op by op: a window of w pixels over
/// values j pixels apart looks at (w − 1) · j more (Araujo, Norris, Sim: Computing Receptive Fields of Convolutional
/// Neural Networks. Distill, 2019).
/// </summary>
/// <param name="Height">Along the height.</param>
/// <param name="Width">Along the width.</param>
internal sealed record ReceptiveField(ReceptiveField.Side Height, ReceptiveField.Side Width)
{
    /// <summary>Along one side of the image, in its pixels.</summary>
    /// <param name="Field">What a value depends on, the padding around the image counted.</param>
    /// <param name="Step">How far apart neighboring values look.</param>
    /// <param name="Filter">nolearn's: how far the last filter's own weights reach over the image.</param>
    /// <param name="Filtered">nolearn's: the field as convolutions make it, without the windows of pooling.</param>
    internal readonly record struct Side(int Field, int Step, int Filter, int Filtered)
    {
        public static Side OfPixel => new(1, 1, 1, 1);

        public Side Through(int window, int stride, bool isFilter) => new(
            Field + ((window - 1) * Step),
            Step * stride,
            isFilter ? window * Step : Filter,
            isFilter ? Filtered + ((window - 1) * Step) : Filtered);

        public Side Or(Side other) => new(
            Math.Max(Field, other.Field), Math.Max(Step, other.Step), Math.Max(Filter, other.Filter),
            Math.Max(Filtered, other.Filtered));
    }

    /// <summary>
    /// Returns the fields of all that is computed from an image, (batch, channels, height, width) with every side but
    /// the batch's known; null for what may depend on all of it. What does not depend on it has no entry.
    /// </summary>
    public static IReadOnlyDictionary<Variable, ReceptiveField?> Of(Variable image, IEnumerable<Apply> order)
    {
        var fields = new Dictionary<Variable, ReceptiveField?>
        {
            [image] = new ReceptiveField(Side.OfPixel, Side.OfPixel),
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
            // What is repeated over the pixels looks at the same place for all of them.
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
