namespace Engine.Devices.Cpu;

/// <summary>
/// A convolution of <paramref name="N"/> images of C planes of H × W with O filters of C × KH × KW, giving O planes of
/// OH × OW. With <paramref name="Flip"/> the filters are turned by half a circle (a true convolution), without it they
/// are not (a correlation).
/// </summary>
internal readonly record struct ConvShape(
    int N, int C, int H, int W, int O, int KH, int KW, int StrideH, int StrideW, int PadH, int PadW, bool Flip)
{
    internal int OH => Out(H, KH, StrideH, PadH);

    internal int OW => Out(W, KW, StrideW, PadW);

    /// <summary>Elements of one filter.</summary>
    internal int Taps => C * KH * KW;

    /// <summary>Elements of one plane of the result.</summary>
    internal int Pixels => OH * OW;

    /// <summary>A multiplication and an addition for each tap of each element; the same for either gradient.</summary>
    internal long Flops => 2L * N * O * Pixels * Taps;

    internal int ImageSize => C * H * W;

    /// <summary>Whether a column matrix would be the image itself.</summary>
    internal bool IsPointwise => (KH, KW, StrideH, StrideW, PadH, PadW) == (1, 1, 1, 1, 0, 0);

    /// <summary>
    /// The convolution that the gradient with respect to the images of one of stride 1 is: of its result, with filters
    /// and channels exchanged, and turned the other way.
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

    private static int Out(int side, int kernel, int stride, int pad) =>
        side + (2 * pad) < kernel ? 0 : ((side + (2 * pad) - kernel) / stride) + 1;
}
