using System.Globalization;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Computes the L1 and L2 penalty of the training loss: Σ l1 · Σ |w| + l2 · Σ w² over the regularizable parameters,
/// with the factors of the parameter's layer, or else of the network (Lasagne's
/// <c>regularize_layer_params_weighted</c>).
/// </summary>
internal static class Penalty
{
    /// <summary>Returns the penalty, a scalar; null if nothing is penalized.</summary>
    /// <exception cref="EngineException">A factor is negative or not finite.</exception>
    public static Variable? Of(Network network, double l1, double l2)
    {
        Require("L1", l1, "");
        Require("L2", l2, "");
        Variable? penalty = null;
        foreach (Parameter parameter in network.Parameters)
        {
            if (!parameter.IsRegularizable)
            {
                continue;
            }

            (LayerTags own, Origin origin) = (parameter.Tags.Layer, parameter.Tags.Layer.Origin);

            using (Origin.Use(origin))
            {
                Variable w = parameter.Variable;
                Add(Require("L1", own.L1 ?? l1, origin), () => Symbolic.Sum(Symbolic.Abs(w)));
                Add(Require("L2", own.L2 ?? l2, origin), () => Symbolic.Sum(Symbolic.Square(w)));
            }
        }

        return penalty;

        void Add(double factor, Func<Variable> size)
        {
            if (factor > 0)
            {
                Variable term = size() * factor;
                penalty = penalty is null ? term : penalty + term;
            }
        }
    }

    private static double Require(string name, double factor, object origin) => factor >= 0 && double.IsFinite(factor)
        ? factor
        : throw new EngineException(string.Create(
            CultureInfo.InvariantCulture, $"{name} is a number from 0 on, not {factor}.{origin}"));
}
