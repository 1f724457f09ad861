using System.Diagnostics.CodeAnalysis;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Fuses element-wise ops of one shape to composites, which read and write memory once. A composite that only a
/// reduction uses is fused to that reduction, which then computes its elements while it joins them. A composite that
/// reads the result of a convolution or, on GPUs, of a product or reduction becomes the epilogue of that op's kernel.
/// </summary>
/// <remarks>
/// The ops are visited from the last to the first and assigned to groups, which are numbered in order of creation: a
/// group with a higher number runs before one with a lower number. Among the groups that use an op, the one that runs
/// first takes it, if that group is element-wise and has the op's shape. All other users run later, so that no op moves
/// behind its use and no two groups wait for each other. This visits each edge of the graph once. An op with several
/// outputs may have a group for each; groups that would have run later join the first one, if all that they read is
/// available by then.
/// </remarks>
internal sealed class Fuse
{
    private readonly List<FuseGroup> _groups = [];

    // The first and the last to run of the groups that use each value.
    private readonly Dictionary<Variable, (FuseGroup First, FuseGroup Last)> _users = [];
    private readonly Dictionary<Apply, FuseGroup> _groupOf = [];
    private readonly HashSet<Variable> _roots;
    private readonly Dictionary<Variable, Variable> _map = [];
    private readonly bool _isGpu;

    private Fuse(FunctionGraph graph, bool isGpu)
    {
        _roots = [.. graph.Roots];
        _isGpu = isGpu;
    }

    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        var fuse = new Fuse(graph, device.IsGpu);
        fuse.Deal(Traversal.Order(graph.Roots, static (node, input) => node.Op.Reads(input)));
        fuse.FindElements();
        for (int g = fuse._groups.Count - 1; g >= 0; g--)
        {
            fuse.Build(fuse._groups[g]);
        }

        return graph.WithRoots([.. graph.Roots.Select(fuse.Mapped)]);
    }

    private void Deal(IReadOnlyList<Apply> nodes)
    {
        foreach (Apply node in nodes.Reverse())
        {
            if (TryAbsorb(node))
            {
                continue;
            }

            FuseGroup? group = node.Outputs.Count == 1 && _users.TryGetValue(node.Outputs[0], out var users)
                ? users.First
                : null;
            if (group?.TryAdd(node) != true && !TryAnchor(node, out group))
            {
                group = new FuseGroup(_groups.Count, node);
                _groups.Add(group);
                if (TakesEpilogues(node))
                {
                    AddOthers(group, node, UsesOf(node));
                }
            }

            _groupOf.Add(node, group);
            Use(node.Inputs.Where((_, input) => node.Op.Reads(input)), group);
        }
    }

    private void Use(IEnumerable<Variable> variables, FuseGroup group)
    {
        foreach (Variable used in variables)
        {
            (FuseGroup first, FuseGroup last) = _users.GetValueOrDefault(used, (group, group));
            _users[used] = (
                group.Number > first.Number ? group : first,
                group.Number < last.Number ? group : last);
        }
    }

    /// <summary>
    /// Skips a view of an op that may become the anchor of the only group that uses the view: element by element, the
    /// view and the op's result are the same.
    /// </summary>
    private bool TryAbsorb(Apply node)
    {
        if (!node.Op.IsView([.. node.Inputs.Select(input => input.Type)])
            || _roots.Contains(node.Outputs[0]) || _roots.Contains(node.Inputs[0])
            || node.Inputs[0] is not Result { Owner: var maker } viewed || !TakesEpilogues(maker)
            || _users.ContainsKey(viewed)
            || !_users.TryGetValue(node.Outputs[0], out var users) || users.First != users.Last
            || !users.First.CanBeginWith(node.Outputs[0]))
        {
            return false;
        }

        users.First.LookThrough(node);
        Use([viewed], users.First);
        return true;
    }

    private bool TakesEpilogues(Apply node) => !_isGpu
        ? node.Op is ICpuEpilogueOp
        : node.Op is ICudaEpilogueOp op && op.TakesEpilogues(new CudaStepTypes(
            [.. node.Inputs.Select(input => new OperandType(input.DType, input.Shape))],
            [.. node.Outputs.Select(output => new OperandType(output.DType, output.Shape))]));

    /// <summary>Makes an op the anchor of the first groups that use its outputs.</summary>
    private bool TryAnchor(Apply node, [NotNullWhen(true)] out FuseGroup? group)
    {
        (Variable Output, FuseGroup User)[] uses = UsesOf(node);
        FuseGroup? first = uses.FirstOrDefault().User;
        group = first;
        if (first is null || !TakesEpilogues(node) || !first.CanBeginWith(uses[0].Output))
        {
            return false;
        }

        // On the CPU an epilogue stores its results, which a reduction need not do.
        if (!_isGpu && first.Results.Any(result =>
            _users.TryGetValue(result, out var users) && MakesElements(first, result, users.First)))
        {
            return false;
        }

        first.Anchor = node;
        AddOthers(first, node, uses[1..]);
        return true;
    }

    /// <summary>Returns the first groups that use an op's outputs, in the order in which they run.</summary>
    private (Variable Output, FuseGroup User)[] UsesOf(Apply node) => [.. node.Outputs
        .Where(_users.ContainsKey)
        .Select(output => ((Variable)output, _users[output].First))
        .OrderByDescending(use => use.First.Number)];

    /// <summary>Makes groups that only wait for an op's outputs parts of the group that runs it.</summary>
    private void AddOthers(FuseGroup group, Apply node, (Variable Output, FuseGroup User)[] uses)
    {
        foreach ((Variable output, FuseGroup later) in uses)
        {
            if (later != group && later.CanBeginWith(output)
                && later.Operands.All(operand => node.Outputs.Contains(operand) || IsThereBefore(operand, group)))
            {
                group.Anchor = node;
                group.Others.Add(later);
                later.IsPart = true;
                Use(later.Operands, group);
            }
        }
    }

    /// <summary>
    /// Returns whether a value is available when a group runs: no op computes it, or an op that is not yet assigned.
    /// </summary>
    private bool IsThereBefore(Variable variable, FuseGroup group) => variable is not Result { Owner: var owner }
        || !_groupOf.TryGetValue(owner, out FuseGroup? maker) || maker.Number > group.Number;

    /// <summary>Finds the groups that compute only the elements of a reduction.</summary>
    private void FindElements()
    {
        foreach (FuseGroup group in _groups)
        {
            Apply first = group.Anchor ?? group.Nodes[^1];
            if (first.Op is IReduce && first.Inputs[0] is Result { Owner: var maker } reduced
                && _groupOf.TryGetValue(maker, out FuseGroup? makers) && MakesElements(makers, reduced, group))
            {
                group.Elements = makers;
                makers.IsPart = true;
            }
        }
    }

    /// <summary>
    /// Returns whether a group computes only the elements of a reduction, which can compute them itself.
    /// </summary>
    private bool MakesElements(FuseGroup makers, Variable reduced, FuseGroup group) =>
        (group.Anchor ?? group.Nodes[^1]) is { Op: IReduce reduce } first && first.Inputs[0] == reduced
        && (_isGpu || reduce.JoinsLongRuns(reduced.Type))
        && !first.Op.IsView([.. first.Inputs.Select(input => input.Type)])
        && makers.ComputesNothingBut(reduced) && !_roots.Contains(reduced)
        && _users[reduced] is var users && users.First == group && users.Last == group
        && makers.Results.All(result => result == reduced || !IsUsedOutside(result, [makers]));

    private void Build(FuseGroup group)
    {
        if (group.IsPart)
        {
            return;
        }

        if (group.Anchor is { } anchor)
        {
            BuildWithEpilogues(group, anchor);
            return;
        }

        if (group.Nodes.Count == 1)
        {
            Apply node = WithElements(group.Nodes[0], group);
            Apply same = node.With([.. node.Inputs.Select(input => Viewed(group.Behind(input), group))]);
            Map(group.Nodes[0].Outputs, same.Outputs);
            return;
        }

        Variable[] outputs = [.. group.Results.Where(output => IsUsedOutside(output, [group]))];
        (Composite composite, Variable[] inputs) = group.Compose(outputs, null);
        var apply = new Apply(composite, [.. inputs.Select(input => Viewed(input, group))], group.Nodes[0].Origin);
        Map(outputs, apply.Outputs);
    }

    /// <summary>
    /// Returns a group's reduction with the composite that computes its elements, applied to the composite's inputs.
    /// </summary>
    private static Apply WithElements(Apply node, FuseGroup group)
    {
        if (group.Elements is not { } makers)
        {
            return node;
        }

        (Composite composite, Variable[] inputs) = makers.Compose([node.Inputs[0]], null);
        return new Apply(((IReduce)node.Op).Of(composite), inputs, node.Origin);
    }

    private void BuildWithEpilogues(FuseGroup group, Apply anchor)
    {
        FuseGroup[] groups = [group, .. group.Others];
        var epilogues = new Composite?[anchor.Outputs.Count];
        Apply first = WithElements(anchor, group);
        List<Variable> inputs = [.. first.Inputs], outputs = [];
        foreach (Result result in anchor.Outputs)
        {
            if (groups.FirstOrDefault(each => each.Operands.Contains(result)) is not { } user)
            {
                outputs.Add(result);
                continue;
            }

            Variable[] own = [.. user.Results.Append(result).Where(output => IsUsedOutside(output, groups))];
            if (own.All(output => output.DType != result.DType)
                && !(_isGpu && ((ICudaEpilogueOp)anchor.Op).MayStoreNothing
                    && own.Any(output => output.DType.IsHalf())))
            {
                // The kernel must store an output of its own type.
                own = [.. own, result];
            }

            (Composite composite, Variable[] read) = user.Compose(own, result);
            epilogues[result.Index] = composite;
            inputs.AddRange(read[1..]);
            outputs.AddRange(own);
        }

        TensorType[] results = [.. anchor.Outputs.Select(output => output.Type)];
        var op = new WithEpilogues(first.Op, first.Inputs.Count, results, epilogues) { IsInPlace = !_isGpu };
        Map(outputs, new Apply(op, [.. inputs.Select(Mapped)], anchor.Origin).Outputs);
    }

    private void Map(IEnumerable<Variable> variables, IEnumerable<Result> results)
    {
        foreach ((Variable variable, Result result) in variables.Zip(results))
        {
            result.Name = variable.Name;
            _map[variable] = result;
        }
    }

    private bool IsUsedOutside(Variable variable, FuseGroup[] groups) => _roots.Contains(variable)
        || (_users.TryGetValue(variable, out var users)
            && (!groups.Contains(users.First) || !groups.Contains(users.Last)));

    /// <summary>Returns the replacement of an input of a group, which may have skipped a view of it.</summary>
    private Variable Viewed(Variable input, FuseGroup group) => group.Views.TryGetValue(input, out Apply? view)
        ? view.With([Mapped(input), .. view.Inputs.Skip(1)]).Outputs[0]
        : Mapped(input);

    private Variable Mapped(Variable variable) => _map.GetValueOrDefault(variable, variable);
}

/// <summary>Represents ops that run together: element-wise ops of one shape, or a single op of another kind.</summary>
internal sealed class FuseGroup
{
    /// <summary>
    /// The maximum number of layouts of inputs, except whole ones and single numbers, that CUDA's kernel supports.
    /// </summary>
    private const int MaxLayouts = 3;

    private readonly DType? _dtype;
    private readonly HashSet<Variable> _inputs = [];

    public FuseGroup(int number, Apply first)
    {
        Number = number;
        _dtype = ComputedIn(first);
        _inputs.UnionWith(OperandsOf(first));
        Nodes.Add(first);
    }

    public int Number { get; }

    /// <summary>Gets the ops, from the last to run to the first.</summary>
    public List<Apply> Nodes { get; } = [];

    /// <summary>Gets or sets the anchor, for whose kernel the group is an epilogue.</summary>
    public Apply? Anchor { get; set; }

    /// <summary>Gets the groups that are epilogues of the anchor's other outputs.</summary>
    public List<FuseGroup> Others { get; } = [];

    /// <summary>Gets or sets the group that computes the elements of this group's reduction or anchor.</summary>
    public FuseGroup? Elements { get; set; }

    /// <summary>
    /// Gets or sets whether another group computes this one: as one of its other epilogues, or as its elements.
    /// </summary>
    public bool IsPart { get; set; }

    /// <summary>Gets the views that the group skips, with the variables that they show as keys.</summary>
    public Dictionary<Variable, Apply> Views { get; } = [];

    /// <summary>Gets the results of the ops.</summary>
    public IEnumerable<Variable> Results => Nodes.Select(node => node.Outputs[0]);

    /// <summary>Gets the variables that the group reads.</summary>
    public IReadOnlyCollection<Variable> Operands => _inputs;

    private Shape Shape => Nodes[0].Outputs[0].Shape;

    /// <summary>Returns whether the group may be an epilogue of the op that computes a value.</summary>
    public bool CanBeginWith(Variable value) => _dtype == value.DType && Anchor is null && !IsPart
        && Shape.Count == value.Shape.Count && _inputs.Contains(value) && Results.Any(result => result.DType == _dtype);

    /// <summary>Returns whether the group is element-wise and computes a value in its own dtype.</summary>
    public bool ComputesNothingBut(Variable value) => _dtype == value.DType && Anchor is null && !IsPart
        && Others.Count == 0 && Views.Count == 0 && Results.Contains(value);

    /// <summary>Replaces a view, as an input of the group, by the variable that it shows.</summary>
    public void LookThrough(Apply view)
    {
        _inputs.Remove(view.Outputs[0]);
        _inputs.Add(view.Inputs[0]);
        Views.Add(view.Inputs[0], view);
    }

    /// <summary>
    /// Returns the variable that the group reads instead of a view; other variables are returned unchanged.
    /// </summary>
    public Variable Behind(Variable variable) =>
        variable is Result { Owner: var owner } && Views.ContainsValue(owner) ? owner.Inputs[0] : variable;

    /// <summary>Adds an op whose value the group uses, if it fits.</summary>
    public bool TryAdd(Apply node)
    {
        if (_dtype is null || ComputedIn(node) != _dtype || node.Outputs[0].Shape != Shape
            || Nodes.Count >= Composite.MaxTerms || !_inputs.Contains(node.Outputs[0]))
        {
            return false;
        }

        Variable[] more = [.. OperandsOf(node).Where(operand => !_inputs.Contains(operand))];
        if (_inputs.Count - 1 + more.Length > Composite.MaxInputs)
        {
            return false;
        }

        int layouts = _inputs.Concat(more).Select(input => input.Shape)
            .Where(shape => shape.Count != 1 && shape.Count != Shape.Count)
            .Distinct().Count();
        if (layouts > MaxLayouts)
        {
            return false;
        }

        _inputs.Remove(node.Outputs[0]);
        _inputs.UnionWith(more);
        Nodes.Add(node);
        return true;
    }

    /// <summary>Returns an op as a composite, with its inputs; null for an op that is not element-wise.</summary>
    public static (Composite Composite, Variable[] Inputs)? Of(Apply node) =>
        node.Op is Composite composite ? (composite, [.. node.Inputs])
        : node.Op is Elementwise ? new FuseGroup(0, node).Compose([node.Outputs[0]], null)
        : null;

    /// <summary>Returns the composite that computes the outputs, and its inputs.</summary>
    /// <param name="outputs">The results that are used elsewhere.</param>
    /// <param name="first">The variable that must be the first input; null if the order does not matter.</param>
    public (Composite Composite, Variable[] Inputs) Compose(Variable[] outputs, Variable? first)
    {
        Constant[] constants =
            [.. _inputs.OfType<Constant>().Where(constant => constant is { Rank: 0, Number: not null })];
        Variable[] inputs = [.. _inputs.Except(constants).OrderBy(input => input != first).ThenBy(input => input.Id)];
        var numbers = new Dictionary<Variable, int>();
        foreach (Variable value in inputs.Concat(constants))
        {
            numbers.Add(value, numbers.Count);
        }

        int firstTerm = numbers.Count;
        var terms = new List<Term>();
        foreach (Apply node in Nodes.Reverse<Apply>())
        {
            int[] operands = [.. OperandsOf(node).Select(operand => numbers[Behind(operand)])];
            ElementRow? row = node.Op switch
            {
                Elementwise elementwise => elementwise.Row,
                Cast { To: var to } when to.IsHalf() => ElementRow.ToHalf(to),
                Cast when operands[0] >= firstTerm =>
                    terms[operands[0] - firstTerm].Row.GivesMask ? ElementRow.FromMask : ElementRow.FromHalf,
                _ => null,
            };

            // An op that only converts or broadcasts an input is not a term, because the composite reads inputs this
            // way.
            if (row is not null)
            {
                terms.Add(Term.Of(row, operands));
            }

            numbers[node.Outputs[0]] = row is null ? operands[0] : firstTerm + terms.Count - 1;
        }

        var composite = new Composite(
            Shape,
            _dtype!.Value,
            inputs.Length,
            [.. constants.Select(constant => constant.Number!.Value)],
            [.. terms],
            [.. outputs.Select(output => numbers[output])]);
        return (composite, inputs);
    }

    /// <summary>Returns the dtype in which an op computes; null if it cannot be a term of a composite.</summary>
    private static DType? ComputedIn(Apply node) => node.Op switch
    {
        Elementwise => node.Inputs[0].DType,
        Cast { To: var to } when to.IsHalf() => node.Inputs[0].DType is DType.Float32 or DType.Float64
            ? node.Inputs[0].DType
            : null,
        Cast or BroadcastLike when node.Outputs[0].DType.Computes() == node.Outputs[0].DType
            && !node.Op.IsView([.. node.Inputs.Select(input => input.Type)]) => node.Outputs[0].DType,
        _ => null,
    };

    private static IEnumerable<Variable> OperandsOf(Apply node) =>
        node.Inputs.Where((_, input) => node.Op.Reads(input));
}
