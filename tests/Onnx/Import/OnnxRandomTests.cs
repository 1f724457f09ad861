using System.Globalization;
using System.Text;
using Engine.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Engine.Tests.Onnx;

/// <summary>
/// Nodes with random settings give ONNX Runtime's results or are refused: ONNX's own tests try each setting alone, and
/// rarely two together. Nodes that ONNX Runtime itself refuses are drawn again.
/// </summary>
public class OnnxRandomTests
{
    /// <summary>The number of nodes of each kind; ENGINE_ONNX_DRAWN sets a larger one.</summary>
    private static int Drawn =>
        int.TryParse(Environment.GetEnvironmentVariable("ENGINE_ONNX_DRAWN"), out int asked) ? asked : 40;

    private static IEnumerable<string> Kinds => s_kinds.Keys;

    /// <summary>A random node: its op, its settings, inputs that are fed and inputs that are known.</summary>
    private sealed record Draw(string Op, int OpSet, object[] Settings, float[][] Values, int[][] Shapes,
        long[]?[]? Known = null, int Outputs = 1);

    private static readonly Dictionary<string, Func<Random, Draw>> s_kinds = new()
    {
        ["AveragePool"] = random => Pool(random, "AveragePool", 22),
        ["MaxPool"] = random => Pool(random, "MaxPool", 12),
        ["LpPool"] = random => Pool(random, "LpPool", 18),
        ["Conv"] = random =>
        {
            int groups = random.Next(1, 3), channels = 2 * groups, rank = random.Next(1, 4);
            int[] size = Dimensions(random, rank, 1, 4);
            return new Draw(
                "Conv", 13, [.. Windows(random, rank, size), ("group", (long)groups)], [],
                [[2, channels, .. Dimensions(random, rank, 5, 9)], [2 * groups, 2, .. size], [2 * groups]]);
        },
        ["ConvTranspose"] = random =>
        {
            int groups = random.Next(1, 3), rank = random.Next(1, 3);
            int[] size = Dimensions(random, rank, 1, 4), stride = Dimensions(random, rank, 1, 4);
            List<object> settings = [("group", (long)groups), ("strides", Longs(stride)),
                ("dilations", Longs(Dimensions(random, rank, 1, 3)))];
            switch (random.Next(4))
            {
                case 0:
                    settings.Add(("pads", Longs(Dimensions(random, 2 * rank, 0, 2))));
                    break;
                case 1:
                    settings.Add(("output_padding", Longs([.. stride.Select(step => random.Next(step))])));
                    break;
                case 2:
                    settings.Add(("auto_pad", random.Next(2) == 0 ? "SAME_UPPER" : "SAME_LOWER"));
                    break;
            }

            return new Draw(
                "ConvTranspose", 13, [.. settings], [],
                [[2, 2 * groups, .. Dimensions(random, rank, 3, 6)], [2 * groups, 2, .. size], [2 * groups]]);
        },
        ["Resize"] = random =>
        {
            int[] from = [1, 2, random.Next(2, 7), random.Next(2, 7)],
                to = [1, 2, random.Next(1, 12), random.Next(1, 12)];
            string mode = One(random, "nearest", "linear", "cubic");
            List<object> settings =
            [
                ("mode", mode), ("coordinate_transformation_mode",
                    One(random, "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")),
            ];
            if (mode == "nearest")
            {
                settings.Add(("nearest_mode", One(random, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")));
            }

            if (mode == "cubic")
            {
                settings.AddRange(
                    [("cubic_coeff_a", random.Next(2) == 0 ? -0.5f : -0.75f),
                        ("exclude_outside", (long)random.Next(2))]);
            }

            return new Draw("Resize", 13, [.. settings], [], [from], [null, [], [], Longs(to)]);
        },
        ["Slice"] = random =>
        {
            int[] dimensions = Dimensions(random, 3, 2, 6);
            int count = random.Next(1, 4);
            long[] axes = [.. Enumerable.Range(0, 3).OrderBy(_ => random.Next()).Take(count)
                .Select(axis => (long)(random.Next(2) == 0 ? axis : axis - 3))];
            return new Draw(
                "Slice", 13, [], [], [dimensions],
                [null, Any(random, count, -8, 8), Any(random, count, -8, 8), axes,
                    [.. Any(random, count, 1, 4).Select(step => random.Next(3) == 0 ? -step : step)]]);
        },
        ["Pad"] = random => new Draw(
            "Pad", 13, [("mode", One(random, "constant", "edge", "reflect"))], [], [Dimensions(random, 3, 4, 6)],
            [null, Longs(Dimensions(random, 6, random.Next(3) == 0 ? -1 : 0, 3))]),
        ["Reduce"] = random => new Draw(
            One(random, "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
                "ReduceLogSumExp"), 13,
            [("keepdims", (long)random.Next(2)), ("axes", (long[])[random.Next(-3, 3)])], [],
            [Dimensions(random, 3, 1, 5)]),
        ["ReduceSum"] = random => new Draw(
            "ReduceSum", 13, [("keepdims", (long)random.Next(2)), ("noop_with_empty_axes", (long)random.Next(2))], [],
            [Dimensions(random, 3, 1, 5)],
            random.Next(3) == 0 ? null : [null, Any(random, random.Next(2), -3, 3)]),
        ["ArgMax"] = random => new Draw(
            One(random, "ArgMax", "ArgMin"), 13,
            [("axis", (long)random.Next(-3, 3)), ("keepdims", (long)random.Next(2)),
                ("select_last_index", (long)random.Next(2))],
            [Few(random, 60)], [[3, 4, 5]]),
        ["CumSum"] = random => new Draw(
            "CumSum", 14, [("exclusive", (long)random.Next(2)), ("reverse", (long)random.Next(2))], [],
            [Dimensions(random, 3, 1, 5)],
            [null, [random.Next(-3, 3)]]),
        ["TopK"] = random => new Draw(
            "TopK", 11, [("axis", (long)random.Next(-2, 2)), ("largest", (long)random.Next(2))], [Few(random, 30)],
            [[5, 6]], [null, [random.Next(1, 6)]], 2),
        ["Softmax"] = random => new Draw(
            One(random, "Softmax", "LogSoftmax", "Hardmax"), random.Next(2) == 0 ? 11 : 13,
            [("axis", (long)random.Next(-3, 3))], [], [Dimensions(random, 3, 1, 5)]),
        ["Gemm"] = random =>
        {
            bool a = random.Next(2) == 0, b = random.Next(2) == 0;
            return new Draw(
                "Gemm", 13,
                [("transA", a ? 1L : 0), ("transB", b ? 1L : 0), ("alpha", 0.5f), ("beta", random.Next(3) / 2f)], [],
                [a ? [4, 3] : [3, 4], b ? [5, 4] : [4, 5],
                    random.Next(3) switch { 0 => [5], 1 => [3, 1], _ => [3, 5] }]);
        },
        ["MatMul"] = random => new Draw(
            "MatMul", 13, [], [], random.Next(5) switch
            {
                0 => [[4], [4]],
                1 => [[4], [2, 4, 3]],
                2 => [[2, 3, 4], [4]],
                3 => [[2, 1, 3, 4], [5, 4, 2]],
                _ => [[3, 4], [2, 4, 3]],
            }),
        ["DepthToSpace"] = random =>
            new Draw("DepthToSpace", 13, [("blocksize", 2L), ("mode", One(random, "DCR", "CRD"))], [], [[2, 8, 2, 3]]),
        ["LRN"] = random => new Draw(
            "LRN", 13, [("size", (long)random.Next(1, 6)), ("alpha", 0.3f), ("beta", 0.6f), ("bias", 1.5f)], [],
            [[2, 5, 3, 3]]),
        ["InstanceNormalization"] =
            random => new Draw("InstanceNormalization", 13, [("epsilon", 0.01f)], [], [[2, 3, 4, 5], [3], [3]]),
        ["Split"] = random =>
        {
            int axis = random.Next(3), dimension = random.Next(3, 7), first = random.Next(1, dimension);
            int[] dimensions = [3, 3, 3];
            dimensions[axis] = dimension;
            return new Draw(
                "Split", 13, [("axis", (long)axis)], [], [dimensions], [null, [first, dimension - first]], 2);
        },
        ["Trilu"] = random =>
            new Draw("Trilu", 14, [("upper", (long)random.Next(2))], [], [[2, 4, 5]], [null, [random.Next(-5, 6)]]),
        ["Unary"] = random => new Draw(
            One(random, "Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Exp", "Reciprocal", "Sin", "Cos", "Tan",
                "Atan", "Sinh", "Cosh", "Asinh", "Erf",
                "Sigmoid", "Tanh", "Softplus", "Softsign", "Relu", "LeakyRelu", "Elu", "Selu", "Celu",
                "ThresholdedRelu", "HardSigmoid", "HardSwish",
                "Mish", "Shrink", "Identity", "IsNaN", "Sqrt", "Log"), 18, [], [], [Dimensions(random, 2, 1, 5)]),
        ["Binary"] = random => new Draw(
            One(random, "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean", "PRelu"), 18, [], [],
            random.Next(3) switch { 0 => [[3, 4], [4]], 1 => [[2, 3, 4], [3, 1]], _ => [[4, 5], [4, 5]] }),
        ["Gather"] = random =>
        {
            int axis = random.Next(3);
            int[] dimensions = Dimensions(random, 3, 2, 5);
            return new Draw("Gather", 13, [("axis", (long)(axis - (3 * random.Next(2))))], [], [dimensions],
                [null, Any(random, 4, -dimensions[axis], dimensions[axis])]);
        },
        ["LayerNormalization"] = random =>
        {
            int axis = random.Next(1, 3);
            int[] dimensions = Dimensions(random, 3, 2, 5);
            return new Draw(
                "LayerNormalization", 17, [("axis", (long)(axis - (3 * random.Next(2)))), ("epsilon", 0.1f)], [],
                [dimensions, dimensions[axis..], dimensions[axis..]]);
        },
        ["GroupNormalization"] = random => new Draw(
            "GroupNormalization", 21, [("num_groups", One(random, 1L, 2, 3, 6)), ("epsilon", 0.1f)], [],
            [[2, 6, 3, 2], [6], [6]]),
        ["BatchNormalization"] = random => new Draw(
            "BatchNormalization", 15, [("epsilon", 0.1f)], [null!, null!, null!, null!, [0.5f, 1, 2]],
            [[2, 3, .. Dimensions(random, random.Next(3), 1, 4)], [3], [3], [3], [3]]),
        ["Tile"] = random => new Draw("Tile", 13, [], [], [Dimensions(random, 3, 1, 4)], [null, Any(random, 3, 0, 4)]),
        ["Expand"] = random => new Draw(
            "Expand", 13, [], [], [[random.Next(2) == 0 ? 1 : 3, 1]],
            random.Next(3) switch { 0 => [null, [2, 3, 4]], 1 => [null, [3, 1]], _ => [null, [1]] }),
        ["Reshape"] = random => new Draw(
            "Reshape", 14, [("allowzero", (long)random.Next(2))], [], [[2, 3, 4]],
            [null, One(random, (long[])[0, -1], [-1, 4], [0, 0, 4], [2, 0, 2, -1], [24], [4, 6], [-1])]),
        ["Squeeze"] = random => new Draw(
            One(random, "Squeeze", "Unsqueeze"), 13, [], [], [[1, 3, 1, 2]],
            [null, One(random, (long[])[0], [2, 0], [-2], [-4, 2])]),
        ["Transpose"] = random => new Draw(
            "Transpose", 13,
            [("perm", (long[])[.. Enumerable.Range(0, 3).OrderBy(_ => random.Next()).Select(axis => (long)axis)])], [],
            [[2, 3, 4]]),
        ["Flatten"] = random => new Draw("Flatten", 13, [("axis", (long)random.Next(-3, 4))], [], [[2, 3, 4]]),
        ["Concat"] =
            random => new Draw("Concat", 13, [("axis", (long)random.Next(-2, 2))], [], [[2, 2], [2, 2], [2, 2]]),
        ["Einsum"] = random => random.Next(5) switch
        {
            0 => new Draw("Einsum", 13, [("equation", "ij,jk->ik")], [], [[2, 3], [3, 4]]),
            1 => new Draw("Einsum", 13, [("equation", "bij,bjk->bk")], [], [[2, 3, 4], [2, 4, 5]]),
            2 => new Draw("Einsum", 13, [("equation", "ij->ji")], [], [[2, 3]]),
            3 => new Draw("Einsum", 13, [("equation", "...ij, ...jk -> ...ik")], [], [[2, 3, 4], [2, 4, 5]]),
            _ => new Draw("Einsum", 13, [("equation", "i,j->ij")], [], [[2], [3]]),
        },
        ["LpNormalization"] = random => new Draw(
            "LpNormalization", 13, [("axis", (long)random.Next(-3, 3)), ("p", (long)random.Next(1, 3))], [],
            [[2, 3, 4]]),
        ["GridSample"] = random =>
        {
            int rank = random.Next(2, 4);
            string mode = rank == 3 ? One(random, "linear", "nearest") : One(random, "linear", "nearest", "cubic");
            return new Draw(
                "GridSample", 20,
                [
                    ("mode", mode),
                    ("padding_mode", mode == "cubic" ? "zeros" : One(random, "zeros", "border", "reflection")),
                    ("align_corners", (long)random.Next(2)),
                ],
                [], [[2, 3, .. Dimensions(random, rank, 1, 6)], [2, .. Dimensions(random, rank, 1, 6), rank]]);
        },
        ["Col2Im"] = random =>
        {
            int[] size = Dimensions(random, 2, 1, 4), counts = Dimensions(random, 2, 1, 4),
                stride = Dimensions(random, 2, 1, 4);
            int[] dilation = Dimensions(random, 2, 1, 3), pads = Dimensions(random, 4, 0, 2);
            int[] image = [.. Enumerable.Range(0, 2).Select(axis =>
                ((counts[axis] - 1) * stride[axis]) + ((size[axis] - 1) * dilation[axis]) + 1 - pads[axis]
                    - pads[axis + 2])];
            return new Draw(
                "Col2Im", 18, [("strides", Longs(stride)), ("dilations", Longs(dilation)), ("pads", Longs(pads))], [],
                [[2, 3 * size[0] * size[1], counts[0] * counts[1]]], [null, Longs(image), Longs(size)]);
        },
        ["LSTM"] = random => Recurrent(random, "LSTM", 4),
        ["GRU"] = random => Recurrent(random, "GRU", 3),
        ["RNN"] = random => Recurrent(random, "RNN", 1),
        ["QuantizeDequantize"] =
            random => new Draw("DynamicQuantizeLinear", 11, [], [], [Dimensions(random, 2, 2, 6)], null, 3),
    };

    [TestCaseSource(nameof(Kinds))]
    public void A_node_gives_what_ONNX_Runtime_gives(string kind)
    {
        var random = new Random(17);
        int compared = 0, refused = 0;
        for (int tries = 0; tries < 4 * Drawn && compared + refused < Drawn; tries++)
        {
            Draw draw = s_kinds[kind](random);
            float[][] values =
                [.. draw.Shapes.Select((shape, i) => i < draw.Values.Length && draw.Values[i] is { } given ? given
                    : [.. Enumerable.Range(0, shape.Aggregate(1, (a, b) => a * b))
                        .Select(_ => (random.NextSingle() * 4) - 2)])];
            byte[] model = Model(draw, values);
            if (Theirs(model, values[0], draw.Shapes[0]) is not { } expected)
            {
                continue;
            }

            using var bytes = ModelBytes.Of(model, "drawn.onnx");
            Tensor[] actual;
            try
            {
                using OnnxModel own = OnnxModel.Of(bytes, null);
                actual = own.Run(Tensor.From(values[0], draw.Shapes[0]));
            }
            catch (EngineException)
            {
                refused++;
                continue;
            }

            compared++;
            for (int i = 0; i < expected.Length; i++)
            {
                string what = $"{draw.Op} of {string.Join(" ", draw.Shapes.Select(shape => Shape.Create(shape)))}, "
                    + $"opset {draw.OpSet}, {Words(draw)}";
                NdArray mine = NdArray.From(actual[i]);
                Assert.That(mine.Shape, Is.EqualTo(expected[i].Shape), what);
                Assert.That(mine.Data, Is.EqualTo(expected[i].Data).Within(2e-4), what);
            }
        }

        TestContext.Out.WriteLine($"{kind}: {compared} compared, {refused} refused.");
        Assert.That(compared, Is.GreaterThan(Drawn / 4), $"{refused} were refused");
    }

    private static Draw Pool(Random random, string op, int opSet)
    {
        int rank = random.Next(1, 4);
        int[] size = Dimensions(random, rank, 1, 4);
        List<object> settings = [.. Windows(random, rank, size), ("ceil_mode", (long)random.Next(2))];
        if (op == "AveragePool")
        {
            settings.Add(("count_include_pad", (long)random.Next(2)));
        }

        if (op == "LpPool")
        {
            settings.Add(("p", (long)random.Next(1, 4)));
        }

        return new Draw(op, opSet, [.. settings], [], [[2, 2, .. Dimensions(random, rank, 5, 9)]], null,
            op == "MaxPool" ? random.Next(1, 3) : 1);
    }

    private static Draw Recurrent(Random random, string op, int gates)
    {
        string direction = One(random, "forward", "reverse", "bidirectional");
        int directions = direction == "bidirectional" ? 2 : 1;
        List<object> settings = [("hidden_size", 3L), ("direction", direction)];
        if (op == "GRU")
        {
            settings.Add(("linear_before_reset", (long)random.Next(2)));
        }

        if (random.Next(3) == 0)
        {
            settings.Add(("clip", 0.4f));
        }

        return new Draw(
            op, 14, [.. settings], [], [[4, 2, 5], [directions, gates * 3, 5], [directions, gates * 3, 3],
                [directions, 2 * gates * 3]], null, op == "LSTM" ? 3 : 2);
    }

    private static IEnumerable<object> Windows(Random random, int rank, int[] size)
    {
        yield return ("kernel_shape", Longs(size));
        yield return ("strides", Longs(Dimensions(random, rank, 1, 4)));
        if (random.Next(3) == 0)
        {
            yield return ("dilations", Longs(Dimensions(random, rank, 1, 3)));
        }

        switch (random.Next(4))
        {
            case 0:
                yield return ("auto_pad", One(random, "SAME_UPPER", "SAME_LOWER", "VALID"));
                break;
            case 1:
                yield return ("pads",
                    Longs([.. size, .. size.Select(dimension => dimension)], dimension => random.Next(dimension)));
                break;
        }
    }

    private static long[] Longs(int[] numbers, Func<int, int>? of = null) =>
        [.. numbers.Select(number => (long)(of?.Invoke(number) ?? number))];

    private static int[] Dimensions(Random random, int count, int min, int behind) =>
        [.. Enumerable.Range(0, count).Select(_ => random.Next(min, behind))];

    private static long[] Any(Random random, int count, int min, int behind) =>
        Longs(Dimensions(random, count, min, behind));

    /// <summary>Returns numbers many of which are equal.</summary>
    private static float[] Few(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(4))];

    private static T One<T>(Random random, params T[] all) => all[random.Next(all.Length)];

    private static string Words(Draw draw) => string.Join(", ", draw.Settings.Select(setting => setting switch
    {
        (string name, long[] list) => $"{name} = ({string.Join(" ", list)})",
        (string name, float number) => string.Create(CultureInfo.InvariantCulture, $"{name} = {number}"),
        (string name, object value) => $"{name} = {value}",
        _ => "",
    })) + string.Concat((draw.Known ?? []).Select(known => known is null ? "" : $" [{string.Join(" ", known)}]"));

    /// <summary>Returns the model of a node whose first input is fed and whose others are weights.</summary>
    private static byte[] Model(Draw draw, float[][] values)
    {
        var maker = new ModelMaker().OpSet(draw.OpSet).Input("x0", OnnxType.Float, [.. draw.Shapes[0].Cast<object>()]);
        var names = new List<string> { "x0" };
        for (int i = 1; i < draw.Shapes.Length; i++)
        {
            maker.Floats($"x{i}", values[i], [.. draw.Shapes[i].Select(dimension => (long)dimension)]);
            names.Add($"x{i}");
        }

        for (int i = 1; i < (draw.Known?.Length ?? 0); i++)
        {
            long[] known = draw.Known![i]!;
            bool isLeftOut = known.Length == 0 && draw.Op == "Resize";
            names.Add(isLeftOut ? "-" : $"k{i}");
            if (!isLeftOut && draw.Op is "CumSum" or "Trilu")
            {
                maker.Tensor(new ProtoWriter().Number(2, (int)OnnxType.Int64).Text(8, $"k{i}")
                    .Bytes(9, BitConverter.GetBytes(known[0])));
            }
            else if (!isLeftOut)
            {
                maker.Longs($"k{i}", known);
            }
        }

        string[] outputs = [.. Enumerable.Range(0, draw.Outputs).Select(i => $"y{i}")];
        ProtoWriter node = ModelMaker.NodeOf(draw.Op, string.Join(' ', names), string.Join(' ', outputs));
        foreach (object setting in draw.Settings)
        {
            node.Bytes(5, Setting(setting));
        }

        maker.Node(node);
        foreach (string output in outputs)
        {
            maker.Untyped(output);
        }

        return maker.Bytes();
    }

    private static byte[] Setting(object setting) => setting switch
    {
        (string name, long number) => [.. new OnnxAttributeBytes(name).Number(number)],
        (string name, long[] list) => [.. new OnnxAttributeBytes(name).List(list)],
        (string name, string text) => [.. new OnnxAttributeBytes(name).Text(text)],
        (string name, float number) => [.. new OnnxAttributeBytes(name).Float(number)],
        _ => throw new ArgumentException($"{setting}", nameof(setting)),
    };

    /// <summary>Returns ONNX Runtime's results; null if it refuses the model.</summary>
    private static NdArray[]? Theirs(byte[] model, float[] x, int[] shape)
    {
        try
        {
            using var options = new SessionOptions
            {
                IntraOpNumThreads = 1,
                InterOpNumThreads = 1,
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
            };
            using var session = new InferenceSession(model, options);
            using OrtValue given =
                OrtValue.CreateTensorValueFromMemory(x, [.. shape.Select(dimension => (long)dimension)]);
            using var run = new RunOptions();
            using IDisposableReadOnlyCollection<OrtValue> results =
                session.Run(run, ["x0"], [given], session.OutputNames);
            return [.. results.Select(result =>
            {
                OrtTensorTypeAndShapeInfo info = result.GetTensorTypeAndShape();
                double[] values = info.ElementDataType switch
                {
                    Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float =>
                        [.. result.GetTensorDataAsSpan<float>().ToArray().Select(value => (double)value)],
                    Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Int64 =>
                        [.. result.GetTensorDataAsSpan<long>().ToArray().Select(value => (double)value)],
                    _ => [.. result.GetTensorDataAsSpan<byte>().ToArray().Select(value => (double)value)],
                };
                return new NdArray([.. info.Shape.Select(dimension => (int)dimension)], values);
            })];
        }
        catch (OnnxRuntimeException)
        {
            return null;
        }
    }

    /// <summary>The message of an attribute of any kind, including those that the exporter does not write.</summary>
    private sealed class OnnxAttributeBytes(string name)
    {
        public ReadOnlySpan<byte> Number(long number) =>
            new ProtoWriter().Text(1, name).Number(3, number).Number(20, 2).Written;

        public ReadOnlySpan<byte> List(long[] numbers) =>
            new ProtoWriter().Text(1, name).Numbers(8, numbers).Number(20, 7).Written;

        public ReadOnlySpan<byte> Text(string text) =>
            new ProtoWriter().Text(1, name).Bytes(4, Encoding.UTF8.GetBytes(text)).Number(20, 3).Written;

        // Field 2 as a float of four bytes.
        public ReadOnlySpan<byte> Float(float number) =>
            (byte[])[.. new ProtoWriter().Text(1, name).Written, 0x15, .. BitConverter.GetBytes(number),
                .. new ProtoWriter().Number(20, 1).Written];
    }
}
