namespace Engine.Runner.Experiments;

/// <summary>Filters whose results, over patches of images, are uncorrelated and of variance 1.</summary>
internal static class Whitening
{
    private const int MaxImages = 5000;
    private const double Epsilon = 5e-4;

    /// <summary>
    /// Returns the eigenvectors of the patches' covariance, each divided by the root of its eigenvalue, and their
    /// negatives: (2 · n, channels, size, size), where n is the count of numbers in a patch.
    /// </summary>
    /// <param name="images">float32 (n, channels, height, width).</param>
    /// <param name="size">A patch's side.</param>
    public static Tensor Filters(Tensor images, int size)
    {
        (int channels, int height, int width) = (images.Shape[1], images.Shape[2], images.Shape[3]);
        int n = channels * size * size;
        double[,] covariance = new double[n, n];
        double[] patch = new double[n];
        long count = 0;
        ReadOnlySpan<float> pixels = images.AsSpan<float>();
        for (int image = 0; image < Math.Min(images.Shape[0], MaxImages); image++)
        {
            for (int y = 0; y + size <= height; y++)
            {
                for (int x = 0; x + size <= width; x++)
                {
                    for (int i = 0; i < n; i++)
                    {
                        (int channel, int pixel) = Math.DivRem(i, size * size);
                        patch[i] = pixels[(((((image * channels) + channel) * height) + y + (pixel / size)) * width) + x
                            + (pixel % size)];
                    }

                    count++;
                    for (int i = 0; i < n; i++)
                    {
                        for (int j = 0; j <= i; j++)
                        {
                            covariance[i, j] += patch[i] * patch[j];
                        }
                    }
                }
            }
        }

        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                covariance[i, j] = covariance[j, i] = covariance[i, j] / count;
            }
        }

        (double[] values, double[,] vectors) = Eigen(covariance);
        float[] filters = new float[2 * n * n];
        for (int k = 0; k < n; k++)
        {
            for (int i = 0; i < n; i++)
            {
                float weight = (float)(vectors[i, k] / Math.Sqrt(values[k] + Epsilon));
                (filters[(k * n) + i], filters[((k + n) * n) + i]) = (weight, -weight);
            }
        }

        return Tensor.From(filters, 2 * n, channels, size, size);
    }

    /// <summary>
    /// Returns the eigenvalues of a symmetric matrix, the largest first, and its eigenvectors as columns, by Jacobi's
    /// rotations.
    /// </summary>
    internal static (double[] Values, double[,] Vectors) Eigen(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        double[,] a = (double[,])matrix.Clone(), v = new double[n, n];
        for (int i = 0; i < n; i++)
        {
            v[i, i] = 1;
        }

        for (int sweep = 0; sweep < 100; sweep++)
        {
            double off = 0;
            for (int p = 0; p < n; p++)
            {
                for (int q = p + 1; q < n; q++)
                {
                    off += a[p, q] * a[p, q];
                    if (a[p, q] != 0)
                    {
                        Rotate(a, v, p, q);
                    }
                }
            }

            if (off < 1e-24)
            {
                break;
            }
        }

        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => a[i, i])];
        double[,] sorted = new double[n, n];
        for (int k = 0; k < n; k++)
        {
            for (int i = 0; i < n; i++)
            {
                sorted[i, k] = v[i, order[k]];
            }
        }

        return ([.. order.Select(i => a[i, i])], sorted);
    }

    /// <summary>Makes an element zero by rotating two axes.</summary>
    private static void Rotate(double[,] a, double[,] v, int p, int q)
    {
        double theta = (a[q, q] - a[p, p]) / (2 * a[p, q]);
        double t = (theta < 0 ? -1 : 1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1)),
            c = 1 / Math.Sqrt((t * t) + 1), s = t * c;
        int n = a.GetLength(0);
        for (int k = 0; k < n; k++)
        {
            (a[k, p], a[k, q]) = ((c * a[k, p]) - (s * a[k, q]), (s * a[k, p]) + (c * a[k, q]));
        }

        for (int k = 0; k < n; k++)
        {
            (a[p, k], a[q, k]) = ((c * a[p, k]) - (s * a[q, k]), (s * a[p, k]) + (c * a[q, k]));
            (v[k, p], v[k, q]) = ((c * v[k, p]) - (s * v[k, q]), (s * v[k, p]) + (c * v[k, q]));
        }
    }
}
