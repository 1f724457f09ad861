namespace Engine.Devices.Cpu;

/// <summary>
/// A convolution of <paramref name="N"/> images of C planes of H × W with O filters of C × KH × KW, with a result of O
/// planes of OH × OW. With <paramref name="Flip"/> the filters are rotated by 180 degrees (a true convolution); without
/// it they are not (a correlation).
/// </summary>
internal readonly record struct ConvShape(
    int N, int C, int H, int W, int O, int KH, int KW, int StrideH, int StrideW, int PadH, int PadW, bool Flip)
{
    internal int OH => Out(H, KH, StrideH, PadH);

    internal int OW => Out(W, KW, StrideW, PadW);

    /// <summary>The elements of one filter.</summary>
    internal int Taps => C * KH * KW;

    /// <summary>The elements of one plane of the result.</summary>
    internal int Pixels => OH * OW;

    /// <summary>A multiplication and an addition for each tap of each element; the same for either gradient.</summary>
    internal long Flops => 2L * N * O * Pixels * Taps;

    internal int ImageSize => C * H * W;

    /// <summary>Whether the column matrix is the image itself.</summary>
    internal bool IsPointwise => (KH, KW, StrideH, StrideW, PadH, PadW) == (1, 1, 1, 1, 0, 0);

    /// <summary>
    /// The convolution that computes the gradient with respect to the images, for stride 1. It convolves the gradient
    /// of the result; filters and channels are exchanged, and the filters are rotated.
    /// </summary>
    internal ConvShape Adjoint => this with
    {
        C = O,
        H = OH,
        W = OW,
        O = C,
        PadH = KH - 1 - PadH,
        PadW = KW - 1 - PadW,
        Flip = !Flip,
    };

    private static int Out(int dimension, int kernel, int stride, int pad) =>
        dimension + (2 * pad) < kernel ? 0 : ((dimension + (2 * pad) - kernel) / stride) + 1;
}
