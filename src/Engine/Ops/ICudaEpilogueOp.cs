using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Represents an op whose kernel can change each element of its outputs before it stores them.</summary>
internal interface ICudaEpilogueOp : ICudaOp
{
    /// <summary>Returns whether the kernel can do so for operands of these types.</summary>
    bool TakesEpilogues(CudaStepTypes step) => true;

    /// <summary>Returns the launches, which apply an epilogue to the elements of each output; null for none.</summary>
    CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues);

    CudaLaunch[] ICudaOp.Cuda(CudaStep step) => Cuda(step, new CudaComposite?[step.OutputCount]);
}
