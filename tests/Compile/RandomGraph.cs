using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

/// <summary>
/// A random function in float64: inputs, shared variables, a mesh of ops over them, outputs and updates. It can compute
/// the expected results by evaluating the graph as written, op by op, by the ops' references.
/// </summary>
internal sealed class RandomGraph
{
    private const int MaxElements = 600;

    private readonly Random _random;
    private readonly double _scale;
    private readonly List<Variable> _pool = [];
    private readonly List<Input> _inputs = [];
    private readonly List<SharedVariable> _shared = [];
    // The variables with known dimensions that replace the graph's.
    private readonly Dictionary<Variable, Variable> _known = [];
    private readonly Dictionary<SharedVariable, NdArray> _state = [];
    private readonly SharedVariable _counter = Shared(Tensor.Scalar(0), "counter");

    /// <param name="seed">The number of the function.</param>
    /// <param name="scale">
    /// The magnitude of about half of its leaves; the others, and all if it is 1, are below 1.
    /// </param>
    public RandomGraph(int seed, double scale = 1)
    {
        _random = new Random(seed);
        _scale = scale;
        AddLeaves();
        for (int ops = _random.Next(5, 40); ops > 0; ops--)
        {
            foreach (Variable made in AnOp())
            {
                _pool.Add(made);
            }
        }

        Outputs = [.. Enumerable.Range(0, _random.Next(0, 5)).Select(_ => Pick())];
        var updates = new List<Update> { new(_counter, Subtract(Constant(1, DType.Int32), _counter)) };
        foreach (SharedVariable target in _shared.Where(_ => _random.Next(4) > 0))
        {
            updates.Add(new Update(target, NewValue(target)));
        }

        Updates = [.. updates.OrderBy(_ => _random.Next())];
        HashSet<Variable> used = [.. FunctionGraph.Leaves([.. Outputs, .. Updates.Select(update => update.Value)])];
        Inputs = [.. _inputs.Where(used.Contains)];
        foreach (SharedVariable shared in _shared.Append(_counter))
        {
            _state[shared] = NdArray.From(shared.GetValue());
        }
    }

    public IReadOnlyList<Input> Inputs { get; }

    public IReadOnlyList<Variable> Outputs { get; }

    public IReadOnlyList<Update> Updates { get; }

    /// <summary>The values of the shared variables after the runs so far.</summary>
    public IReadOnlyDictionary<SharedVariable, NdArray> State => _state;

    /// <summary>The largest value of the last run, as a measure for rounding errors.</summary>
    public double Largest { get; private set; }

    /// <summary>Returns values for the inputs.</summary>
    public Tensor[] Arguments() => [.. Inputs.Select(input => Draw(_known[input].Type))];

    /// <summary>Returns the outputs of one run, which updates the shared variables.</summary>
    public NdArray[] Run(Tensor[] arguments)
    {
        Dictionary<Variable, NdArray> values = Evaluate(arguments, noise: null);
        IEnumerable<double> elements = values.Values.SelectMany(value => value.Data);
        Largest = elements.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty().Max();
        foreach ((SharedVariable target, Variable value) in Updates)
        {
            _state[target] = values[value];
        }

        return [.. Outputs.Select(output => values[output])];
    }

    /// <summary>
    /// Returns the allowed error of each element of each output, because the function as written was rounded too: a
    /// multiple of the effect of small changes of all values. It is null if the graph as written leaves the range of
    /// float64.
    /// </summary>
    public NdArray?[] Tolerances(Tensor[] arguments)
    {
        const int Times = 4;
        const double Roundings = 64;
        Dictionary<Variable, NdArray> values = Evaluate(arguments, noise: null);
        NdArray?[] tolerances =
            [.. Outputs.Select(output => Leaves(output, values) ? null : new NdArray(values[output].Shape))];
        for (int time = 0; time < Times; time++)
        {
            Dictionary<Variable, NdArray> others = Evaluate(arguments, new Random(time));
            for (int output = 0; output < Outputs.Count; output++)
            {
                double[] of = values[Outputs[output]].Data, other = others[Outputs[output]].Data;
                for (int i = 0; i < of.Length && tolerances[output] is { } tolerance; i++)
                {
                    tolerance.Data[i] = Math.Max(tolerance.Data[i], Roundings * Math.Abs(of[i] - other[i]));
                }
            }
        }

        return tolerances;
    }

    /// <summary>
    /// Whether a value, or one that it depends on, has left the range of normal numbers or has vanished.
    /// </summary>
    private static bool Leaves(Variable output, Dictionary<Variable, NdArray> values)
    {
        return Traversal.Order([output]).Any(node => node.Outputs.Any(result =>
            values[result].Data.Any(IsBeyond)
            || (values[result].Data.Contains(0) && !node.Inputs.Any(input => values[input].Data.Contains(0)))));

        static bool IsBeyond(double value) => value != 0 && !(Math.Abs(value) is > 1e-290 and < 1e290);
    }

    /// <summary>Returns all values of a run; with noise, each is changed by about a rounding error.</summary>
    private Dictionary<Variable, NdArray> Evaluate(Tensor[] arguments, Random? noise)
    {
        var values = new Dictionary<Variable, NdArray>();
        foreach (Variable leaf in FunctionGraph.Leaves([.. Outputs, .. Updates.Select(update => update.Value)]))
        {
            values[leaf] = leaf switch
            {
                SharedVariable shared => _state[shared],
                Constant constant => NdArray.From(constant.Value),
                ShapeOnly shape => Unread(shape),
                _ => NdArray.From(arguments[Inputs.ToList().IndexOf((Input)leaf)]),
            };
            values[leaf] = Changed(values[leaf]);
        }

        foreach (Apply node in Traversal.Order([.. Outputs, .. Updates.Select(update => update.Value)]))
        {
            NdArray[] inputs = [.. node.Inputs.Select((input, i) => node.Op.Reads(i) ? values[input] : Unread(input))];
            NdArray[] outputs = ReferenceEvaluator.Of(node.Op, inputs, [.. node.Outputs.Select(TypeOf)]);
            foreach (Result output in node.Outputs)
            {
                values[output] = Changed(outputs[output.Index]);
            }
        }

        return values;

        NdArray Changed(NdArray value) => noise is null || !value.DType.IsFloat()
            ? value
            : new NdArray(
                value.Shape, [.. value.Data.Select(x => x * (1 + Math.ScaleB(noise.NextDouble() - 0.5, -50)))]);
    }

    /// <summary>Fails unless a function of this graph computes what the references do, with new inputs.</summary>
    public void RequireClose(Function function, int run)
    {
        Tensor[] arguments = Arguments();
        NdArray[] expected = Run(arguments);

        Tensor[] actual = function.Call(arguments);

        for (int i = 0; i < expected.Length; i++)
        {
            RequireClose(NdArray.From(actual[i]), expected[i], $"output {i} ({Outputs[i]}) of run {run}");
        }

        foreach ((SharedVariable shared, NdArray value) in State)
        {
            RequireClose(NdArray.From(shared.GetValue()), value, $"'{shared}' after run {run}");
        }
    }

    /// <summary>
    /// Fails unless two values are equal within the rounding errors of float64. If the graph as written gives no
    /// number, such as 0 / 0, a better one may.
    /// </summary>
    private void RequireClose(NdArray actual, NdArray expected, string what)
    {
        Assert.That(actual.Shape == expected.Shape, $"{what} has the shape {actual.Shape}, not {expected.Shape}");
        for (int i = 0; i < expected.Data.Length; i++)
        {
            (double a, double e) = (actual.Data[i], expected.Data[i]);
            bool isClose = double.IsNaN(e) || a.Equals(e) || Math.Abs(a - e) <= 1e-9 * Math.Max(1, Largest);
            Assert.That(isClose, $"{what}, element {i}: {a:R}, not {e:R}");
        }
    }

    private NdArray Unread(Variable variable)
    {
        var nothing = new NdArray(TypeOf(variable).Shape);
        Array.Fill(nothing.Data, double.NaN);
        return nothing;
    }

    private void AddLeaves()
    {
        int n = _random.Next(1, 5), m = _random.Next(1, 5), k = _random.Next(1, 4);
        Shape[] shapes = [[n, m], [n, m], [m], [n, 1], [k, n, m], Shape.Scalar, [2, 2, 4, 4], [m, n], [4, 1], [0, m]];
        foreach (Shape shape in shapes.OrderBy(_ => _random.Next()).Take(6))
        {
            var type = new TensorType(DType.Float64, shape);
            Shape declared = _random.Next(2) == 0 ? shape : Shape.OfRank(shape.Rank);
            for (int copies = _random.Next(1, 4); copies > 0; copies--)
            {
                Variable leaf = _random.Next(4) switch
                {
                    0 => new Input(type with { Shape = declared }, $"x{_inputs.Count}"),
                    1 => new Constant(Draw(type)),
                    _ => new SharedVariable(Draw(type), $"s{_shared.Count}"),
                };
                _known[leaf] = new Input(type);
                _pool.Add(leaf);
                switch (leaf)
                {
                    case Input input:
                        _inputs.Add(input);
                        break;
                    case SharedVariable shared:
                        _shared.Add(shared);
                        break;
                }
            }
        }
    }

    private Tensor Draw(TensorType type)
    {
        var values = new double[type.Shape.Count];
        double scale = _scale != 1 && _random.Next(2) == 0 ? _scale : 1;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = scale * ((_random.NextDouble() * 2) - 1);
        }

        return Tensor.From(values).Reshape(type.Shape.Dimensions);
    }

    private Variable[] AnOp()
    {
        Variable a = Pick(), b = Pick();
        Shape shape = TypeOf(a).Shape, other = TypeOf(b).Shape;
        int axis = shape.Rank == 0 ? -1 : _random.Next(shape.Rank);
        bool broadcasts = Broadcasts(shape, other);
        return _random.Next(30) switch
        {
            0 or 1 when broadcasts => [Add(a, b)],
            2 or 3 when broadcasts => [Multiply(a, b)],
            4 when broadcasts => [Subtract(b, a)],
            5 when broadcasts => [Where(Mask(shape, other), a, b)],
            6 => [Tanh(a)],
            7 => [Negate(a)],
            8 => [Reshape(a, [.. shape.Reverse()])],
            9 => [_random.Next(2) == 0 ? Reshape(a, [-1]) : Flatten(a, 1)],
            10 => [Transpose(a)],
            11 when shape.Rank < 4 => [DimShuffle(a, [NewAxis, .. Enumerable.Range(0, shape.Rank)])],
            12 when axis >= 0 && shape == other && 2 * shape.Count < MaxElements => [Concat(axis, a, b, a)],
            13 when axis >= 0 => [Sliced(a, shape, axis)],
            14 => [_random.Next(2) == 0 || axis < 0 ? Sum(a) : Sum(a, [axis], keepDims: _random.Next(2) == 0)],
            15 or 20 when shape.Rank == 2 && other.Rank == 2 && shape[1] == other[1] => [Dot(a, b, transposeB: true)],
            16 or 21 => Images(),
            17 when axis >= 0 && shape[0] > 1 => [_random.Next(2) == 0
                ? TakeRows(a, _counter, Constant(shape[0] - 1))
                : Gather(a, Constant(Tensor.From([shape[0] - 1, 0, 0])))],
            18 when axis >= 0 && shape[axis] > 1 =>
                [.. new Split(axis).Apply(a, Dimension(1), Dimension(shape[axis] - 1)).Outputs],
            19 => Gradient(a),
            >= 22 and < 28 => [.. RewritableGraph.Draw(_random, a, shape)
                .Where(made => TypeOf(made).Shape.Count < MaxElements)],
            >= 28 when axis >= 0 && shape[axis] > 1 => [Vocabulary(a, b, shape, axis)],
            _ => [],
        };

        Constant Dimension(int length) => new(new Tensor(DType.Float64, shape.With(axis, length)));
    }

    /// <summary>One op of each family that is made of other ops, or of an index expression.</summary>
    private Variable Vocabulary(Variable a, Variable b, Shape shape, int axis) => _random.Next(36) switch
    {
        0 => CumSum(a, axis),
        1 => Flip(a, [axis]),
        2 => Roll(a, _random.Next(-9, 9), axis),
        3 => a[[.. Enumerable.Repeat<AxisIndex>(.., axis), ^1]],
        4 => a[[.. Enumerable.Repeat<AxisIndex>(.., axis), (1.., -2)]],
        5 => SetSubtensor(a[[.. Enumerable.Repeat<AxisIndex>(.., axis), 1..]], 0.5),
        6 => IncSubtensor(a[[.. Enumerable.Repeat<AxisIndex>(.., axis), new[] { 0, -1, 0 }]], 0.25),
        7 => LogSumExp(a, [axis]),
        8 => Std(a, [axis], keepDims: true),
        9 => Erf(a) + ArcTan(a),
        10 => Where(GreaterOrEqual(ARange(DimensionOf(a, -1)), 1), a, 0),
        11 when shape.Rank > 1 => MatMul(a, SwapAxes(a, -1, -2)),
        12 when shape.Rank == 2 => Einsum("ij,kj->ik", a, a),
        13 => CumProd(Tanh(a), axis),
        14 => Sort(a, axis),
        15 => TopK(a, 1, axis, isSmallest: _random.Next(2) == 0).Values,
        16 => Prod(Tanh(a), [axis], keepDims: true),
        17 => Max(a, [axis], keepDims: true) - Min(a, [axis], keepDims: true),
        18 => Norm(a, 1, [axis]),
        19 => Norm(a + 2, 2, [axis], keepDims: true),
        20 => Pad(a, [.. Enumerable.Range(0, shape.Rank).Select(each => each == axis ? (1, 1) : (0, 0))], PadMode.Edge),
        21 => Repeat(a, 2, axis),
        22 when shape.Rank > 1 => Tril(a, -1) + Triu(a, 1),
        23 => TakeAlongAxis(a, Lines(shape.With(axis, 3), shape[axis]), axis),
        24 => Scatter(a, Lines(shape.With(axis, 2), shape[axis]),
            new Constant(Draw(new TensorType(DType.Float64, shape.With(axis, 2)))), axis, adds: true),
        25 when shape.Rank > 1 => Attention(Tanh(a), Tanh(a), a, isCausal: _random.Next(2) == 0),
        26 when shape[0] > 0 => Scan(step => Tanh(step[0] + (0.5 * step[1])), [a], [Sum(a, [0]) * 0.1])[0],
        27 when shape[0] > 0 => FoldL((row, sum) => (sum * 0.5) + row, a, Mean(a, [0])),
        28 => GammaLn(Abs(a) + 0.5) - Digamma(Abs(a) + 1),
        29 => IfElse(Constant(_random.Next(2)), Square(a), a * 3),
        30 => Huber(a, 0.5 * a, 0.7) + Gelu(a) + Softplus(a) + Mish(a),
        31 => Clip(a, ZerosLike(a) - 1, FullLike(a, 2)),
        32 => Stack(axis, a, a * 2),
        33 => Split(a, axis, 1, shape[axis] - 1)[1],
        34 when shape.Rank == 2 && shape.Count > 0 => LogSoftmax(Outer(a[.., 0], a[0])),
        35 when shape.Rank == 3 => BatchedDot(a, a, transposeB: true),
        _ => Softmax(a, axis) * Mean(b),
    };

    /// <summary>Places along an axis, some counted from the end.</summary>
    private Constant Lines(Shape shape, int dimension) =>
        new(Tensor.From([.. Enumerable.Range(0, (int)shape.Count).Select(_ => _random.Next(-dimension, dimension))])
            .Reshape(shape.Dimensions));

    /// <summary>
    /// Zeros and ones that broadcast with both shapes. They depend only on leaves: for computed values, a rounding
    /// error could change a comparison.
    /// </summary>
    private Variable Mask(Shape a, Shape b)
    {
        Variable[] leaves = [.. _pool.Where(x => x is not Result
            && Broadcasts(TypeOf(x).Shape, a) && Broadcasts(TypeOf(x).Shape, b))];
        Variable leaf = leaves.Length == 0 ? Constant(0.25, DType.Float64) : leaves[_random.Next(leaves.Length)];
        return Less(Constant(_random.NextDouble() - 0.5, DType.Float64), leaf);
    }

    private Variable Sliced(Variable x, Shape shape, int axis)
    {
        int dimension = shape[axis], start = _random.Next(dimension + 1), length = _random.Next(dimension - start + 1);
        bool fromEnd = start < dimension && _random.Next(2) == 0;
        return Slice(x, axis, fromEnd ? start - dimension : start, length);
    }

    /// <summary>
    /// Convolution and pooling, only of leaves: among computed values, a rounding error could change the maximum.
    /// </summary>
    private Variable[] Images()
    {
        Variable[] images = [.. _pool.Where(x => x is not Result && TypeOf(x).Shape.Rank == 4)];
        if (images.Length == 0)
        {
            return [];
        }

        Variable x = images[_random.Next(images.Length)];
        var w = new Constant(Draw(new TensorType(DType.Float64, [2, 2, 2, 3])));
        return _random.Next(3) switch
        {
            0 => [Conv2D(x, w, padding: (1, 1), bias: Slice(Flatten(w, 1), 0, 3, 2))],
            1 => [MaxPool2D(x, (2, 3), (1, 1))],
            _ => [AveragePool2D(x, (2, 2), padding: (1, 0))],
        };
    }

    private Variable[] Gradient(Variable x)
    {
        Variable cost = Sum(x);
        HashSet<Variable> leaves = [.. FunctionGraph.Leaves([cost])];
        Variable[] wrt = [.. _pool.Where(leaf => leaf is not Result && leaves.Contains(leaf)).Take(2)];
        try
        {
            return wrt.Length == 0 ? [] : [.. Grad(cost, wrt)];
        }
        catch (EngineException error)
            when (error.Message.Contains("does not depend") || error.Message.Contains("has no gradient"))
        {
            return [];
        }
    }

    private Variable NewValue(SharedVariable target)
    {
        Variable[] same = [.. _pool.Where(variable => TypeOf(variable) is var type
            && type.DType == target.DType && type.Shape == target.Shape && target.Shape.Admits(variable.Shape))];
        Variable value = same[_random.Next(same.Length)];
        return _random.Next(6) switch
        {
            0 => Multiply(Add(value, target), Constant(0.5)),
            2 when target.Rank > 0 => Gather(target, Backwards(target.Shape[0])),
            3 when target.Rank == 2 && target.Shape[0] == target.Shape[1] => Transpose(target),
            1 => Reshape(Tanh(Reshape(value, [.. target.Shape.Reverse()])), target.Shape),
            _ => value,
        };
    }

    private static Constant Backwards(int count) => Constant(Tensor.From([.. Enumerable.Range(0, count).Reverse()]));

    /// <summary>Picks a variable, preferably a recent one: graphs should be deep as well as wide.</summary>
    private Variable Pick() => _random.Next(2) == 0
        ? _pool[^_random.Next(1, Math.Min(_pool.Count, 8) + 1)]
        : _pool[_random.Next(_pool.Count)];

    private static bool Broadcasts(Shape a, Shape b)
    {
        long count = 1;
        for (int i = 1; i <= Math.Max(a.Rank, b.Rank); i++)
        {
            int left = i <= a.Rank ? a[-i] : 1, right = i <= b.Rank ? b[-i] : 1;
            if (left != right && left != 1 && right != 1)
            {
                return false;
            }

            count *= Math.Max(left, right);
        }

        return count <= MaxElements;
    }

    /// <summary>Returns the type with all dimensions known.</summary>
    private TensorType TypeOf(Variable variable)
    {
        if (!_known.ContainsKey(variable))
        {
            foreach (Apply node in Traversal.Order(
                [variable], (node, input) => !_known.ContainsKey(node.Inputs[input])))
            {
                Apply known = node.With([.. node.Inputs.Select(Known)]);
                foreach (Result output in node.Outputs)
                {
                    _known[output] = known.Outputs[output.Index];
                }
            }
        }

        return Known(variable).Type;

        Variable Known(Variable of) => _known.GetValueOrDefault(of, of);
    }
}
