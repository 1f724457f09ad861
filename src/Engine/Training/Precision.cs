namespace Engine.Training;

/// <summary>
/// Describes how exactly a training step computes. In mixed precision what matrix products and convolutions read, and
/// what layers pass on to them, is stored in 16 bits, the gradients among it; parameters, the sums of products, losses, statistics
/// and all that is done to parameters stay float32, and so do validation, prediction and files.
/// </summary>
public enum Precision
{
    /// <summary>All numbers are of the network's FloatX.</summary>
    Full,

    /// <summary>Mixed, with bfloat16: the range of float32, 8 bits.</summary>
    MixedBFloat16,

    /// <summary>
    /// Mixed, with float16: 11 bits, and magnitudes from 6·10⁻⁸ to 65504. So that small gradients are not lost, the loss
    /// is multiplied by a number that is found on the way; a step whose gradients overflow is left out.
    /// </summary>
    MixedFloat16,
}

/// <summary>What a <see cref="Precision"/> says.</summary>
internal static class Precisions
{
    /// <summary>The dtype that the operands of products are stored in; null for their own.</summary>
    public static DType? Stored(this Precision precision) => precision switch
    {
        Precision.MixedBFloat16 => DType.BFloat16,
        Precision.MixedFloat16 => DType.Float16,
        _ => null,
    };
}
