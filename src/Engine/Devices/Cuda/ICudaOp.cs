namespace Engine.Devices.Cuda;

/// <summary>An op that runs on NVIDIA's GPUs.</summary>
internal interface ICudaOp
{
    /// <summary>
    /// Lowers the op to launches, one after the other, on the step's fixed operands. The results may depend on the
    /// shapes, but not on the order in which blocks run; this makes them reproducible.
    /// </summary>
    CudaLaunch[] Cuda(CudaStep step);

    /// <summary>
    /// Returns whether an input may be rows of an array whose first row only the device knows. The launches may then
    /// only pass its address to kernels of src/Kernels, as an argument of its own.
    /// </summary>
    bool TakesRows(int input) => false;

    /// <summary>Returns the bytes of scratch memory that the op needs.</summary>
    long CudaWorkspace(CudaStepTypes step) => 0;
}

/// <summary>The shapes of a step, before its memory is known.</summary>
/// <param name="Inputs">Of the inputs.</param>
/// <param name="Outputs">Of the outputs.</param>
/// <param name="TensorFloat32">
/// Whether products of float32 may be rounded to TF32: <see cref="CudaOptions.TensorFloat32"/>.
/// </param>
/// <param name="HasHalfProducts">Whether the GPU's tensor cores multiply numbers of 16 bits of both types.</param>
internal sealed record CudaStepTypes(
    IReadOnlyList<OperandType> Inputs, IReadOnlyList<OperandType> Outputs, bool TensorFloat32 = false,
    bool HasHalfProducts = false);
