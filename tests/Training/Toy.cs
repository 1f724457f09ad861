namespace Engine.Tests.Training;

/// <summary>Small sets of learnable samples.</summary>
internal static class Toy
{
    /// <summary>Draws pictures of 32x32 in ten classes, each with its own band of bright rows, and noise.</summary>
    public static (Tensor Images, int[] Labels) Images(int count, int seed = 1)
    {
        var random = new Random(seed);
        var pixels = new float[count * 1024];
        var labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = i % 10;
            for (int p = 0; p < 1024; p++)
            {
                pixels[(i * 1024) + p] = (float)(random.NextDouble() - 0.5) + (p / 32 / 3 == labels[i] ? 0.5f : 0);
            }
        }

        return (Tensor.From(pixels, count, 1, 32, 32), labels);
    }

    /// <summary>Draws points of the plane in three classes around three centers, in turn.</summary>
    public static (Tensor Points, int[] Labels) Clouds(int count, int seed = 1)
    {
        var random = new Random(seed);
        (float X, float Y)[] centers = [(0, 1), (1, -1), (-1, -1)];
        var points = new float[count * 2];
        var labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            labels[i] = i % 3;
            points[2 * i] = centers[i % 3].X + (float)(random.NextDouble() - 0.5);
            points[(2 * i) + 1] = centers[i % 3].Y + (float)(random.NextDouble() - 0.5);
        }

        return (Tensor.From(points, count, 2), labels);
    }
}
