using System.Globalization;
using System.Text;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Writes the stages of a function's compilation as text.</summary>
internal sealed class Explanation(Plan plan, Device device)
{
    private readonly BoundStep[] _steps = [.. plan.Levels.SelectMany(level => level)];

    public string Print(Stage stage) => stage switch
    {
        Stage.Graph => $"{Count(plan.History[0].Graph)} ops as written\n\n{Ops(plan.History[0].Graph)}",
        Stage.Rewritten => $"{Rewrites()}\n{Ops(plan.Graph)}",
        Stage.Schedule => Schedule(),
        Stage.Memory => Memory(),
        _ => Kernels(),
    };

    private static int Count(FunctionGraph graph) => Traversal.Order(graph.Roots).Count;

    private string Rewrites()
    {
        var table = new TextTable("rewrite", ">ops behind it", ">ms");
        foreach (Rewritten step in plan.History)
        {
            string milliseconds = step.Time.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
            table.Add(step.By, $"{Count(step.Graph)}", milliseconds);
        }

        return table.ToString();
    }

    private static string Ops(FunctionGraph graph)
    {
        IReadOnlyList<Apply> nodes = Traversal.Order(graph.Roots);
        var numbers = nodes.Select((node, i) => (node, i)).ToDictionary(pair => pair.node, pair => pair.i + 1);
        var table = new TextTable(">#", "op", "inputs", "outputs", "from");
        foreach (Apply node in nodes)
        {
            table.Add(
                $"{numbers[node]}",
                node.Op.Name,
                string.Join(", ", node.Inputs.Select(Name)),
                string.Join(", ", node.Outputs.Select(output => output.Type)),
                node.Origin.Short);
        }

        string roots = string.Join('\n', graph.Outputs.Select((output, i) => $"output {i} = {Name(output)}")
            .Concat(graph.Updates.Select(update => $"new {update.Target} = {Name(update.Value)}")));
        var bodies = new StringBuilder();
        foreach (Apply node in nodes)
        {
            foreach (FunctionGraph body in (node.Op as IOuterOp)?.Bodies ?? [])
            {
                bodies.Append(
                    CultureInfo.InvariantCulture, $"\nA body of #{numbers[node]}, {node.Op.Name}:\n\n{Ops(body)}");
            }
        }

        return $"{table}\n{roots}\n{bodies}";

        string Name(Variable variable) => variable is Result result
            ? $"#{numbers[result.Owner]}" + (result.Owner.Outputs.Count > 1 ? $".{result.Index}" : "")
            : variable.Name ?? $"{variable}";
    }

    private string Schedule()
    {
        var table = new TextTable(
            ">level", "op", "reads", "writes", ">read", ">written", ">FLOPs", ">floor, µs", "from");
        for (int level = 0; level < plan.Levels.Count; level++)
        {
            foreach (BoundStep step in plan.Levels[level])
            {
                table.Add(
                    $"{level + 1}",
                    step.Name,
                    string.Join(", ", step.Operands.Inputs.Where((_, i) => step.Reads[i] is not null).Select(Shape)),
                    string.Join(", ", step.Operands.Outputs.Select(output => Shape(output) + SharedWith(step, output))),
                    TextTable.Short(step.ReadBytes, "B"),
                    TextTable.Short(step.WrittenBytes, "B"),
                    TextTable.Short(step.Flops),
                    TextTable.Microseconds(Floor(step)),
                    step.From);
            }
        }

        string bytes = TextTable.Short(_steps.Sum(step => step.Bytes), "B");
        string flops = TextTable.Short(_steps.Sum(step => step.Flops));
        return $"{table}\n{_steps.Length} steps in {plan.Levels.Count} levels: {bytes} and {flops} FLOPs, "
            + $"{Total()} µs at least.\n{Assumed()}";

        static string Shape(Operand operand) => operand.Type.Shape.Rank == 0
            ? operand.Type.DType.Name()
            : (operand.Type.DType == DType.Float32 ? "" : $"{operand.Type.DType.Name()} ") + operand.Type.Shape;
    }

    /// <summary>Describes the memory of an output that has none of its own.</summary>
    private static string SharedWith(BoundStep step, Operand output)
    {
        int index = step.Operands.Outputs.ToList().IndexOf(output);
        if (index < step.Writes.Count && step.Writes[index] is { Kind: AllocationKind.Shared } allocation)
        {
            return $" to {allocation.Shared}";
        }

        bool isInPlace = step.Operands.Inputs.Where((input, i) => step.Reads[i] is not null
            && input.Storage == output.Storage && input.Offset == output.Offset).Any();
        return isInPlace ? " in place" : "";
    }

    private string Memory()
    {
        Layout layout = plan.Layout;
        var names = new List<string>[layout.Memory.Offsets.Count];
        foreach (Allocation allocation in layout.Allocations.Where(allocation =>
            allocation.Buffer >= 0 && allocation.Kind is AllocationKind.Arena or AllocationKind.Input))
        {
            (names[allocation.Buffer] ??= []).Add($"{allocation.Variable} {allocation.Variable.Shape}");
        }

        for (int s = 0; s < layout.Steps.Count; s++)
        {
            if (layout.WorkspaceBuffer(s) is >= 0 and int buffer)
            {
                (names[buffer] ??= []).Add($"workspace of {layout.Steps[s].Node.Op.Name}");
            }
        }

        var table = new TextTable("value", ">offset", ">bytes", ">from level", ">to level");
        int[] levels = [.. layout.Steps.Select(step => step.Level).Distinct()];
        int before = plan.Levels.Count - levels.Length - layout.CopiesAfter.Count;
        foreach (int i in Enumerable.Range(0, names.Length)
            .OrderBy(i => layout.Buffers[i].First)
            .ThenBy(i => layout.Memory.Offsets[i]))
        {
            Lifetime buffer = layout.Buffers[i];
            table.Add(
                string.Join(", then ", names[i]), TextTable.Digits(layout.Memory.Offsets[i]),
                TextTable.Digits(buffer.Bytes),
                buffer.First < 0 ? "the start" : Level(buffer.First),
                buffer.Last > levels[^1] ? "the end" : Level(buffer.Last));
        }

        // In the layout, views have levels too; nothing runs in them.
        string Level(int level)
        {
            int at = Array.BinarySearch(levels, level);
            return $"{before + (at < 0 ? ~at : at + 1)}";
        }

        SharedVariable[] shared =
        [
            .. FunctionGraph.Leaves(plan.Graph.Roots).OfType<SharedVariable>()
                .Concat(plan.Graph.Updates.Select(update => update.Target)).Distinct(),
        ];
        MemoryPlan memory = layout.Memory;
        string ratio = memory.LowerBound == 0 ? ""
            : FormattableString.Invariant($" ({(double)memory.ArenaBytes / memory.LowerBound:0.00} of it)");
        return $"{table}\nbytes with reuse: {TextTable.Digits(memory.ArenaBytes)}\n"
            + $"bytes without reuse: {TextTable.Digits(memory.BytesWithoutReuse)}\n"
            + $"alive at once at most, the lower bound: {TextTable.Digits(memory.LowerBound)}{ratio}\n"
            + $"shared variables: {TextTable.Digits(shared.Sum(variable => variable.Type.Bytes))} in {shared.Length}\n";
    }

    private string Kernels()
    {
        IReadOnlyList<Launch> launches = plan.Program.Launches;
        bool isGpu = device.IsGpu;
        IReadOnlyList<string> heads =
        [
            ">#", "ops", "outputs", ">bytes", ">FLOPs", ">floor, µs",
            .. isGpu ? ["kernel", ">grid", ">block", ">registers", ">shared", ">local"] : (string[])["loops of"],
            "from",
        ];
        var table = new TextTable(heads);
        var owned = new LaunchOwners(_steps, launches);
        for (int i = 0; i < launches.Count; i++)
        {
            Launch launch = launches[i];
            BoundStep[] steps = owned.Steps(i), first = owned.First(i);
            KernelResources? resources = launch.Resources;
            table.Add(
            [
                $"{i + 1}",
                TextTable.Counted(steps.Select(step => step.Name), " | "),
                TextTable.Counted(
                    steps.SelectMany(step => step.Operands.Outputs).Select(output => $"{output.Type.Shape}"), ", "),
                .. first.Length == 0
                    ? ["", "", ""]
                    : (string[])[
                        TextTable.Short(first.Sum(step => step.Bytes), "B"),
                        TextTable.Short(first.Sum(step => step.Flops)),
                        TextTable.Microseconds(Floor(first))],
                .. isGpu
                    ? [launch.Name, launch.Grid, launch.Block, $"{resources?.Registers}", $"{resources?.SharedBytes}",
                        $"{resources?.LocalBytes}"]
                    : (string[])[launch.Grid],
                string.Join(", ", steps.Select(step => step.From).Distinct()),
            ]);
        }

        return $"{table}\n{Paths()}{launches.Count} kernels, {Total(owned, launches.Count)} µs at least.\n{Assumed()}";
    }

    /// <summary>For ops that the CPU can compute in several ways: which one it uses, and why.</summary>
    private string Paths()
    {
        (BoundStep Step, string? Path)[] chosen = device is CpuDevice cpu
            ? [.. _steps.Select(step => (Step: step, Path: cpu.PathOf(step.Node?.Op, step.Operands)))
                .Where(pair => pair.Path is not null)]
            : [];
        var table = new TextTable("op", "outputs", "path", "from");
        foreach ((BoundStep step, string? path) in chosen)
        {
            string outputs = string.Join(", ", step.Operands.Outputs.Select(output => $"{output.Type.Shape}"));
            table.Add(step.Name, outputs, path!, step.From);
        }

        return chosen.Length == 0 ? "" : $"{table}\n";
    }

    /// <summary>
    /// Launches run one after the other; each takes at least the time for its bytes and its arithmetic.
    /// </summary>
    private string Total(LaunchOwners owned, int launches) =>
        TextTable.Microseconds(Enumerable.Range(0, launches).Sum(i => Floor(owned.First(i))));

    private string Total() => TextTable.Microseconds(_steps.Sum(step => Floor(step)));

    private double Floor(params BoundStep[] steps) =>
        device.Peak.Floor(steps.Sum(step => step.Bytes), steps.Sum(step => step.Flops));

    private string Assumed() => $"Floors are for {device.Peak}.\n";
}
