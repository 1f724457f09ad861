namespace Engine.Devices.Cpu;

/// <summary>
/// Pooling of <paramref name="Planes"/> (images times channels) of H × W in windows of KH × KW. With
/// <paramref name="IgnoreBorder"/> an incomplete last window is left out; without it, the window is cut off at the
/// border, and left out only if it would lie in the padding altogether.
/// </summary>
internal readonly record struct PoolShape(
    int Planes,
    int H,
    int W,
    int KH,
    int KW,
    int StrideH,
    int StrideW,
    int PadH = 0,
    int PadW = 0,
    bool IgnoreBorder = true)
{
    internal int OH => Out(H, KH, StrideH, PadH);

    internal int OW => Out(W, KW, StrideW, PadW);

    internal int Pixels => OH * OW;

    /// <summary>
    /// Whether the rows of a window are long and windows are far apart, so that lanes go along the rows; else lanes are
    /// neighboring windows of a row.
    /// </summary>
    internal bool HasLongRows => KW >= 4 && (StrideW >= 4 || OW == 1);

    /// <summary>Whether windows are two columns wide, do not overlap and leave no gaps, and all lie inside.</summary>
    internal bool IsPairs => (KW, StrideW, PadW, PadH) == (2, 2, 0, 0) && StrideH == KH && 2 * OW <= W && KH * OH <= H;

    /// <summary>The rows of the plane that window row <paramref name="oh"/> covers.</summary>
    internal (int Start, int End) Rows(int oh) => Cut((oh * StrideH) - PadH, KH, H);

    /// <summary>The columns of the plane that window column <paramref name="ow"/> covers.</summary>
    internal (int Start, int End) Columns(int ow) => Cut((ow * StrideW) - PadW, KW, W);

    /// <summary>
    /// The number of rows (below: of columns) in a window's mean; 1 for an empty window, whose mean is 0.
    /// </summary>
    internal int RowsOfMean(int oh, bool countPadding) =>
        OfMean(Rows(oh), oh * StrideH, KH, H + (2 * PadH), countPadding);

    internal int ColumnsOfMean(int ow, bool countPadding) =>
        OfMean(Columns(ow), ow * StrideW, KW, W + (2 * PadW), countPadding);

    private static int OfMean((int Start, int End) inside, int start, int length, int padded, bool countPadding) =>
        Math.Max(1, countPadding ? Math.Min(length, padded - start) : inside.End - inside.Start);

    private static (int Start, int End) Cut(int start, int length, int dimension) =>
        (Math.Max(start, 0), Math.Min(start + length, dimension));

    private int Out(int dimension, int kernel, int stride, int pad)
    {
        int padded = dimension + (2 * pad);
        if (IgnoreBorder)
        {
            return padded < kernel ? 0 : ((padded - kernel) / stride) + 1;
        }

        // The last window reaches the end, and begins in the image or the padding before it, as in Theano's Pool and
        // PyTorch's ceil_mode: a window in the padding behind would have no element.
        return dimension == 0 ? 0
            : Math.Min((Math.Max(0, padded - kernel + stride - 1) / stride) + 1, ((dimension + pad - 1) / stride) + 1);
    }
}
