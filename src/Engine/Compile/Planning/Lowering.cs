using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>The form of an op for a device and for operands of given types: its memory needs and its kernel.</summary>
internal abstract class Lowering
{
    /// <summary>Gets the bytes of scratch memory.</summary>
    public abstract long Workspace { get; }

    /// <summary>Gets the plans of the graphs that the op runs.</summary>
    public virtual IReadOnlyList<InnerPlan> Inner => [];

    /// <summary>Lowers the op for a device.</summary>
    /// <exception cref="EngineException">The device cannot compute the op, or not for such shapes.</exception>
    public static Lowering Of(
        Op op, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs, Device device) => op switch
        {
            ILoop loop => new LoopLowering(loop, inputs, device),
            IBranch branch => new BranchLowering(branch, inputs, device),
            _ => new Plain(op, inputs, outputs, device),
        };

    /// <summary>
    /// Lowers an application; if the device refuses, the error names the op, the shapes and the line.
    /// </summary>
    /// <inheritdoc cref="Of(Op, IReadOnlyList{TensorType}, IReadOnlyList{TensorType}, Device)"/>
    public static Lowering Of(Apply node, Device device) => Guard(node, device, () => Of(
        node.Op, [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(output => output.Type)],
        device));

    /// <summary>Calls <paramref name="lower"/>; its errors then name the op, the shapes and the line.</summary>
    /// <inheritdoc cref="Of(Apply, Device)"/>
    public static T Guard<T>(Apply node, Device device, Func<T> lower)
    {
        try
        {
            return lower();
        }
        catch (Exception error) when (error is OverflowException || error.GetType() == typeof(EngineException))
        {
            string shapes = string.Join(" and ", node.Inputs.Select(input => input.Type));
            string reason = error is OverflowException
                ? $"it is larger than what {device} counts in 32 bits: take smaller batches"
                : error.Message.TrimEnd('.');
            throw new EngineException(
                $"{node.Op.Name} of {shapes} cannot run on {device}: {reason}.{node.Origin}", error);
        }
    }

    /// <summary>Returns the kernel, bound to its operands.</summary>
    /// <param name="operands">The memory that the op works on.</param>
    /// <param name="constants">The memory of the constants of graphs that the op runs.</param>
    public abstract IKernel Bind(StepOperands operands, Func<Constant, Storage> constants);

    private sealed class Plain(
        Op op, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs, Device device) : Lowering
    {
        public override long Workspace { get; } = device.Workspace(op, Types(inputs), Types(outputs));

        public override IKernel Bind(StepOperands operands, Func<Constant, Storage> constants) =>
            device.Bind(op, operands);

        private static OperandType[] Types(IReadOnlyList<TensorType> types) =>
            [.. types.Select(type => new OperandType(type.DType, type.Shape))];
    }
}
