namespace Engine.Devices.Cpu;

/// <summary>Specifies the algorithm of a convolution and its gradients on the CPU.</summary>
internal enum ConvolutionPath
{
    /// <summary>
    /// A product with a matrix of the image's pixels (<see cref="ColumnConvolution"/>), or forward with the pixels
    /// themselves (<see cref="DirectConvolution"/>).
    /// </summary>
    Columns,

    /// <summary>
    /// F(2×2, 3×3), with 2.25 times fewer multiplications; as exact as the direct sum if neighbors have similar
    /// magnitudes (<see cref="Winograd"/>).
    /// </summary>
    Winograd2,

    /// <summary>F(4×4, 3×3), with 4 times fewer multiplications; ten times less exact.</summary>
    Winograd4,
}

/// <summary>A convolution, or one of its gradients.</summary>
internal enum ConvolutionPass
{
    Forward,
    InputGradient,
    WeightsGradient,
}

internal static class ConvolutionPaths
{
    /// <summary>Returns the name of the rewrite that chooses the path.</summary>
    internal static string Name(this ConvolutionPath path) => path switch
    {
        ConvolutionPath.Winograd2 => "winograd2",
        ConvolutionPath.Winograd4 => "winograd4",
        _ => "columns",
    };
}
