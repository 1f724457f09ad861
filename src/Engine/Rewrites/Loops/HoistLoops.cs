using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// Moves computations out of loops that need not be done step by step. These are values that are the same at every
/// step, and matrix products that do not depend on earlier steps: they become one large product for all steps. It also
/// moves products that nothing in the loop waits for, and sums of products over all steps, such as the gradients of
/// weights.
/// </summary>
internal sealed class HoistLoops
{
    private readonly Scan _scan;
    private readonly Apply _node;
    private readonly LoopDraft _draft;
    private readonly int _count;
    private readonly IReadOnlyList<Apply> _order;
    private readonly Dictionary<Variable, int> _uses;

    // The outer variables of inner variables that are the same at every step.
    private readonly Dictionary<Variable, Variable> _same = [];

    // The replacements of inner variables.
    private readonly Dictionary<Variable, Variable> _map = [];

    // The replacements of the loop's outputs, which depend on the new loop.
    private readonly Func<Apply, Variable>[] _outputs;

    // The numbers of 16 bits as float32 that products read as they are stored (ReadHalves). Outside, they would remain
    // float32.
    private readonly HashSet<Variable> _readAsStored = [];
    private readonly bool _readsHalves;

    private HoistLoops(Scan scan, Apply node, bool readsHalves)
    {
        (_scan, _node) = (scan, node);
        _draft = new LoopDraft(scan, node);
        _count = scan.Count([.. node.Inputs.Select(input => input.Type)]);
        _order = Traversal.Order(scan.Body.Outputs, static (inner, input) => inner.Op.Reads(input));
        _uses = scan.Body.Outputs.Concat(_order.SelectMany(inner => inner.Inputs))
            .GroupBy(variable => variable).ToDictionary(same => same.Key, same => same.Count());
        _outputs = [.. node.Outputs.Select((_, output) => (Func<Apply, Variable>)(made => made.Outputs[output]))];
        _readsHalves = readsHalves;
    }

    public static FunctionGraph Apply(FunctionGraph graph, bool readsHalves)
    {
        var map = new Dictionary<Variable, Variable>();
        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            Apply same = node.With([.. node.Inputs.Select(input => map.GetValueOrDefault(input, input))]);
            IReadOnlyList<Variable> outputs = same.Outputs;
            if (same.Op is Scan scan)
            {
                using Origin.Scope scope = Origin.Use(node.Origin);
                outputs = new HoistLoops(scan, same, readsHalves).Apply();
            }

            foreach (Result output in node.Outputs)
            {
                map[output] = outputs[output.Index];
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(root => map.GetValueOrDefault(root, root))]);
    }

    private Variable[] Apply()
    {
        for (int i = 0; i < _scan.StepReads.Count; i++)
        {
            if (_scan.StepReads[i].Source == LoopSource.Whole)
            {
                _same[_scan.Body.Inputs[i]] = _node.Inputs[_scan.StepReads[i].From];
            }
        }

        if (_readsHalves)
        {
            KeepStored();
        }

        foreach (Apply inner in _order)
        {
            HoistSame(inner);
            HoistProduct(inner);
        }

        for (int output = 0; output < _outputs.Length; output++)
        {
            SinkSum(output);
            SinkProduct(output);
        }

        _draft.Replace(_map);
        Apply made = _draft.Apply();
        return [.. _outputs.Select(output => output(made))];
    }

    /// <summary>
    /// Computes a value that is the same at every step outside; views of it, and factors of 16 bits as float32, are
    /// created outside and inside.
    /// </summary>
    private void HoistSame(Apply inner)
    {
        if (inner.Op is IOuterOp or { HasEffect: true } || !inner.Inputs.All(IsSame)
            || inner.Inputs.All(input => input is Constant or ShapeOnly))
        {
            return;
        }

        Apply outside = inner.With([.. inner.Inputs.Select(Outside)]);
        foreach (Result output in inner.Outputs)
        {
            _same[output] = outside.Outputs[output.Index];
            if (!inner.IsView && !_readAsStored.Contains(output))
            {
                _map[output] = _draft.Read(
                    output.Type, new LoopRead(LoopSource.Whole, _draft.Input(_same[output])), output.Name);
            }
        }
    }

    /// <summary>Converts factors of products of 16 bits inside, so that the products read them as they are.</summary>
    private void KeepStored()
    {
        _readAsStored.UnionWith(_order.Where(IsOfHalves).SelectMany(inner => inner.Inputs));
        _readAsStored.ExceptWith(
            _order.Where(inner => !IsOfHalves(inner)).SelectMany(inner => inner.Inputs).Concat(_scan.Body.Outputs));
        foreach (Variable factor in _readAsStored.Where(_same.ContainsKey))
        {
            _ = Match.Is(_same[factor], out Cast? cast, out Apply? outside);
            Variable stored = outside!.Inputs[0];
            _map[factor] = cast!.Call(
                _draft.Read(stored.Type, new LoopRead(LoopSource.Whole, _draft.Input(stored)), stored.Name));
        }
    }

    /// <summary>Returns whether an op is a product of numbers of 16 bits of one type.</summary>
    private bool IsOfHalves(Apply inner) => inner.Op is Dot or BatchedDot
        && inner.Inputs.Select(StoredAs).Distinct().ToArray() is [{ } dtype] && dtype.IsHalf();

    private DType? StoredAs(Variable factor) =>
        Match.Is(Outside(factor), out Cast? _, out Apply? cast) ? cast.Inputs[0].DType : null;

    /// <summary>
    /// Replaces the product of each row with a value that is the same for all rows by the product of all rows.
    /// </summary>
    private void HoistProduct(Apply inner)
    {
        if (inner.Op is not Dot { TransposeA: false } dot || !IsSame(inner.Inputs[1])
            || Rows(inner.Inputs[0]) is not { } read || read.Before >= 0)
        {
            return;
        }

        Variable rows = _draft.Inputs[read.From];
        Variable products = Product(dot, rows, rows.Shape[0], inner.Inputs[0], inner.Inputs[1], inner.Outputs[0]);
        _map[inner.Outputs[0]] = _draft.Read(
            inner.Outputs[0].Type, read with { From = _draft.Input(products) }, inner.Outputs[0].Name);
    }

    /// <summary>
    /// Moves a product with a value that is the same at every step behind the loop, if all its rows are outputs and
    /// nothing else uses it.
    /// </summary>
    private void SinkProduct(int output)
    {
        LoopWrite write = _scan.StepWrites[output];
        Variable seen = Match.Seen(_scan.Body.Outputs[output]);
        if (!IsPlain(write) || IsState(output) || _scan.Until == output
            || !Match.Is(seen, out Dot? dot, out Apply? inner)
            || dot.TransposeA || !IsSame(inner.Inputs[1]) || _map.ContainsKey(seen) || IsSame(inner.Inputs[0])
            || !IsOnlyFor(_scan.Body.Outputs[output], seen))
        {
            return;
        }

        int factor = Rows(inner.Inputs[0], write with { Like = -1 });
        Shape shape = _node.Outputs[output].Shape;
        _outputs[output] = made => Match.Under(shape, Product(
            dot, made.Outputs[factor], _count, inner.Inputs[0], inner.Inputs[1], inner.Outputs[0]));
    }

    /// <summary>
    /// Replaces a carried sum of one product per step by its initial value plus one product of all rows.
    /// </summary>
    private void SinkSum(int output)
    {
        int state = _draft.Reads.FindIndex(read => read.Source == LoopSource.Carried && read.From == output);
        if (state < 0)
        {
            return;
        }

        Input carried = _scan.Body.Inputs[state];
        var others = new List<Variable>();
        var products = new List<Apply>();
        int found = 0;
        var terms = new Stack<Variable>([_scan.Body.Outputs[output]]);
        while (terms.TryPop(out Variable? term))
        {
            if (term == carried)
            {
                found++;
            }
            else if (_uses[term] == 1 && Match.Is<Add>(term, out Variable? a, out Variable? b)
                && a.Shape == b.Shape)
            {
                terms.Push(b);
                terms.Push(a);
            }
            else if (_uses[term] == 1 && Match.Is(term, out Dot? dot, out Apply? product)
                && dot is { TransposeA: true, TransposeB: false })
            {
                products.Add(product);
            }
            else
            {
                others.Add(term);
            }
        }

        if (found != 1 || _uses[carried] != 1 || products.Count == 0)
        {
            return;
        }

        // The loop keeps adding the other terms.
        Variable first = _node.Inputs[_scan.StepReads[state].Before];
        bool isAll = others.Count == 0;
        if (!isAll)
        {
            _draft.Results[output] = others.Aggregate((Variable)carried, Match.Of<Add>);
        }

        (Func<Apply, Variable> A, Func<Apply, Variable> B)[] factors = [.. products.Select(Factors)];
        _outputs[output] = made =>
        {
            IEnumerable<Variable> sums = factors.Select(of => new Dot(true, false).Call(of.A(made), of.B(made)));
            return isAll && IsZero(first) ? sums.Aggregate(Match.Of<Add>)
                : sums.Aggregate(isAll ? first : made.Outputs[output], Match.Of<Add>);
        };
    }

    private static bool IsZero(Variable variable) => Match.Seen(variable) switch
    {
        Result { Owner: { Op: BroadcastLike } repeated } => Match.IsNumber(Match.Seen(repeated.Inputs[0]), 0),
        Constant constant => NdArray.From(constant.Value).Data.All(value => value == 0),
        _ => false,
    };

    /// <summary>Returns the factors of all steps, as two matrices with the same number of rows.</summary>
    private (Func<Apply, Variable> A, Func<Apply, Variable> B) Factors(Apply product)
    {
        // Rows that come from outside need not be copied, nor rows that other products keep in the same direction.
        LoopRead? a = Whole(product.Inputs[0]), b = Whole(product.Inputs[1]);
        LoopRead? direction = a ?? b ?? Rows(product.Inputs[0]) ?? Rows(product.Inputs[1]);
        bool backward = direction?.Backward ?? false;
        return (Factor(product.Inputs[0], a, backward), Factor(product.Inputs[1], b, backward));
    }

    private Func<Apply, Variable> Factor(Variable inner, LoopRead? read, bool backward)
    {
        Shape shape = [checked(_count * inner.Shape[0]), inner.Shape[1]];
        if (read is { } known && known.Backward == backward)
        {
            Variable rows = _draft.Inputs[known.From];
            return _ => Match.Under(shape, rows);
        }

        int factor = Rows(inner, new LoopWrite(HasRows: true, backward));
        return made => Match.Under(shape, made.Outputs[factor]);
    }

    /// <summary>Returns the index of the output with all values of a variable, which is added if necessary.</summary>
    private int Rows(Variable inner, LoopWrite write)
    {
        for (int output = 0; output < _draft.Results.Count; output++)
        {
            if (ReferenceEquals(_draft.Results[output], inner) && _draft.Writes[output] == write)
            {
                return output;
            }
        }

        return _draft.Write(inner, write);
    }

    /// <summary>Returns the product of all rows, given the factors and the result of one row's product.</summary>
    private Variable Product(Dot dot, Variable rows, int count, Variable a, Variable b, Variable product) =>
        Match.Under(
            [count, .. product.Shape.Dimensions],
            dot.Call(Match.Under([checked(count * a.Shape[0]), a.Shape[1]], rows), Outside(b)));

    /// <summary>Returns the rows of which a variable is a view; null if it is not such a view.</summary>
    private LoopRead? Rows(Variable variable)
    {
        Variable seen = Match.Seen(_map.GetValueOrDefault(variable, variable));
        int input = seen is Input given ? _draft.Given.ToList().IndexOf(given) : -1;
        return input >= 0 && _draft.Reads[input] is { Source: LoopSource.Row, From: >= 0 } read ? read : null;
    }

    /// <summary>Returns these rows, if the loop visits each row once and no others.</summary>
    private LoopRead? Whole(Variable variable) => Rows(variable) is { Before: < 0, Lag: 0 } read
        && _draft.Inputs[read.From].Shape[0] == _count ? read : null;

    /// <summary>Returns whether an output has exactly the rows of the loop.</summary>
    private bool IsPlain(LoopWrite write) => write is { HasRows: true, Lag: 0, IsBefore: false }
        && (write.Like < 0 || _node.Inputs[write.Like].Shape[0] == _count);

    private bool IsState(int output) => _scan.StepReads.Any(read =>
        read.From == output && read.Source is LoopSource.State or LoopSource.Carried);

    /// <summary>
    /// Returns whether a value is used only once, as an output, through views that are each used once.
    /// </summary>
    private bool IsOnlyFor(Variable output, Variable value)
    {
        for (Variable at = output; ; at = ((Result)at).Owner.Inputs[0])
        {
            if (_uses[at] != 1)
            {
                return false;
            }

            if (at == value)
            {
                return true;
            }
        }
    }

    private bool IsSame(Variable variable) => variable is Constant or ShapeOnly || _same.ContainsKey(variable);

    private Variable Outside(Variable variable) => _same.GetValueOrDefault(variable, variable);
}
