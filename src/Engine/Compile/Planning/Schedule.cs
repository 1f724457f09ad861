using Engine.Graph;

namespace Engine.Compile;

/// <summary>An op's position in the schedule.</summary>
/// <param name="Node">The op.</param>
/// <param name="Level">
/// The level in which it runs. All its inputs are written in earlier levels; the ops of one level may run at once.
/// </param>
internal readonly record struct Scheduled(Apply Node, int Level);

/// <summary>The order in which a function's ops run.</summary>
internal static class Schedule
{
    /// <summary>
    /// An op on which nothing waits and that reads at most this many bytes may be delayed to the last level. Its inputs
    /// stay live a little longer, and it shares a launch with similar ops.
    /// </summary>
    private const long LittleBytes = 4 << 20;

    /// <summary>
    /// Returns the ops whose values are needed, each after the ops that it reads. The op that computes a shared
    /// variable's new value comes last. By then the old value has been read, so most updates can write directly into
    /// the variable's memory.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="atOnce">Whether independent ops share a level.</param>
    public static IReadOnlyList<Scheduled> Create(FunctionGraph graph, bool atOnce)
    {
        IEnumerable<Variable> beforeUpdates = graph.Updates
            .Select(update => update.Value)
            .OfType<Result>()
            .SelectMany(value => value.Owner.Inputs.Where((_, input) => value.Owner.Op.Reads(input)));
        Variable[] roots = [.. graph.Outputs.Concat(beforeUpdates).Concat(graph.Roots)];
        IReadOnlyList<Apply> order = Traversal.Order(roots, static (node, input) => node.Op.Reads(input));
        if (order.Any(node => node.Op is IRunsLate))
        {
            order = WithLateOnes(order, roots);
        }

        return atOnce ? InLevels(graph, order) : [.. order.Select((node, level) => new Scheduled(node, level))];
    }

    /// <summary>
    /// Returns the order in which exchanges begin as early as possible, in the order of their numbers. The ops that
    /// wait for them, and all that depends on these, come last.
    /// </summary>
    private static Apply[] WithLateOnes(IReadOnlyList<Apply> order, Variable[] roots)
    {
        IEnumerable<Variable> begun = order.Where(node => node.Op is IRunsEarly)
            .OrderBy(node => ((IRunsEarly)node.Op).Number).Select(node => node.Outputs[0]);
        order = Traversal.Order([.. begun, .. roots], static (node, input) => node.Op.Reads(input));
        var late = new HashSet<Apply>();
        foreach (Apply node in order)
        {
            if (node.Op is IRunsLate || node.Inputs.Where((_, input) => node.Op.Reads(input)).OfType<Result>()
                .Any(result => late.Contains(result.Owner)))
            {
                late.Add(node);
            }
        }

        return [.. order.Where(node => !late.Contains(node)), .. order.Where(late.Contains)];
    }

    private static Scheduled[] InLevels(FunctionGraph graph, IReadOnlyList<Apply> order)
    {
        // The level from which a value can be read, and its memory: its own or, for a view, another's.
        var ready = new Dictionary<Variable, int>();
        var memory = new Dictionary<Variable, Variable>();
        var lastRead = new Dictionary<Variable, (int Level, Apply Reader)>();
        var used = new HashSet<Apply>();
        var levels = new Dictionary<Apply, int>();
        int deepest = -1;
        bool isLate = false;
        foreach (Apply node in order)
        {
            Variable[] read = [.. node.Inputs.Where((_, input) => node.Op.Reads(input))];
            int level = read.Select(variable => ready.GetValueOrDefault(variable)).DefaultIfEmpty().Max();
            isLate |= node.Op is IRunsLate;
            level = node.Op is IRunsLate ? Math.Max(level, deepest + 1) : level;
            deepest = isLate ? deepest : Math.Max(deepest, level);
            levels.Add(node, level);
            used.UnionWith(read.OfType<Result>().Select(result => result.Owner));
            bool isView = IsView(node);
            foreach (Result output in node.Outputs)
            {
                ready[output] = isView ? level : level + 1;
                memory[output] = isView ? Memory(node.Inputs[0]) : output;
            }

            foreach (Variable variable in isView ? [] : read.Select(Memory).Distinct())
            {
                if (lastRead.GetValueOrDefault(variable, (-1, node)).Item1 <= level)
                {
                    lastRead[variable] = (level, node);
                }
            }
        }

        int last = levels.Values.DefaultIfEmpty().Max();
        ILookup<Apply, SharedVariable> targets = graph.Updates
            .Where(update => update.Value is Result)
            .ToLookup(update => ((Result)update.Value).Owner, update => update.Target);
        foreach (Apply node in order.Where(node => !used.Contains(node) && !IsView(node)))
        {
            long bytes = node.Inputs.Where((_, input) => node.Op.Reads(input)).Sum(input => input.Type.Bytes);
            int free = targets[node].Select(target => lastRead.GetValueOrDefault(target, (-1, node)))
                .Select(read => read.Item2 == node ? read.Item1 : read.Item1 + 1)
                .Append(bytes <= LittleBytes ? last : 0)
                .Max();
            levels[node] = Math.Max(levels[node], free);
        }

        return [.. order.Select(node => new Scheduled(node, levels[node])).OrderBy(scheduled => scheduled.Level)];

        Variable Memory(Variable variable) => memory.GetValueOrDefault(variable, variable);
    }

    private static bool IsView(Apply node) => node.Op.IsView([.. node.Inputs.Select(input => input.Type)]);
}
