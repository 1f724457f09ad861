using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions of float and double images, N × C × H × W, and their gradients, on the path that the compiler chose.
/// </summary>
internal static unsafe class Convolution
{
    /// <summary>
    /// Returns the bytes of workspace that a pass needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<T>(ConvolutionPass pass, in ConvShape s, ConvolutionPath path, int workers)
        where T : unmanaged => path switch
        {
            ConvolutionPath.Winograd2 => Winograd.WorkspaceBytes<Winograd2, T>(pass, s, workers),
            ConvolutionPath.Winograd4 => Winograd.WorkspaceBytes<Winograd4, T>(pass, s, workers),
            _ when pass == ConvolutionPass.Forward && DirectConvolution.Takes<T>(s) =>
                DirectConvolution.WorkspaceBytes<T>(s, workers),
            _ => ColumnConvolution.WorkspaceBytes<T>(pass, s, workers),
        };

    /// <summary>y = w ∗ x + bias; <paramref name="bias"/> is O values, or null.</summary>
    internal static Phase[] Forward<T>(
        ConvShape s, ConvolutionPath path, T* x, T* w, T* bias, T* y, byte* workspace, int workers,
        CpuEpilogue? epilogue = null)
        where T : unmanaged, INumber<T> => path switch
        {
            ConvolutionPath.Winograd2 => Winograd.Forward<Winograd2, T>(s, x, w, bias, y, workspace, workers, epilogue),
            ConvolutionPath.Winograd4 => Winograd.Forward<Winograd4, T>(s, x, w, bias, y, workspace, workers, epilogue),
            _ when DirectConvolution.Takes<T>(s) =>
                DirectConvolution.Forward(s, x, w, bias, y, workspace, workers, epilogue),
            _ => ColumnConvolution.Forward(s, x, w, bias, y, workspace, workers, epilogue),
        };

    /// <summary>Calls an epilogue for the same piece of several planes that follow one another.</summary>
    /// <param name="epilogue">The epilogue.</param>
    /// <param name="first">The first plane.</param>
    /// <param name="planes">The number of planes.</param>
    /// <param name="size">The elements of a plane.</param>
    /// <param name="start">The first element of the piece in its plane.</param>
    /// <param name="count">The elements of the piece.</param>
    internal static void End(CpuEpilogue epilogue, long first, int planes, int size, int start, int count)
    {
        if (count == size)
        {
            epilogue(first * size, planes * size);
            return;
        }

        for (int plane = 0; plane < planes; plane++)
        {
            epilogue(((first + plane) * size) + start, count);
        }
    }

    /// <summary>The gradient with respect to x, from that with respect to y.</summary>
    internal static Phase[] GradInput<T>(
        ConvShape s, ConvolutionPath path, T* w, T* dy, T* dx, byte* workspace, int workers,
        CpuEpilogue? epilogue = null)
        where T : unmanaged, INumber<T> => path switch
        {
            ConvolutionPath.Winograd2 => Winograd.GradInput<Winograd2, T>(s, w, dy, dx, workspace, workers, epilogue),
            ConvolutionPath.Winograd4 => Winograd.GradInput<Winograd4, T>(s, w, dy, dx, workspace, workers, epilogue),
            _ => ColumnConvolution.GradInput(s, w, dy, dx, workspace, workers, epilogue),
        };

    /// <summary>
    /// The gradients with respect to w and, unless <paramref name="db"/> is null, to the bias, from that with respect
    /// to y.
    /// </summary>
    internal static Phase[] GradWeights<T>(
        ConvShape s, ConvolutionPath path, T* x, T* dy, T* dw, T* db, byte* workspace, int workers)
        where T : unmanaged, INumber<T> => path switch
        {
            ConvolutionPath.Winograd2 => Winograd.GradWeights<Winograd2, T>(s, x, dy, dw, db, workspace),
            ConvolutionPath.Winograd4 => Winograd.GradWeights<Winograd4, T>(s, x, dy, dw, db, workspace),
            _ => ColumnConvolution.GradWeights(s, x, dy, dw, db, workspace, workers),
        };

    /// <summary>Says in words why a convolution uses no other path.</summary>
    internal static string WhyNotWinograd(in ConvShape s) => Winograd.WhyNot(s)
        ?? (DirectConvolution.IsFasterThanWinograd(s)
            ? FormattableString.Invariant($"{s.C} channels and {s.O} filters are too few for Winograd's transforms")
            : "no other path is asked for");

    /// <summary>Says in words which path a pass uses and why.</summary>
    internal static string Describe<T>(ConvolutionPass pass, in ConvShape s, ConvolutionPath path, int workers)
        where T : unmanaged => path switch
        {
            ConvolutionPath.Winograd2 => Winograd.Describe<Winograd2, T>(pass, s, workers),
            ConvolutionPath.Winograd4 => Winograd.Describe<Winograd4, T>(pass, s, workers),
            _ when pass == ConvolutionPass.Forward && DirectConvolution.Takes<T>(s) =>
                $"{DirectConvolution.Describe<T>(s, workers)}: {WhyNotWinograd(s)}",
            _ => $"{ColumnConvolution.Describe<T>(pass, s, workers)}: {WhyNotWinograd(s)}",
        };
}
