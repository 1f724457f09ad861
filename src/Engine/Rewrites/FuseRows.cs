using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On the CPU, fuses reductions along rows, and the element-wise ops that use their results together with the rows, to
/// one op, which keeps a row in the caches while it needs it. A row must be contiguous, long enough for a loop and
/// small enough for the second-level cache, and there must be enough rows for the threads.
/// </summary>
internal sealed class FuseRows
{
    private const int MinRun = 64, MinRows = 16, MaxRowElements = 1 << 15, MaxSteps = 24;

    private readonly FunctionGraph _graph;
    private readonly IReadOnlyList<Apply> _order;
    private readonly Dictionary<Apply, Group> _groupOf = [];

    // The groups that read a value of all rows.
    private readonly Dictionary<Variable, List<Group>> _readers = [];

    // The variables that reductions along rows join.
    private readonly HashSet<Variable> _joined = [];

    // The groups on which a value depends through ops outside groups.
    private readonly Dictionary<Apply, HashSet<Group>> _behind = [];

    private FuseRows(FunctionGraph graph)
    {
        _graph = graph;
        _order = Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input));
    }

    public static FunctionGraph Apply(FunctionGraph graph, Device device) =>
        device.IsGpu ? graph : new FuseRows(graph).Apply();

    private FunctionGraph Apply()
    {
        Member[] reductions = [.. _order.Where(node => node.Op is IReduce).Select(Member.Of).OfType<Member>()
            .Where(member => new Group(member.Shape, member.DType).Takes(member))];
        if (reductions.Length == 0)
        {
            return _graph;
        }

        _joined.UnionWith(reductions.SelectMany(member => member.Inputs));
        foreach (Apply node in _order)
        {
            if (Member.Of(node) is not { } member || !TryJoin(member))
            {
                _behind[node] = [.. node.Inputs.SelectMany(Needs)];
            }
        }

        return _groupOf.Values.Any(group => group.IsWorthwhile) ? Build() : _graph;
    }

    private Group? MakerOf(Variable value) =>
        value is Result { Owner: var owner } ? _groupOf.GetValueOrDefault(owner) : null;

    /// <summary>Returns the groups that must run before a value is available.</summary>
    private IEnumerable<Group> Needs(Variable value) => MakerOf(value) is { } maker ? [maker]
        : value is Result { Owner: var owner } && _behind.TryGetValue(owner, out HashSet<Group>? behind) ? behind
        : [];

    private bool TryJoin(Member member)
    {
        IEnumerable<Group> near = member.Inputs
            .SelectMany(input => (_readers.GetValueOrDefault(input) ?? []).Append(MakerOf(input)!))
            .Where(group => group is not null);
        Group? joined = near.FirstOrDefault(group => group.Takes(member) && member.Inputs.All(input =>
            MakerOf(input) == group || !Needs(input).Any(need => need == group || need.Needs(group))));
        if (joined is null)
        {
            joined = new Group(member.Shape, member.DType);
            if (!joined.Takes(member) || !(member.Op is IReduce || member.Node.Outputs.Any(_joined.Contains)))
            {
                return false;
            }
        }

        joined.Add(member, member.Inputs.SelectMany(Needs));
        _groupOf.Add(member.Node, joined);
        foreach (Variable input in member.Inputs.Where(input => input.Shape == joined.Shape))
        {
            (_readers.TryGetValue(input, out List<Group>? readers) ? readers : _readers[input] = []).Add(joined);
        }

        return true;
    }

    /// <summary>
    /// Returns the graph with each worthwhile group as one op. Ops and groups are built as soon as their inputs are
    /// available.
    /// </summary>
    private FunctionGraph Build()
    {
        var map = new Dictionary<Variable, Variable>();
        HashSet<Variable> roots = [.. _graph.Roots];
        ILookup<Variable, Apply> users = _order.SelectMany(node => node.Inputs.Select(input => (input, node)))
            .ToLookup(use => use.input, use => use.node);
        var missing = new Dictionary<object, HashSet<object>>();
        var waiting = new Dictionary<object, List<object>>();
        var ready = new Queue<object>();
        foreach (Apply node in _order)
        {
            object unit = UnitOf(node);
            HashSet<object> needed = missing.TryGetValue(unit, out HashSet<object>? known) ? known : missing[unit] = [];
            foreach (Result read in node.Inputs.Where((_, i) => node.Op.Reads(i)).OfType<Result>())
            {
                object maker = UnitOf(read.Owner);
                if (maker != unit && needed.Add(maker))
                {
                    (waiting.TryGetValue(maker, out List<object>? list) ? list : waiting[maker] = []).Add(unit);
                }
            }
        }

        foreach ((object unit, HashSet<object> needed) in missing.Where(each => each.Value.Count == 0))
        {
            ready.Enqueue(unit);
        }

        while (ready.TryDequeue(out object? unit))
        {
            if (unit is Group group)
            {
                group.Build(map, value => roots.Contains(value) || users[value].Any(user => UnitOf(user) != group));
            }
            else
            {
                var node = (Apply)unit;
                Apply same = node.With([.. node.Inputs.Select(input => map.GetValueOrDefault(input, input))]);
                foreach ((Result old, Result made) in node.Outputs.Zip(same.Outputs))
                {
                    map[old] = made;
                }
            }

            foreach (object next in waiting.GetValueOrDefault(unit) ?? [])
            {
                if (missing[next].Remove(unit) && missing[next].Count == 0)
                {
                    ready.Enqueue(next);
                }
            }
        }

        return _graph.WithRoots([.. _graph.Roots.Select(root => map.GetValueOrDefault(root, root))]);
    }

    private object UnitOf(Apply node) =>
        _groupOf.TryGetValue(node, out Group? group) && group.IsWorthwhile ? group : node;

    /// <summary>Represents an op that may belong to a group: a reduction or a composite, and its inputs.</summary>
    private sealed record Member(Apply Node, Op Op, Variable[] Inputs, Shape Shape, DType DType)
    {
        public static Member? Of(Apply node)
        {
            if (node.Op is IReduce reduce)
            {
                (Shape shape, DType dtype) = reduce.Elements is { } elements
                    ? (elements.Shape, elements.DType)
                    : (node.Inputs[0].Shape, node.Inputs[0].DType);
                return dtype.IsFloat() && !node.IsView ? new(node, node.Op, [.. node.Inputs], shape, dtype) : null;
            }

            return FuseGroup.Of(node) is { Composite: var composite, Inputs: var inputs } && composite.DType.IsFloat()
                    && !composite.Outputs.Any(output => composite.TypeOf(output).IsHalf())
                ? new(node, composite, inputs, composite.Shape, composite.DType)
                : null;
        }
    }

    /// <summary>Represents ops that process the same rows, in one dtype.</summary>
    private sealed class Group(Shape shape, DType dtype)
    {
        private readonly List<Member> _members = [];
        private readonly HashSet<Group> _needs = [];
        private readonly HashSet<Variable> _made = [];

        // The axes along which the rows lie; null until there is a reduction.
        private Shape? _axes;

        public Shape Shape => shape;

        /// <summary>Gets whether rows are read more than once, and joined at least once.</summary>
        public bool IsWorthwhile => _axes is not null && _members.Count(member => member.Shape == shape) > 1;

        public bool Takes(Member member) => _members.Count < MaxSteps && member.DType == dtype
            && (member.Op is IReduce reduce
                ? member.Shape == shape && (_axes is { } axes ? axes == reduce.Axes : AreRows(reduce.Axes))
                : member.Shape == shape
                    || (_axes is { } along && member.Shape == RowShape(along) && member.Inputs.Any(_made.Contains)));

        public void Add(Member member, IEnumerable<Group> needs)
        {
            _axes ??= (member.Op as IReduce)?.Axes;
            _members.Add(member);
            _made.UnionWith(member.Node.Outputs);
            _needs.UnionWith(needs.Where(need => need != this));
        }

        /// <summary>Returns whether another group must run before this one.</summary>
        public bool Needs(Group other)
        {
            var seen = new HashSet<Group>();
            var left = new Stack<Group>([this]);
            while (left.TryPop(out Group? group))
            {
                foreach (Group need in group._needs.Where(seen.Add))
                {
                    left.Push(need);
                }
            }

            return seen.Contains(other);
        }

        public void Build(Dictionary<Variable, Variable> map, Func<Variable, bool> isUsedOutside)
        {
            Variable[] inputs =
                [.. _members.SelectMany(member => member.Inputs).Where(input => !_made.Contains(input)).Distinct()];
            Result[] made = [.. _members.SelectMany(member => member.Node.Outputs)];
            var numbers = new Dictionary<Variable, int>();
            foreach (Variable value in inputs.Concat(made))
            {
                numbers.Add(value, numbers.Count);
            }

            Result[] results = [.. made.Where(result => isUsedOutside(result))];
            var op = new RowWise(
                shape, _axes!.Value, inputs.Length,
                [.. _members.Select(
                    member => new RowStep(member.Op, [.. member.Inputs.Select(input => numbers[input])]))],
                [.. results.Select(result => numbers[result])]);
            Variable[] mapped = [.. inputs.Select(input => map.GetValueOrDefault(input, input))];
            var apply = new Apply(op, mapped, _members[^1].Node.Origin);
            foreach ((Result old, Result result) in results.Zip(apply.Outputs))
            {
                result.Name = old.Name;
                map[old] = result;
            }
        }

        private Shape RowShape(Shape axes) => axes.Aggregate(shape, static (rows, axis) => rows.With(axis, 1));

        private bool AreRows(Shape axes)
        {
            Shape rows = RowShape(axes);
            if (shape.Count == 0 || rows.Count < MinRows || shape.Count / rows.Count > MaxRowElements)
            {
                return false;
            }

            // Rows that are not contiguous are processed faster in memory order.
            (int[] dimensions, int[][] strides) = Broadcasting.Loops(shape, [rows]);
            return strides[0][^1] == 0 && dimensions[^1] >= MinRun && !strides[0].AsSpan(..^1).Contains(0);
        }
    }
}
