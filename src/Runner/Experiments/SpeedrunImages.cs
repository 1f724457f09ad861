namespace Engine.Runner.Experiments;

/// <summary>
/// The images of the speedrun: normalized, moved by up to two pixels, and mirrored in every other epoch.
/// </summary>
internal sealed class SpeedrunImages
{
    private const int Move = 2;

    private static readonly float[] s_mean = [0.4914f, 0.4822f, 0.4465f], s_std = [0.2470f, 0.2435f, 0.2616f];

    private readonly Tensor _images;
    private readonly bool[] _isMirrored;
    private readonly ulong _seed;

    /// <param name="images">uint8 (n, 3, height, width).</param>
    /// <param name="seed">The seed of all random numbers.</param>
    public SpeedrunImages(Tensor images, ulong seed)
    {
        (_images, _seed) = (images, seed);
        var random = new Random((int)seed);
        _isMirrored = [.. Enumerable.Range(0, images.Shape[0]).Select(_ => random.Next(2) == 0)];
    }

    /// <summary>Returns float32 images standardized to mean 0 and variance 1 for each color.</summary>
    public static Tensor Normalized(Tensor images) =>
        Cut(images, [.. Enumerable.Range(0, images.Shape[0])], _ => (0, 0, false));

    /// <summary>
    /// Returns a batch of an epoch, which counts from 0. Half of the images are mirrored in the first epoch; then each
    /// alternates, so two epochs show both.
    /// </summary>
    public Tensor Batch(int epoch, int[] rows)
    {
        var random = new Random((int)_seed + (epoch * 7919) + rows[0]);
        return Cut(
            _images, rows, row => (random.Next(-Move, Move + 1), random.Next(-Move, Move + 1), IsMirrored(epoch, row)));
    }

    /// <summary>Returns whether an image is mirrored in an epoch.</summary>
    internal bool IsMirrored(int epoch, int row) => _isMirrored[row] ^ (epoch % 2 == 1);

    /// <summary>Returns images moved by some pixels, with reflected edges, and mirrored.</summary>
    internal static Tensor Cut(Tensor images, int[] rows, Func<int, (int Down, int Right, bool IsMirrored)> how)
    {
        (int planes, int height, int width) = (images.Shape[1], images.Shape[2], images.Shape[3]);
        int plane = height * width;
        float[] cut = GC.AllocateUninitializedArray<float>(rows.Length * planes * plane);
        (int Down, int Right, bool IsMirrored)[] moves = [.. rows.Select(how)];
        Parallel.For(0, rows.Length, i =>
        {
            ReadOnlySpan<byte> from = images.AsSpan<byte>().Slice(rows[i] * planes * plane, planes * plane);
            Span<float> to = cut.AsSpan(i * planes * plane, planes * plane);
            (int down, int right, bool isMirrored) = moves[i];
            for (int channel = 0; channel < planes; channel++)
            {
                (float mean, float scale) = (s_mean[channel], 1 / s_std[channel]);
                for (int y = 0; y < height; y++)
                {
                    ReadOnlySpan<byte> line =
                        from.Slice((channel * plane) + (Reflected(y + down, height) * width), width);
                    for (int x = 0; x < width; x++)
                    {
                        int at = isMirrored ? width - 1 - x : x;
                        to[(channel * plane) + (y * width) + x] =
                            ((line[Reflected(at + right, width)] / 255f) - mean) * scale;
                    }
                }
            }
        });
        return Tensor.From(cut, rows.Length, planes, height, width);
    }

    private static int Reflected(int at, int side) => at < 0 ? -at : at >= side ? (2 * side) - 2 - at : at;
}
