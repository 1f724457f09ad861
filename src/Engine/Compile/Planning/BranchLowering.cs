using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// A choice of two graphs, lowered for a device. Their plans share the same memory because only one of them runs. They
/// read the op's operands directly and write directly to its outputs.
/// </summary>
internal sealed class BranchLowering : Lowering
{
    private readonly IBranch _branch;
    private readonly Device _device;
    private readonly FunctionGraph[] _bodies;
    private readonly Input[][] _results;
    private readonly InnerPlan[] _plans;

    public BranchLowering(IBranch branch, IReadOnlyList<TensorType> inputs, Device device)
    {
        (_branch, _device) = (branch, device);
        _bodies = [.. branch.Bodies.Select((body, number) => body.Specialize(branch.BodyTypes(number, inputs)))];

        // An extra input that nothing reads is the memory of the result.
        _results = [.. _bodies.Select(body => body.Outputs.Select(output => new Input(output.Type)).ToArray())];
        _plans = [.. _bodies.Select((body, number) => new InnerPlan(
            body, device,
            [
                .. body.Inputs.Select(input => (input, (Variable?)null)),
                .. _results[number].Zip(body.Outputs, (result, output) => (result, (Variable?)output)),
            ],
            []))];
    }

    public override long Workspace => _plans.Max(plan => plan.Bytes);

    public override IReadOnlyList<InnerPlan> Inner => _plans;

    public override IKernel Bind(StepOperands operands, Func<Constant, Storage> constants)
    {
        MemoryRange arena = operands.Workspace ?? new MemoryRange(operands.Outputs[0].Storage, 0, 0);
        IReadOnlyList<IReadOnlyList<IKernel>>[] kernels = [.. _plans.Select((plan, number) =>
        {
            int first = number == 0 ? 1 : 1 + _bodies[0].Inputs.Count;
            var ranges = new Dictionary<Input, MemoryRange>();
            for (int i = 0; i < _bodies[number].Inputs.Count; i++)
            {
                ranges.Add(_bodies[number].Inputs[i], operands.Inputs[first + i].Range);
            }

            for (int i = 0; i < operands.Outputs.Count; i++)
            {
                ranges.Add(_results[number][i], operands.Outputs[i].Range);
            }

            return plan.Bind(arena, ranges, constants).Kernels;
        })];
        return _device.BindBranch(new BranchKernel(
            _branch.ToString()!, operands.Inputs[0].Range, kernels[0], kernels[1]));
    }
}
