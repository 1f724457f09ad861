using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// A loop, lowered for a device: its body's plan, and the rows that are copied to and from its memory. Inputs that are
/// the same at every step are read in place; outputs without rows are written in place.
/// </summary>
internal sealed class LoopLowering : Lowering
{
    private readonly ILoop _loop;
    private readonly Device _device;
    private readonly FunctionGraph _body;
    private readonly int _count;
    private readonly InnerPlan _plan;

    // The outputs of the body that are copied out; the others update an input.
    private readonly int[] _copied;

    public LoopLowering(ILoop loop, IReadOnlyList<TensorType> inputs, Device device)
    {
        (_loop, _device) = (loop, device);
        _body = loop.Bodies[0].Specialize(loop.BodyTypes(0, inputs));
        _count = loop.Count(inputs);
        var outside = new List<(Input, Variable?)>();
        var carried = new HashSet<int>();
        for (int i = 0; i < loop.StepReads.Count; i++)
        {
            LoopRead read = loop.StepReads[i];
            if (read.Source == LoopSource.Whole)
            {
                outside.Add((_body.Inputs[i], null));
            }
            else if (read.Source == LoopSource.Carried)
            {
                outside.Add((_body.Inputs[i], _body.Outputs[read.From]));
                carried.Add(read.From);
            }
        }

        _copied = [.. Enumerable.Range(0, _body.Outputs.Count).Where(output => !carried.Contains(output))];
        _plan = new InnerPlan(_body, device, outside, [.. _copied.Select(output => _body.Outputs[output])]);
    }

    public override long Workspace => _plan.Bytes;

    public override IReadOnlyList<InnerPlan> Inner => [_plan];

    public override IKernel Bind(StepOperands operands, Func<Constant, Storage> constants)
    {
        var ranges = new Dictionary<Input, MemoryRange>();
        var started = new List<(MemoryRange, MemoryRange)>();
        for (int i = 0; i < _loop.StepReads.Count; i++)
        {
            LoopRead read = _loop.StepReads[i];
            if (read.Source == LoopSource.Whole)
            {
                ranges.Add(_body.Inputs[i], operands.Inputs[read.From].Range);
            }
            else if (read.Source == LoopSource.Carried)
            {
                MemoryRange range = operands.Outputs[read.From].Range;
                ranges.Add(_body.Inputs[i], range);
                started.Add((operands.Inputs[read.Before].Range, range));
            }
        }

        MemoryRange arena = operands.Workspace ?? new MemoryRange(operands.Outputs[0].Storage, 0, 0);
        BoundGraph bound = _plan.Bind(arena, ranges, constants);
        string name = _loop.ToString()!;
        return _device.BindLoop(new LoopKernel(name, _count, bound.Kernels)
        {
            Cleared = [.. operands.Outputs.Where((output, i) => IsCleared(_loop.StepWrites[i]))
                .Select(output => output.Range)],
            Started = started,
            In = [.. Rows(operands, bound)],
            Out = [.. _copied.Select((output, i) => Row(
                _loop.StepWrites[output], _plan.Result(bound, i), operands.Outputs[output]))],
            Until = _loop.Until < 0 ? null : _plan.Result(bound, Array.IndexOf(_copied, _loop.Until)),
        });
    }

    /// <summary>Whether no step writes some part of an output.</summary>
    private bool IsCleared(LoopWrite write) => write.HasRows ? write.Like >= 0 : _count == 0;

    /// <summary>Returns the rows that are copied in.</summary>
    private IEnumerable<LoopRows> Rows(StepOperands operands, BoundGraph bound)
    {
        for (int i = 0; i < _loop.StepReads.Count; i++)
        {
            LoopRead read = _loop.StepReads[i];
            if (read.Source is LoopSource.Row or LoopSource.State && _plan.RangeOf(bound, _body.Inputs[i]) is { } range)
            {
                Operand? rows = read.From < 0 ? null
                    : read.Source == LoopSource.Row ? operands.Inputs[read.From]
                    : operands.Outputs[read.From];
                Operand? before = read.Before < 0 ? null : operands.Inputs[read.Before];
                yield return new LoopRows(
                    range, rows?.Range, before?.Range,
                    read.Row(0, _count), read.Backward ? -1 : 1);
            }
        }
    }

    private LoopRows Row(LoopWrite write, MemoryRange result, Operand output)
    {
        int first = (write.Backward ? _count - 1 : 0) - write.Lag, by = write.Backward ? -1 : 1;
        return !write.HasRows ? new LoopRows(result, output.Range, null, 0, 0)
            : write.IsBefore ? new LoopRows(result, null, output.Range, first, by)
            : new LoopRows(result, output.Range, null, first, by);
    }
}
