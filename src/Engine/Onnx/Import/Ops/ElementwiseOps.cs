using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports element-wise ops.</summary>
internal static class ElementwiseOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        Signed("Abs", Abs), Signed("Neg", Negate), Signed("Sign", Sign),
        One("Floor", Floor), One("Ceil", Ceiling), One("Round", Round), One("Sqrt", Sqrt), One("Exp", Exp), One(
            "Log", Log),
        One("Reciprocal", x => 1 / x), One("Sin", Sin), One("Cos", Cos), One("Tan", Tan), One("Asin", ArcSin), One(
            "Acos", ArcCos),
        One("Atan", ArcTan), One("Sinh", Sinh), One("Cosh", Cosh), One("Asinh", ArcSinh), One("Acosh", ArcCosh),
        One("Atanh", ArcTanh), One("Erf", Erf), One("Sigmoid", Sigmoid), One("Tanh", Tanh), One("Softplus", Softplus),
        One("Softsign", x => x / (Abs(x) + 1)), One("Mish", Mish),
        new("Relu", 6, Takes.Numbers, node => node.Same(Rectify(node.X(0)))),
        new("LeakyRelu", 6, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            return node.Same(Where(Less(x, 0), x * node.Float("alpha", 0.01), x));
        }),
        new("ThresholdedRelu", 10, Takes.Floats, node =>
        {
            Variable x = node.X(0);
            return node.Same(Where(Greater(x, node.Float("alpha", 1)), x, ZerosLike(x)));
        }),
        new("Elu", 6, Takes.Floats, node => node.Same(Exponential(node.X(0), node.Float("alpha", 1), 1))),
        new("Celu", 12, Takes.Floats, node =>
        {
            double alpha = node.Float("alpha", 1);
            return node.Same(Exponential(node.X(0), alpha, alpha));
        }),
        new("Selu", 6, Takes.Floats, node =>
        {
            double alpha = node.Float("alpha", 1.67326319217681884765625),
                gamma = node.Float("gamma", 1.05070102214813232421875);
            return node.Same(Exponential(node.X(0), alpha, 1) * gamma);
        }),
        new("HardSigmoid", 6, Takes.Floats, node => node.Same(
            Clip((node.X(0) * node.Float("alpha", 0.2f)) + node.Float("beta", 0.5), 0, 1))),
        new("HardSwish", 14, Takes.Floats, node => node.Same(node.X(0) * Clip((node.X(0) / 6) + 0.5, 0, 1))),
        new("Swish", 24, Takes.Floats, node => node.Same(node.X(0) * Sigmoid(node.X(0) * node.Float("alpha", 1)))),
        new("Gelu", 20, Takes.Floats, Gelu),
        new("Shrink", 9, Takes.Numbers, node =>
        {
            Variable x = Float(node);
            double bias = node.Float("bias", 0), lambda = node.Float("lambd", 0.5);
            return node.Same(Where(Less(x, -lambda), x + bias, Where(Greater(x, lambda), x - bias, ZerosLike(x))));
        }),
        new("PRelu", 6, Takes.Numbers, node =>
        {
            Variable x = node.X(0), slope = node.X(1);
            if (node.OpSet < 7 && slope.Rank == 1 && x.Rank > 1 && slope.Shape[0] != 1)
            {
                slope = Reshape(slope, [-1, .. Enumerable.Repeat(1, x.Rank - 2)]);
            }

            return node.Same(Where(Less(x, 0), x * slope, x));
        }),
        new("Clip", 6, Takes.Numbers, node =>
        {
            Variable x = node.X(0);
            if (node.OpSet < 11)
            {
                x = node.HasSetting("min") ? Maximum(x, node.Float("min", 0)) : x;
                return node.Same(node.HasSetting("max") ? Minimum(x, node.Float("max", 0)) : x);
            }

            x = node.Has(1) ? Maximum(x, node.X(1)) : x;
            return node.Same(node.Has(2) ? Minimum(x, node.X(2)) : x);
        }),
        Two("Add", Add), Two("Sub", Subtract), Two("Mul", Multiply),
        new("Div", 6, Takes.Numbers, node =>
        {
            (Variable a, Variable b) = Pair(node);
            return node.Same(node.Type.IsFloat() ? a / b : Quotient(a, b));
        }),
        new("Pow", 6, Takes.Numbers, Pow),
        new("Mod", 10, Takes.Numbers, Mod),
        Many("Max", Maximum), Many("Min", Minimum),
        Many("Sum", Add),
        new("Mean", 6, Takes.Floats, node =>
        {
            Variable[] all = node.All();
            return node.Same(all.Aggregate(Add) / all.Length);
        }),
    ];

    /// <summary>Returns an integer quotient rounded toward zero; IntDiv rounds down.</summary>
    public static Variable Quotient(Variable a, Variable b)
    {
        Variable down = IntDiv(a, b);
        return Where(And(Less(Xored(a, b), 0), NotEqual(down * b, a)), down + 1, down);
    }

    /// <summary>
    /// Returns the two operands of a node. Before version 7, the second was broadcast to the first from an axis on.
    /// </summary>
    public static (Variable A, Variable B) Pair(OnnxNode node)
    {
        Variable a = node.X(0), b = node.X(1);
        if (node.OpSet >= 7)
        {
            return (a, b);
        }

        node.Ignore("consumed_inputs");
        bool spreads = node.Flag("broadcast");
        int axis = node.Int("axis", a.Rank - b.Rank);
        axis = axis < 0 ? axis + a.Rank : axis;
        if (!spreads)
        {
            return a.Rank == b.Rank
                ? (a, b)
                : throw new EngineException($"its operands are {a.Type} and {b.Type}, without 'broadcast'");
        }

        int behind = a.Rank - axis - b.Rank;
        return behind >= 0
            ? (a, DimShuffle(b, [.. Enumerable.Range(0, b.Rank), .. Enumerable.Repeat(NewAxis, behind)]))
            : throw new EngineException($"{b.Type} does not lie within {a.Type} from axis {axis} on");
    }

    private static Variable Xored(Variable a, Variable b) => Sign(a) * Sign(b);

    private static Variable Exponential(Variable x, double factor, double scale) =>
        Where(Greater(x, 0), x, Expm1(Minimum(x, 0) / scale) * factor);

    private static Variable Float(OnnxNode node) => node.Type.IsFloat() ? node.X(0) : Cast(node.X(0), DType.Float64);

    private static OnnxOp One(string name, Func<Variable, Variable> op) => new(name, 6, Takes.Floats, node =>
    {
        node.Ignore("consumed_inputs");
        return node.Type.IsFloat()
            ? node.Same(op(node.X(0)))
            : throw new EngineException($"it is of {node.Type.Name()}, and {name} of floating-point numbers");
    });

    private static OnnxOp Signed(string name, Func<Variable, Variable> op) => new(name, 6, Takes.Numbers, node =>
    {
        node.Ignore("consumed_inputs");
        return node.Type == OnnxType.UInt8 && name != "Neg"
            ? node.Same(op(Cast(node.X(0), DType.Int32)))
            : node.Same(op(node.X(0)));
    });

    private static OnnxOp Two(string name, Func<Variable, Variable, Variable> op) => new(name, 6, Takes.Numbers, node =>
    {
        (Variable a, Variable b) = Pair(node);
        return node.Same(op(a, b));
    });

    private static OnnxOp Many(string name, Func<Variable, Variable, Variable> op) =>
        new(name, 6, Takes.Numbers, node =>
        {
            node.Ignore("consumed_inputs");
            return node.Same(node.All().Aggregate(op));
        });

    private static OnnxValue[] Gelu(OnnxNode node)
    {
        Variable x = node.X(0);
        return node.Text("approximate", "none") switch
        {
            "none" => node.Same(x * 0.5 * (Erf(x * Math.Sqrt(0.5)) + 1)),
            "tanh" => node.Same(x * 0.5 * (Tanh((x + (x * x * x * 0.044715)) * Math.Sqrt(2 / Math.PI)) + 1)),
            string other => throw new EngineException($"there is no approximation '{other}'"),
        };
    }

    /// <summary>Imports Pow. A power has the base's type, not the exponent's.</summary>
    private static OnnxValue[] Pow(OnnxNode node)
    {
        (Variable a, Variable b) = Pair(node);
        if (node.Type.IsFloat())
        {
            return node.Same(Power(a, Cast(b, a.DType)));
        }

        return node.Same(Trunc(Power(Cast(a, DType.Float64), Cast(b, DType.Float64))));
    }

    /// <summary>
    /// Imports Mod. The remainder has the divisor's sign, as Python's %, or with fmod the dividend's, as C's.
    /// </summary>
    private static OnnxValue[] Mod(OnnxNode node)
    {
        Variable a = node.X(0), b = node.X(1);
        if (!node.Flag("fmod"))
        {
            return node.Type.IsFloat()
                ? throw new EngineException("of floating-point numbers it must say fmod")
                : node.Same(Ops.Symbolic.Mod(a, b));
        }

        if (node.Type.IsFloat())
        {
            return node.Same(Where(Less(a, 0), -Ops.Symbolic.Mod(-a, Abs(b)), Ops.Symbolic.Mod(a, Abs(b))));
        }

        return node.Same(a - (b * Quotient(a, b)));
    }
}
