namespace Engine.Graph;

/// <summary>
/// Computes graphs by the references of their ops, in float64, one op after the other: slow, but correct.
/// </summary>
internal static class ReferenceEvaluator
{
    /// <summary>
    /// Returns the outputs of an op, of these types, by its reference: NaN where the reference writes nothing, and the
    /// low bits where an integer overflows, as on every device.
    /// </summary>
    public static NdArray[] Of(Op op, IReadOnlyList<NdArray> inputs, IReadOnlyList<TensorType> types)
    {
        NdArray[] outputs = [.. types.Select(type => new NdArray(type.Shape, type.DType))];
        foreach (NdArray output in outputs)
        {
            Array.Fill(output.Data, double.NaN);
        }

        op.Reference(inputs, outputs);
        foreach (NdArray output in outputs.Where(output => !output.DType.IsFloat()))
        {
            var type = ElementType.Of(output.DType);
            for (int i = 0; i < output.Data.Length; i++)
            {
                // float64 rounds the largest int64 up by one, which must not wrap to the smallest.
                double value = output.Data[i];
                bool isOne = double.IsInteger(value) && value >= type.Min && value <= type.Max;
                output.Data[i] = isOne ? value : DTypes.Wrap(value, output.DType);
            }
        }

        return outputs;
    }

    /// <summary>
    /// Returns the values of variables with known dimensions, from the values of inputs. Shared variables have their
    /// current value.
    /// </summary>
    public static NdArray[] Evaluate(IReadOnlyList<Variable> outputs, IReadOnlyDictionary<Input, NdArray> inputs)
    {
        var values = new Dictionary<Variable, NdArray>();
        foreach (Apply node in Traversal.Order(outputs, static (node, input) => node.Op.Reads(input)))
        {
            // For an input that is not read, the reference receives only the shape.
            NdArray[] operands =
                [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? ValueOf(input) : new NdArray(input.Shape, []))];
            NdArray[] results = Of(node.Op, operands, [.. node.Outputs.Select(output => output.Type)]);
            foreach (Result output in node.Outputs)
            {
                values[output] = results[output.Index];
            }
        }

        return [.. outputs.Select(ValueOf)];

        NdArray ValueOf(Variable variable)
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
