using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Reports the first op whose result contains a NaN or an infinity: <see cref="Mode.NanGuardMode"/>.</summary>
internal sealed class NanGuardProgram(Plan plan, Device device) : SteppedProgram(plan, device)
{
    protected override void Before(BoundStep step)
    {
        // Results of ops have been checked; values from outside have not.
        for (int i = 0; i < step.Reads.Count; i++)
        {
            if (step.Reads[i] is { Written: < 0 } root && Find(step.Operands.Inputs[i]) is { } found)
            {
                throw Error(step, $"is given '{root.Variable}' ({root.Variable.Type}), in which {found}.");
            }
        }
    }

    protected override void After(BoundStep step)
    {
        for (int i = 0; i < step.Operands.Outputs.Count; i++)
        {
            if (Find(step.Operands.Outputs[i]) is { } found)
            {
                throw Error(step, $"made the first value that is no finite number: in output {i}, "
                    + $"{Describe(step.Operands.Outputs[i])}, {found}. Its inputs are finite: {Inputs(step)}.");
            }
        }
    }

    private static string? Find(Operand operand) =>
        operand.Type.DType.IsFloat() && Read(operand).FirstNotFinite() is { } found
            ? FormattableString.Invariant($"element {Index(operand.Type.Shape, found.Index)} is {found.Value}")
            : null;

    private static string Inputs(BoundStep step) => string.Join(", ", step.Operands.Inputs.Select(Describe));
}
