using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Builds a training step's graph in mixed precision: whatever a product reads is rounded to 16 bits. A computed value
/// is rounded where it is computed, so that only its 16 bits are stored and all ops read the same numbers. A parameter
/// is rounded only for the product, because it must follow small steps. Products compute gradients, too, so the
/// gradients that they read are also rounded.
/// </summary>
internal static class MixedPrecision
{
    /// <summary>Returns the same outputs, with the same dtypes, computed in mixed precision.</summary>
    public static IReadOnlyList<Variable> Apply(IReadOnlyList<Variable> outputs, DType stored)
    {
        IReadOnlyList<Apply> order = Traversal.Order(outputs);
        HashSet<Variable> read = [.. order.Where(node => node.Op is IProduct)
            .SelectMany(Operands).Where(operand => operand.DType == DType.Float32)];
        var map = new Dictionary<Variable, Variable>();
        var rounded = new Dictionary<Variable, Variable>();
        foreach (Apply node in order)
        {
            bool isProduct = node.Op is IProduct;
            Apply made = node.With([.. node.Inputs.Select((input, i) =>
                isProduct && i < 2 && read.Contains(input) ? Rounded(input) : Mapped(input))]);
            foreach (Result output in node.Outputs)
            {
                Variable own = made.Outputs[output.Index];
                map[output] = read.Contains(output) ? Round(own, node.Origin) : own;
            }
        }

        return [.. outputs.Select(Mapped)];

        Variable Mapped(Variable variable) => map.GetValueOrDefault(variable, variable);

        Variable Rounded(Variable variable)
        {
            if (variable is Result)
            {
                return Mapped(variable);
            }

            if (!rounded.TryGetValue(variable, out Variable? value))
            {
                rounded.Add(variable, value = Round(variable, Origin.Current));
            }

            return value;
        }

        Variable Round(Variable variable, Origin origin)
        {
            using Origin.Scope scope = Origin.Use(origin);
            return Symbolic.Cast(Symbolic.Cast(variable, stored), variable.DType);
        }
    }

    private static IEnumerable<Variable> Operands(Apply node) => node.Inputs.Take(2);
}
