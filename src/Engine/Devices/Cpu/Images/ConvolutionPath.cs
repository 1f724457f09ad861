namespace Engine.Devices.Cpu;

/// <summary>By which algorithm the CPU computes a convolution and its gradients.</summary>
internal enum ConvolutionPath
{
    /// <summary>As a product with a matrix of the image's pixels (<see cref="ColumnConvolution"/>).</summary>
    Columns,

    /// <summary>
    /// By F(2×2, 3×3), in 2.25 times fewer products, as exact as the sum itself where neighbors are of like magnitude
    /// (<see cref="Winograd"/>).
    /// </summary>
    Winograd2,

    /// <summary>By F(4×4, 3×3), in 4 times fewer products, ten times less exact.</summary>
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
    /// <summary>As the rewrite that chooses it is called.</summary>
    internal static string Name(this ConvolutionPath path) => path switch
    {
        ConvolutionPath.Winograd2 => "winograd2",
        ConvolutionPath.Winograd4 => "winograd4",
        _ => "columns",
    };
}
