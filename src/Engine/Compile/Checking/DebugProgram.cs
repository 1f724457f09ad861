using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// Compares every step with its op's reference: <see cref="Mode.DebugMode"/>. Before a step, its outputs and all unused
/// memory are filled with NaN. After it, its outputs must be what the reference computes from the same inputs, and
/// every other byte must be unchanged. The inputs of a step must still be what earlier steps wrote.
/// </summary>
internal sealed class DebugProgram(Plan plan, Device device) : SteppedProgram(plan, device)
{
    private const byte Poison = 0xFF;

    private readonly Dictionary<Allocation, byte[]> _values = [];
    private readonly byte[] _arena = Scratch(plan.Arena.Bytes), _after = Scratch(plan.Arena.Bytes);

    protected override void Begin()
    {
        _values.Clear();
        (Operand Operand, Tensor Value)[] arguments = [.. Plan.Inputs.Select(input => (input, Read(input)))];
        Array.Fill(_arena, Poison);
        Plan.Arena.Write(_arena);
        foreach ((Operand operand, Tensor value) in arguments)
        {
            operand.Storage.Write(value.Bytes, operand.Offset);
        }
    }

    protected override void Before(BoundStep step)
    {
        for (int i = 0; i < step.Reads.Count; i++)
        {
            if (step.Reads[i] is { } allocation)
            {
                byte[] value = Read(step.Operands.Inputs[i]).Bytes.ToArray();
                if (_values.TryAdd(allocation, value) || value.AsSpan().SequenceEqual(_values[allocation]))
                {
                    continue;
                }

                throw Error(
                    step,
                    $"is given another value of '{allocation.Variable}' ({allocation.Variable.Type}) than was computed: its memory has been written over since.");
            }
        }

        foreach (MemoryRange range in Written(step))
        {
            if (!ReadOperands(step).Any(read => read.Range.Overlaps(range)))
            {
                range.Storage.Write(Enumerable.Repeat(Poison, (int)range.Bytes).ToArray(), range.Offset);
            }
        }

        Plan.Arena.Read(_arena);
    }

    protected override void After(BoundStep step)
    {
        CheckTypes(step);
        CheckUntouched(step);
        NdArray[] inputs = [.. step.Operands.Inputs.Select((input, i) => Value(input.Type, step.Reads[i]))];
        TensorType[] types =
            [.. step.Operands.Outputs.Select(output => new TensorType(output.Type.DType, output.Type.Shape))];
        NdArray[] expected = step.Node is { Op: var op } ? ReferenceEvaluator.Of(op, inputs, types) : inputs;
        var tolerance = new Tolerance(step.Node?.Op, inputs, expected, types) { IsLenient = step.Node is not null };
        for (int i = 0; i < types.Length; i++)
        {
            Tensor actual = Read(step.Operands.Outputs[i]);
            CheckValues(step, i, actual, tolerance);
            if (i < step.Writes.Count)
            {
                _values[step.Writes[i]] = actual.Bytes.ToArray();
            }
        }
    }

    private void CheckTypes(BoundStep step)
    {
        if (step.Node is not { } node)
        {
            return;
        }

        IReadOnlyList<TensorType> types = node.Infer([.. node.Inputs.Select(input => input.Type)]);
        for (int i = 0; i < types.Count; i++)
        {
            OperandType planned = step.Operands.Outputs[i].Type;
            if (types[i].DType != planned.DType || types[i].Shape != planned.Shape)
            {
                string output = Describe(step.Operands.Outputs[i]);
                throw Error(step, $"gives {types[i]} for output {i}, for which {output} was planned.");
            }
        }
    }

    private void CheckUntouched(BoundStep step)
    {
        // In the arena, everything except the outputs is compared; elsewhere, the inputs are.
        Plan.Arena.Read(_after);
        foreach (MemoryRange range in Written(step))
        {
            if (range.Storage == Plan.Arena)
            {
                int start = (int)range.Offset, length = (int)range.Bytes;
                _after.AsSpan(start, length).CopyTo(_arena.AsSpan(start));
            }
        }

        int wrong = _after.AsSpan().CommonPrefixLength(_arena);
        if (wrong < _arena.Length)
        {
            throw Error(step, $"wrote outside its outputs: {Near(step, wrong)}.");
        }

        for (int i = 0; i < step.Reads.Count; i++)
        {
            Operand input = step.Operands.Inputs[i];
            if (step.Reads[i] is { } allocation
                && !step.Operands.Outputs.Any(output => output.Range.Overlaps(input.Range))
                && !Read(input).Bytes.SequenceEqual(_values[allocation]))
            {
                throw Error(step, $"wrote over its input '{allocation.Variable}' ({allocation.Variable.Type}).");
            }
        }
    }

    private void CheckValues(BoundStep step, int output, Tensor actual, Tolerance tolerance)
    {
        int wrong = tolerance.FirstOutside(output, actual);
        if (wrong >= 0)
        {
            string read = string.Join(", ", step.Operands.Inputs.Select(Describe));
            var values = NdArray.From(actual);
            NdArray rounded = NdArray.From(tolerance.Expected[output].ToTensor(actual.DType));
            FormattableString found =
                $"element {Index(actual.Shape, wrong)} is {values.Data[wrong]:G9}, and {rounded.Data[wrong]:G9} by the op's reference implementation";
            throw Error(
                step,
                $"computed output {output}, {actual.TypeText}, wrongly: {FormattableString.Invariant(found)}. Its inputs are "
                + $"{read}.");
        }
    }

    /// <summary>Describes the position of a byte in the arena, relative to the step's outputs.</summary>
    private string Near(BoundStep step, int at)
    {
        Operand? before = step.Operands.Outputs
            .Where(output => output.Storage == Plan.Arena && output.Offset + output.Range.Bytes <= at)
            .MaxBy(output => output.Offset);
        string position = before is null
            ? $"byte {at} of the plan's memory"
            : $"{at - before.Offset - before.Range.Bytes} bytes behind the end of {Describe(before)}";
        return $"{position} has changed";
    }

    /// <summary>Returns memory for a copy of the arena; each plan has two.</summary>
    private static byte[] Scratch(long bytes) => bytes <= Array.MaxLength ? new byte[bytes] : throw new EngineException(
        FormattableString.Invariant(
            $"DebugMode copies a plan's memory, of which this one takes {bytes:N0} bytes, and up to ")
        + FormattableString.Invariant($"{Array.MaxLength:N0} can be: take smaller batches, or another mode."));

    private static IEnumerable<MemoryRange> Written(BoundStep step) =>
        step.Operands.Outputs.Select(output => output.Range).Append(step.Operands.Workspace).OfType<MemoryRange>();

    private static IEnumerable<Operand> ReadOperands(BoundStep step) =>
        step.Operands.Inputs.Where((_, i) => step.Reads[i] is not null);

    private NdArray Value(OperandType type, Allocation? allocation)
    {
        if (allocation is null)
        {
            return Nothing(type);
        }

        var value = new Tensor(type.DType, type.Shape);
        _values[allocation].CopyTo(value.Bytes);
        return NdArray.From(value);
    }

    private static NdArray Nothing(OperandType type)
    {
        var nothing = new NdArray(type.Shape, type.DType);
        Array.Fill(nothing.Data, double.NaN);
        return nothing;
    }
}
