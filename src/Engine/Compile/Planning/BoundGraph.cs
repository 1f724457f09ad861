using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>A graph whose values have addresses in memory, and its steps with their kernels.</summary>
internal sealed class BoundGraph
{
    private readonly MemoryRange _arena;
    private readonly Layout _layout;
    private readonly Func<SharedVariable, MemoryRange> _shared;
    private readonly Func<Constant, Storage> _constants;

    /// <param name="layout">The memory of the values, in the arena or elsewhere.</param>
    /// <param name="device">The device.</param>
    /// <param name="arena">The memory of all values that are neither shared variables nor constants.</param>
    /// <param name="shared">The memory of shared variables.</param>
    /// <param name="constants">The memory of constants.</param>
    public BoundGraph(
        Layout layout, Device device, MemoryRange arena,
        Func<SharedVariable, MemoryRange> shared, Func<Constant, Storage> constants)
    {
        (_arena, _layout, _shared, _constants) = (arena, layout, shared, constants);
        List<List<BoundStep>> levels = [[.. layout.CopiesBefore.Select(copy => BindCopy(
            copy.From, copy.To, At(copy.To, copy.To.Variable)))]];
        for (int s = 0; s < layout.Steps.Count; s++)
        {
            Step step = layout.Steps[s];
            if (s == 0 || step.Level != layout.Steps[s - 1].Level)
            {
                levels.Add([]);
            }

            int workspace = layout.WorkspaceBuffer(s);
            var operands = new StepOperands(
                [.. step.Node.Inputs.Select((input, i) => At(step.Inputs[i], input))],
                [.. step.Node.Outputs.Select((output, i) => At(step.Outputs[i], output))],
                workspace < 0 ? null : InArena(workspace, step.Lowered.Workspace))
            {
                Origin = step.Node.Origin.ToString(),
            };
            IKernel kernel = Lowering.Guard(step.Node, device, () => step.Lowered.Bind(operands, constants));
            levels[^1].Add(new BoundStep(step.Node, step.Inputs, step.Outputs, operands, kernel));
        }

        foreach ((Allocation from, SharedVariable to) in layout.CopiesAfter)
        {
            MemoryRange range = shared(to);
            var target = new Operand(range.Storage, range.Offset, new OperandType(to.DType, to.Shape));
            levels.Add([BindCopy(from, null, target)]);
        }

        Levels = [.. levels.Where(level => level.Count > 0)];

        BoundStep BindCopy(Allocation from, Allocation? to, Operand target)
        {
            Operand source = At(from, from.Variable);
            return new BoundStep(
                null, [from], to is null ? [] : [to], new StepOperands([source], [target], null),
                device.BindCopy(source, target));
        }
    }

    /// <summary>Gets the steps, level by level; the steps of one level are independent.</summary>
    public IReadOnlyList<IReadOnlyList<BoundStep>> Levels { get; }

    /// <summary>Gets the kernels for the device, level by level.</summary>
    public IReadOnlyList<IReadOnlyList<IKernel>> Kernels =>
        [.. Levels.Select(level => level.Select(step => step.Kernel).ToArray())];

    /// <summary>Returns the memory of a variable; arbitrary memory if only its shape exists, not its value.</summary>
    public Operand At(Allocation? allocation, Variable variable)
    {
        OperandType type = Layout.OperandType(variable);
        MemoryRange range = allocation?.Kind switch
        {
            null => _arena,
            AllocationKind.Shared => _shared(allocation.Shared!),
            AllocationKind.Constant => new MemoryRange(_constants((Constant)allocation.Variable), 0, 0),
            _ => InArena(allocation.Buffer, 0),
        };
        return new Operand(range.Storage, range.Offset, type);
    }

    private MemoryRange InArena(int buffer, long bytes) =>
        new(_arena.Storage, _arena.Offset + _layout.Memory.Offsets[buffer], bytes);
}
