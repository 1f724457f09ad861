using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Implements NumPy's broadcasting: shapes are aligned at the innermost axis, and an axis of length 1, or a missing
/// one, is repeated.
/// </summary>
internal static class Broadcasting
{
    /// <summary>Returns the shape that all inputs broadcast to. An unknown dimension may turn out to be 1.</summary>
    public static Shape Join(ReadOnlySpan<TensorType> inputs)
    {
        int rank = 0;
        foreach (TensorType input in inputs)
        {
            rank = Math.Max(rank, input.Rank);
        }

        var dimensions = new int[rank];
        Array.Fill(dimensions, 1);
        foreach (TensorType input in inputs)
        {
            for (int i = 1; i <= input.Rank; i++)
            {
                dimensions[^i] = JoinDimensions(dimensions[^i], input.Shape[-i], rank - i);
            }
        }

        return Shape.Create(dimensions);
    }

    /// <summary>
    /// Returns the fewest nested loops that visit every element of <paramref name="output"/> in order: their lengths,
    /// and for each input the stride of each loop, which is 0 where the input is repeated.
    /// </summary>
    public static (int[] Dimensions, int[][] Strides) Loops(Shape output, IReadOnlyList<Shape> inputs)
    {
        var dimensions = new List<int>();
        var strides = inputs.Select(_ => new List<int>()).ToArray();
        int[][] steps = [.. inputs.Select(input => StridesIn(output, input))];
        for (int axis = 0; axis < output.Rank; axis++)
        {
            if (output[axis] == 1)
            {
                continue;
            }

            bool merges = dimensions.Count > 0
                && Enumerable.Range(0, steps.Length).All(i => strides[i][^1] == steps[i][axis] * output[axis]);
            if (merges)
            {
                dimensions[^1] *= output[axis];
            }
            else
            {
                dimensions.Add(output[axis]);
            }

            for (int i = 0; i < steps.Length; i++)
            {
                if (merges)
                {
                    strides[i][^1] = steps[i][axis];
                }
                else
                {
                    strides[i].Add(steps[i][axis]);
                }
            }
        }

        if (dimensions.Count == 0)
        {
            dimensions.Add(1);
            foreach (List<int> stride in strides)
            {
                stride.Add(0);
            }
        }

        return ([.. dimensions], [.. strides.Select(stride => stride.ToArray())]);
    }

    private static int[] StridesIn(Shape output, Shape input)
    {
        int[] own = input.Strides();
        var strides = new int[output.Rank];
        for (int i = 1; i <= input.Rank; i++)
        {
            strides[^i] = input[-i] == 1 ? 0 : own[^i];
        }

        return strides;
    }

    private static int JoinDimensions(int a, int b, int axis) => (a, b) switch
    {
        _ when a == b => a,
        (1, _) => b,
        (_, 1) => a,
        (Shape.Unknown, _) => b,
        (_, Shape.Unknown) => a,
        _ => throw new EngineException($"the dimensions {a} and {b} of axis {axis} do not broadcast"),
    };
}
