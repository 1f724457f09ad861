using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// A function made ready for inputs of given shapes: kernels bound to fixed addresses in one arena. Running it
/// allocates nothing.
/// </summary>
internal sealed class Plan : IDisposable
{
    private readonly Storage _arena;
    private readonly IProgram _program;
    private readonly Operand[] _inputs;
    private readonly Operand[] _outputs;

    public Plan(FunctionGraph graph, TensorType[] inputs, Device device, Func<Constant, Storage> constants)
    {
        InputTypes = inputs;
        Schedule = Schedule.Create(graph, graph.Inputs.Zip(inputs).ToDictionary());
        Layout = Layout.Create(graph, Schedule, device);
        _arena = device.Allocate(Layout.Memory.ArenaBytes);

        var kernels = new List<IKernel>();
        foreach ((Root from, Root to) in Layout.CopiesBefore)
        {
            kernels.Add(device.BindCopy(At(from, from.Variable), At(to, to.Variable)));
        }

        for (int s = 0; s < Layout.Steps.Count; s++)
        {
            Step step = Layout.Steps[s];
            int workspace = Layout.WorkspaceBuffer(s);
            var operands = new StepOperands(
                [.. step.Node.Inputs.Select((input, i) => At(step.Inputs[i], input))],
                [.. step.Node.Outputs.Select((output, i) => At(step.Outputs[i], output))],
                workspace < 0 ? null : new Operand(
                    _arena,
                    Layout.Memory.Offsets[workspace],
                    new OperandType(DType.UInt8, [checked((int)step.Workspace)])));
            kernels.Add(device.Bind(step.Node.Op, operands));
        }

        foreach ((Root from, SharedVariable to) in Layout.CopiesAfter)
        {
            var target = new Operand(to.Place(device, device.Allocate), 0, new OperandType(to.DType, to.Shape));
            kernels.Add(device.BindCopy(At(from, from.Variable), target));
        }

        _inputs = [.. graph.Inputs.Select(input => At(Layout.RootOf(input), input))];
        _outputs = [.. graph.Outputs.Select((output, i) => At(Layout.Outputs[i], output))];
        _program = device.Link(kernels);

        Operand At(Root? root, Variable variable)
        {
            OperandType type = Layout.OperandType(variable);
            return root?.Place switch
            {
                null => new Operand(_arena, 0, type),
                Place.Shared => new Operand(root.Shared!.Place(device, device.Allocate), 0, type),
                Place.Constant => new Operand(constants((Constant)root.Variable), 0, type),
                _ => new Operand(_arena, Layout.Memory.Offsets[root.Buffer], type),
            };
        }
    }

    /// <summary>The shapes, and the values of sizes, that this plan is for.</summary>
    public TensorType[] InputTypes { get; }

    public Schedule Schedule { get; }

    public Layout Layout { get; }

    /// <summary>The memory of all values that are neither shared variables nor constants.</summary>
    public Storage Arena => _arena;

    public Shape OutputShape(int output) => _outputs[output].Type.Shape;

    public DType OutputDType(int output) => _outputs[output].Type.DType;

    /// <summary>Whether the plan is for arguments of these shapes and, for sizes, these values.</summary>
    public bool Fits(IReadOnlyList<Input> inputs, ReadOnlySpan<Tensor> arguments)
    {
        for (int i = 0; i < inputs.Count; i++)
        {
            if (arguments[i].Shape != InputTypes[i].Shape
                || (inputs[i].IsSize && arguments[i].AsSpan<int>()[0] != InputTypes[i].KnownValue))
            {
                return false;
            }
        }

        return true;
    }

    public void Run(ReadOnlySpan<Tensor> arguments, int times)
    {
        for (int i = 0; i < _inputs.Length; i++)
        {
            _inputs[i].Storage.Write(arguments[i].Bytes, _inputs[i].Offset);
        }

        _program.Run(times);
    }

    public void ReadOutput(int output, Span<byte> destination) =>
        _outputs[output].Storage.Read(destination, _outputs[output].Offset);

    public void Dispose()
    {
        _program.Dispose();
        _arena.Dispose();
    }
}
