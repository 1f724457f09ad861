using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>The launches of a convolution and its gradients on CUDA: conv.cu.</summary>
internal static class CudaConvolution
{
    private const int Threads = 256, Tile = 64;

    /// <summary>
    /// As many tiles keep a large GPU busy; with fewer, the pixels are split into parts no shorter than this.
    /// </summary>
    private const int EnoughTiles = 128, PartLength = 256, MostParts = 64;

    public static CudaLaunch Forward(ConvShape shape, DType dtype, ulong x, ulong w, ulong bias, ulong y) =>
        Kernel(shape, dtype, "conv_forward")
            .Launch(Grid(shape.N * shape.Pixels, shape.O), Threads, x, w, bias, y, Sides(shape));

    public static CudaLaunch InputGradient(ConvShape shape, DType dtype, ulong w, ulong g, ulong y) =>
        Kernel(shape, dtype, "conv_input_gradient")
            .Launch(Grid(shape.N * shape.H * shape.W, shape.C), Threads, w, g, y, Sides(shape));

    /// <summary>
    /// The gradients with respect to the filters and, unless <paramref name="bias"/> is 0, to the bias.
    /// </summary>
    public static CudaLaunch[] WeightsGradient(
        ConvShape shape, DType dtype, ulong x, ulong g, ulong y, ulong bias, ulong workspace)
    {
        int parts = Parts(shape), weights = shape.O * shape.Taps;
        Dim3 grid = Grid(shape.Taps, shape.O) with { Z = parts };
        List<CudaLaunch> launches =
        [
            Kernel(shape, dtype, "conv_weights_gradient").Launch(
                grid, Threads, x, g, parts > 1 ? workspace : y, Sides(shape)),
        ];
        if (parts > 1)
        {
            launches.AddRange(CudaReduce.Launches<Sum>(dtype, [parts, weights], [weights], workspace, y, 0));
        }

        if (bias != 0)
        {
            (Shape from, Shape to) = Planes(shape);
            launches.AddRange(CudaReduce.Launches<Sum>(
                dtype, from, to, g, bias, workspace + (ulong)PartBytes(shape, dtype)));
        }

        return [.. launches];
    }

    /// <summary>The bytes that <see cref="WeightsGradient"/> needs: for the parts, then for the bias.</summary>
    public static long Workspace(ConvShape shape, DType dtype, bool withBias)
    {
        (Shape from, Shape to) = Planes(shape);
        return PartBytes(shape, dtype)
            + (withBias ? CudaReduce.Workspace(new OperandType(dtype, from), new OperandType(dtype, to)) : 0);
    }

    private static (Shape From, Shape To) Planes(ConvShape shape) =>
        ([shape.N, shape.O, shape.Pixels], [1, shape.O, 1]);

    private static long PartBytes(ConvShape shape, DType dtype) =>
        Parts(shape) > 1 ? (long)Parts(shape) * shape.O * shape.Taps * dtype.Size() : 0;

    private static int Parts(ConvShape shape)
    {
        Dim3 grid = Grid(shape.Taps, shape.O);
        int tiles = grid.X * grid.Y;
        return tiles == 0
            ? 1
            : Math.Clamp(Math.Min(EnoughTiles / tiles, shape.N * shape.Pixels / PartLength), 1, MostParts);
    }

    private static Dim3 Grid(int rows, int columns) =>
        new(CudaTypes.Blocks(rows, Tile), CudaTypes.Blocks(columns, Tile));

    private static CudaKernel Kernel(ConvShape shape, DType dtype, string entry) =>
        new("conv.cu", entry, $"T {dtype.Cuda()}", "LARGE 0", $"FLIP {(shape.Flip ? 1 : 0)}");

    private static CudaArgument Sides(ConvShape shape) => CudaArgument.Of(new Layout(
        shape.N, shape.C, shape.H, shape.W, shape.O, shape.KH, shape.KW,
        shape.StrideH, shape.StrideW, shape.PadH, shape.PadW, shape.OH, shape.OW));

    /// <summary><c>struct Sides</c> of conv.cu.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Layout(
        int Images, int Channels, int Height, int Width, int Filters, int FilterHeight, int FilterWidth,
        int StrideH, int StrideW, int PadH, int PadW, int ResultHeight, int ResultWidth);
}
