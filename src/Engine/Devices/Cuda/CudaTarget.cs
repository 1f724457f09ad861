namespace Engine.Devices.Cuda;

/// <summary>
/// Represents the GPUs of one compute capability, present (<see cref="CudaDevice"/>) or only planned for
/// (<see cref="AbsentCudaDevice"/>). It lowers ops to kernel launches.
/// </summary>
public abstract class CudaTarget : Device
{
    /// <summary>
    /// The first architecture with TF32 and bfloat16 on tensor cores and asynchronous copies to shared memory.
    /// </summary>
    private const int FirstWithTensorFloat32 = 80;

    private protected CudaTarget()
    {
    }

    /// <inheritdoc/>
    public sealed override bool IsGpu => true;

    /// <inheritdoc/>
    public sealed override bool RunsAtOnce => true;

    /// <summary>Gets the compute capability, 10 times the major number plus the minor: 90.</summary>
    public abstract int Architecture { get; }

    /// <summary>
    /// Whether products of float32 are rounded to TF32: the options ask for it, and the hardware has it.
    /// </summary>
    private bool UsesTensorFloat32 => AsksForTensorFloat32 && Architecture >= FirstWithTensorFloat32;

    /// <summary>Gets whether tensor cores multiply both types of 16 bits.</summary>
    internal bool HasHalfProducts => Architecture >= FirstWithTensorFloat32;

    /// <summary>What <see cref="CudaOptions.TensorFloat32"/> says.</summary>
    private protected virtual bool AsksForTensorFloat32 => false;

    /// <summary>The most shared memory that a launch may ask for, for each block.</summary>
    private protected abstract int MaxSharedBytes { get; }

    private protected abstract CudaFaults Faults { get; }

    /// <summary>The compiler of kernels; null if they cannot be compiled.</summary>
    private protected abstract KernelImages? Images { get; }

    /// <inheritdoc/>
    public sealed override long Workspace(
        object op, IReadOnlyList<OperandType> inputs, IReadOnlyList<OperandType> outputs) =>
        Lowering(op).CudaWorkspace(new CudaStepTypes(inputs, outputs, UsesTensorFloat32, HasHalfProducts));

    /// <inheritdoc/>
    public sealed override IKernel Bind(object op, StepOperands operands)
    {
        var step = new CudaStep(operands, AddressOf, Faults, UsesTensorFloat32, HasHalfProducts);
        CudaLaunch[] launches = [.. Lowering(op).Cuda(step).Where(launch => !launch.IsEmpty)];
        foreach (KernelLaunch launch in launches.OfType<KernelLaunch>())
        {
            launch.RequireLaunchable(MaxSharedBytes);
        }

        return new CudaBoundOp(op.ToString()!, launches, step.MayFault);
    }

    /// <inheritdoc/>
    public sealed override IKernel BindCopy(Operand from, Operand to)
    {
        var copy = new CopyLaunch(AddressOf(from.Range), AddressOf(to.Range), from.Range.Bytes);
        return new CudaBoundOp("copy", copy.IsEmpty ? [] : [copy], MayFault: false);
    }

    internal sealed override IKernel BindLoop(LoopKernel loop) =>
        new CudaBoundOp(loop.Name, [new LoopLaunch(loop, AddressOf)], MayFault(loop.Levels));

    internal sealed override IKernel BindBranch(BranchKernel branch) => new CudaBoundOp(
        branch.Name,
        [new BranchLaunch(branch, AddressOf(branch.Condition))],
        MayFault(branch.First) || MayFault(branch.Second));

    /// <inheritdoc/>
    public sealed override IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        Link(CudaStage.Of(levels), MayFault(levels), null);

    internal sealed override IProgram Link(IReadOnlyList<IReadOnlyList<IKernel>> levels, LaunchTimes times) =>
        Link(CudaStage.Of(levels), MayFault(levels), times);

    private static bool MayFault(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        levels.Any(level => level.Cast<CudaBoundOp>().Any(op => op.MayFault));

    private protected abstract IProgram Link(CudaStage[] stages, bool mayFault, LaunchTimes? times);

    private protected abstract ulong AddressOf(Storage storage);

    private ulong AddressOf(MemoryRange range) => AddressOf(range.Storage) + (ulong)range.Offset;

    /// <summary>
    /// Describes the launches; kernels are compiled when the resources of the first one are asked for.
    /// </summary>
    internal IReadOnlyList<Launch> Describe(CudaStage[] stages)
    {
        var resources = new Lazy<Func<CudaFunction, KernelResources?>>(() =>
        {
            if (Images is not { } images)
            {
                return _ => null;
            }

            KernelImages.ForEachOnAllCores(
                stages.SelectMany(stage => stage.Launch.Kernels).Select(launch => launch.Function),
                (source, file) => images.Of(source, file));
            return function => Resources(images, function);
        });
        return [.. stages.Select(stage => stage.Launch is KernelLaunch kernel
            ? new Launch(kernel.Function.ToString(), stage.Owners, () => resources.Value(kernel.Function))
            {
                Grid = kernel.Grid.ToString(),
                Block = kernel.Block.ToString(),
            }
            : new Launch(stage.Launch.Name, stage.Owners))];
    }

    private static KernelResources? Resources(KernelImages images, CudaFunction function) =>
        Cubin.Resources(images.Of(function.Source, function.File), function.Entry) is { } declared
            ? declared with { SharedBytes = declared.SharedBytes + function.DynamicBytes }
            : null;

    private static ICudaOp Lowering(object op) => op as ICudaOp
        ?? throw new EngineException($"{op} has no kernel for CUDA: compute it on the CPU.");
}
