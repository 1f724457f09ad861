using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Represents an op whose kernel can change each element of its outputs before it stores them.</summary>
internal interface ICudaEpilogueOp : ICudaOp
{
    /// <summary>Returns whether the kernel can do so for operands of these types.</summary>
    bool TakesEpilogues(CudaStepTypes step) => true;

    /// <summary>
    /// Gets whether the kernel can leave its own output out, if all outputs of the epilogue have other types.
    /// </summary>
    bool MayStoreNothing => false;

    /// <summary>The launches, with what is done with the elements of each output; null for nothing.</summary>
    CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues);

    CudaLaunch[] ICudaOp.Cuda(CudaStep step) => Cuda(step, new CudaComposite?[step.OutputCount]);
}
