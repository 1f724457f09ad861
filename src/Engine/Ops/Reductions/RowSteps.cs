using Engine.Graph;

namespace Engine.Ops;

/// <summary>Changes the steps of a <see cref="RowWise"/> before they run.</summary>
internal static class RowSteps
{
    /// <summary>
    /// The maximum number of terms that are computed again: it costs less than storing and loading a value.
    /// </summary>
    private const int MaxTerms = 2;

    private static readonly Type[] s_cheap =
    [
        new Binary<Add>().Row.Map, new Binary<Subtract>().Row.Map, new Binary<Multiply>().Row.Map,
        new Unary<Negate>().Row.Map,
    ];

    /// <summary>
    /// Returns the steps, changed: a step that uses a value of an earlier pass computes it again, if this is cheap and
    /// its inputs are available. A difference from the mean, for example, is computed twice and not stored.
    /// </summary>
    /// <param name="op">The op.</param>
    /// <param name="types">The types of all values.</param>
    /// <param name="levels">The pass of each step.</param>
    /// <param name="firstOutputs">The index of each step's first output.</param>
    public static RowStep[] MadeAgain(RowWise op, TensorType[] types, int[] levels, int[] firstOutputs)
    {
        RowStep[] steps = [.. op.Steps];
        for (int i = 0; i < steps.Length; i++)
        {
            if (steps[i].Op is not Composite user || user.Shape != op.Shape)
            {
                continue;
            }

            for (int input = steps[i].Inputs.Length - 1; input >= 0; input--)
            {
                int value = steps[i].Inputs[input], maker = Array.FindLastIndex(firstOutputs, first => first <= value);
                if (value >= op.Inputs && maker < i && levels[maker] < levels[i] && !op.Results.Contains(value)
                    && op.Steps[maker] is { Op: Composite made, Inputs: var from } && made.Shape == op.Shape
                    && made.DType == user.DType && types[value].DType == made.DType
                    && from.All(read => read < op.Inputs || types[read].Shape != op.Shape))
                {
                    steps[i] = With(steps[i], value, made, from, made.Outputs[value - firstOutputs[maker]]) ?? steps[i];
                    user = (Composite)steps[i].Op;
                    input = Math.Min(input, steps[i].Inputs.Length);
                }
            }
        }

        return steps;
    }

    /// <summary>
    /// Returns a step whose composite computes one of its inputs itself, as another composite does; null if this is not
    /// cheap.
    /// </summary>
    private static RowStep? With(RowStep step, int value, Composite made, int[] from, int output)
    {
        var user = (Composite)step.Op;
        int[] inputs = [.. step.Inputs.Where(read => read != value).Union(from)];
        double[] constants = [.. user.Constants, .. made.Constants];
        int first = inputs.Length + constants.Length;
        var terms = new List<Term>();
        if (output < made.FirstTerm || inputs.Length > Composite.MaxInputs)
        {
            return null;
        }

        var numbers = new Dictionary<int, int>();
        int again = Number(output);
        if (terms.Count > MaxTerms || terms.Count + user.Terms.Length > Composite.MaxTerms
            || terms.Exists(term => !s_cheap.Contains(term.Row.Map)))
        {
            return null;
        }

        int before = terms.Count;
        terms.AddRange(user.Terms.Select(term => Term.Of(term.Row, [.. term.Operands.Select(OfUser)])));
        var composite = new Composite(
            user.Shape, user.DType, inputs.Length, constants, [.. terms], [.. user.Outputs.Select(OfUser)]);
        return new RowStep(composite, inputs);

        int OfUser(int number) => number >= user.FirstTerm ? first + before + number - user.FirstTerm
            : number >= user.Inputs ? inputs.Length + number - user.Inputs
            : step.Inputs[number] == value ? again
            : Array.IndexOf(inputs, step.Inputs[number]);

        // Each term follows those that it uses, and only terms that the output needs are added.
        int Number(int number)
        {
            if (number < made.Inputs)
            {
                return Array.IndexOf(inputs, from[number]);
            }

            if (number < made.FirstTerm)
            {
                return inputs.Length + user.Constants.Length + number - made.Inputs;
            }

            if (!numbers.TryGetValue(number, out int known))
            {
                Term term = made.Terms[number - made.FirstTerm];
                int[] operands = [.. term.Operands.Select(Number)];
                terms.Add(Term.Of(term.Row, operands));
                numbers[number] = known = first + terms.Count - 1;
            }

            return known;
        }
    }
}
