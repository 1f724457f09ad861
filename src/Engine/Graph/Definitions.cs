namespace Engine.Graph;

/// <summary>Computes graphs by their ops' definitions, in float64, one op after the other: slow, and right.</summary>
internal static class Definitions
{
    /// <summary>
    /// The values of variables in which every side is known, given those of inputs. Shared variables have the value
    /// that they have now.
    /// </summary>
    public static NdArray[] Evaluate(IReadOnlyList<Variable> outputs, IReadOnlyDictionary<Input, NdArray> inputs)
    {
        var values = new Dictionary<Variable, NdArray>();
        foreach (Apply node in Traversal.Order(outputs, static (node, input) => node.Op.Reads(input)))
        {
            NdArray[] results = [.. node.Outputs.Select(output => new NdArray(output.Shape))];

            // Of what is not read the definition sees the shape alone.
            NdArray[] operands =
                [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? Of(input) : new NdArray(input.Shape, []))];
            node.Op.Reference(operands, results);
            foreach (Result output in node.Outputs)
            {
                values[output] = results[output.Index];
            }
        }

        return [.. outputs.Select(Of)];

        NdArray Of(Variable variable)
        {
            if (!values.TryGetValue(variable, out NdArray? value))
            {
                value = variable switch
                {
                    Input input => inputs[input],
                    SharedVariable shared => NdArray.From(shared.GetValue()),
                    Constant constant => NdArray.From(constant.Value),
                    _ => throw new EngineException($"'{variable}' ({variable.Type}) has no value."),
                };
                values.Add(variable, value);
            }

            return value;
        }
    }
}
