using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Chooses the path of each convolution, and of each of its gradients, on the CPU: another one than the product with a
/// matrix of pixels, if it is faster (<see cref="Winograd.WhyNot"/>).
/// </summary>
internal static class ChooseConvolutions
{
    public static FunctionGraph Apply(FunctionGraph graph, Device device, ConvolutionPath path)
    {
        if (device is not CpuDevice)
        {
            return graph;
        }

        Dictionary<Variable, Variable> map = [];
        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            using Origin.Scope origin = Origin.Use(node.Origin);
            Variable[] inputs = [.. node.Inputs.Select(Mapped)];
            Apply chosen = On(node, path) is { } op ? op.Apply(inputs) : node.With(inputs);
            foreach (Result output in node.Outputs)
            {
                map[output] = chosen.Outputs[output.Index];
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(Mapped)]);

        Variable Mapped(Variable variable) => map.GetValueOrDefault(variable, variable);
    }

    /// <summary>Returns the op with this path; null if it is another op, or if the path is not faster.</summary>
    private static Op? On(Apply node, ConvolutionPath path)
    {
        (Conv2D Op, Shape Images, Shape Filters, Func<Conv2D, Op> With)? found = node.Op switch
        {
            Conv2D op => (op, Dimension(0), Dimension(1), with => with),
            Conv2DInputGradient gradient =>
                (gradient.Of, Dimension(2), Dimension(0), with => gradient with { Of = with }),
            Conv2DWeightsGradient gradient =>
                (gradient.Of, Dimension(0), Dimension(2), with => gradient with { Of = with }),
            Conv2DMaxPool pooled =>
                (pooled.Convolution, Dimension(0), Dimension(1), with => pooled with { Convolution = with }),
            Conv2DMaxPoolGradients gradients =>
                (gradients.Of, Dimension(0), Dimension(1), with => gradients with { Of = with }),
            _ => null,
        };
        return found is { } it && it.Op.ConvShape(it.Images, it.Filters) is var shape && Winograd.WhyNot(shape) is null
            && !(node.Op is Conv2D && path == ConvolutionPath.Winograd2
                && DirectConvolution.IsFasterThanWinograd(shape))
            ? it.With(it.Op with { Path = path })
            : null;

        Shape Dimension(int input) => node.Inputs[input].Shape;
    }
}
