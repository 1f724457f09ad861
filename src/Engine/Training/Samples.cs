using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Checks what users hand over before anything is computed with it, and brings it to the network's types.
/// </summary>
internal static class Samples
{
    /// <summary>The samples as the network's input takes them.</summary>
    /// <exception cref="EngineException">Another rank, shape or dtype; no samples; nan or infinity in one.</exception>
    public static Tensor Inputs(Tensor x, Graph.Input input)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Shape.Rank != input.Rank || !input.Shape.Admits(x.Shape))
        {
            string rank = x.Shape.Rank == input.Rank ? "" : $", with {input.Rank} sides, not {x.Shape.Rank}";
            throw new EngineException(
                $"The samples are {x} and the Input layer '{input}' takes {input.Shape}{rank}, ? being the number of "
                + "samples.");
        }

        if (x.Shape[0] == 0)
        {
            throw new EngineException($"There are no samples: x is {x}.");
        }

        if (x.DType != input.DType && !(x.DType.IsFloat() && input.DType.IsFloat()))
        {
            throw new EngineException(
                $"The samples are {x.DType.Name()} and the Input layer '{input}' takes {input.DType.Name()}: "
                + $"{(input.DType.IsFloat() ? "scale and cast them, or " : "")}give the Input layer their DType.");
        }

        RequireFinite(x, "x");
        return x.Cast(input.DType);
    }

    /// <summary>The labels, or in regression the values, that belong to so many samples.</summary>
    /// <exception cref="EngineException">Another number, shape or dtype; a label that is no output; nan or
    /// infinity.</exception>
    public static Tensor Targets(Tensor y, int samples, Model model, bool isRegression)
    {
        ArgumentNullException.ThrowIfNull(y);
        int count = y.Shape.Rank == 0 ? 0 : y.Shape[0];
        if (count != samples)
        {
            throw new EngineException($"There are {samples} samples in x but {count} in y.");
        }

        return isRegression ? Values(y, model.Target) : Labels(y, model.Network.Output.Shape[1]);
    }

    private static Tensor Labels(Tensor y, int classes)
    {
        if (y.Shape.Rank != 1 || y.DType.IsFloat())
        {
            throw new EngineException(
                $"The labels are {y}: a classifier takes one int32 a sample, int32 ({y.Shape[0]}). "
                + "For values set Regression.");
        }

        Tensor labels = y.Cast(DType.Int32);
        ReadOnlySpan<int> span = labels.AsSpan<int>();
        int wrong = span.IndexOfAnyExceptInRange(0, classes - 1);
        return wrong < 0 ? labels : throw new EngineException(
            $"The label of sample {wrong} is {span[wrong]}, but the network has {classes} outputs: "
            + $"labels go from 0 to {classes - 1}.");
    }

    private static Tensor Values(Tensor y, Graph.Input target)
    {
        Tensor values = y;
        if (y.Shape.Rank == 1 && target.Rank == 2 && target.Shape[1] == 1)
        {
            values = y.Reshape(y.Shape[0], 1);
        }

        if (!target.Shape.Admits(values.Shape))
        {
            throw new EngineException(
                $"The values are {y} and the network gives {target.Shape}, ? being the number of samples.");
        }

        RequireFinite(y, "y");
        return values.Cast(target.DType);
    }

    private static void RequireFinite(Tensor tensor, string name)
    {
        if (tensor.FirstNotFinite() is { } wrong)
        {
            int row = tensor.Shape.Product(1, tensor.Shape.Rank);
            throw new EngineException(
                $"{name} has a value that is no finite number, {wrong.Value}, in sample {wrong.Index / row} "
                + $"(element {wrong.Index % row} of it): one such makes every parameter nan.");
        }
    }
}
