using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Input = Engine.Graph.Input;

namespace Engine.Tests.Core;

/// <summary>
/// The text of tensors, functions, variables and networks. A tensor's text is that of NumPy 1.24 for the same array.
/// </summary>
public class TensorTextTests
{
    private static readonly (DType DType, Shape Shape, double[] Values, string Text)[] s_printed =
    [
        (DType.Float32, [2, 2], [1, 2.5, 3, 4], "[[1.  2.5]\n [3.  4. ]]"),
        (DType.Float32, [3], [0.1, 0.3333333333333333, 100], "[  0.1          0.33333334 100.        ]"),
        (DType.Float32,[], [0.1], "0.1"),
        (DType.Float32,[], [1e-05], "1e-05"),
        (DType.Float32,[], [123456789], "123456790.0"),
        (DType.Float64,[], [1e+16], "1e+16"),
        (DType.Float64,[], [3], "3.0"),
        (DType.Float32, [2], [1e-05, 1], "[1.e-05 1.e+00]"),
        (DType.Float64, [3], [1e+300, -2.5, 0], "[ 1.0e+300 -2.5e+000  0.0e+000]"),
        (DType.Float32, [3], [double.NaN, double.PositiveInfinity, double.NegativeInfinity], "[ nan  inf -inf]"),
        (DType.Float32, [3], [1, double.NaN, -0.0], "[ 1. nan -0.]"),
        (DType.Float32, [2], [1000, 1], "[1000.    1.]"),
        (DType.Float32, [2], [1001, 1], "[1.001e+03 1.000e+00]"),
        (DType.Float64, [2], [0.001953125, 1], "[0.00195312 1.        ]"),
        (DType.Float64, [2], [9999999999.9, 1], "[1.e+10 1.e+00]"),
        (DType.Float32, [1], [16777217], "[16777216.]"),
        (DType.Float16,[], [0.1], "0.1"),
        (DType.Float16,[], [65504], "65500.0"),
        (DType.Float16,[], [6e-08], "6e-08"),
        (DType.Float16, [3], [0.1, 1 / 3.0, 100], "[  0.1      0.3333 100.    ]"),
        (DType.Float16, [2], [65504, 1], "[6.55e+04 1.00e+00]"),
        (DType.Float16, [3], [9.52, -201.1, 4208], "[   9.52 -201.1  4208.  ]"),
        (DType.Float32, [1], [99999992], "[99999992.]"),
        (DType.Float32,[], [99999992], "99999990.0"),
        (DType.Float16, [2], [1001, 1], "[1.001e+03 1.000e+00]"),
        (DType.Float16, [4], [double.NaN, double.PositiveInfinity, -0.0, 1 / 3.0], "[    nan     inf -0.      0.3333]"),
        (DType.BFloat16,[], [0.1], "0.1"),
        (DType.BFloat16,[], [3.3895313892515355e38], "3.39e+38"),
        (DType.BFloat16, [3], [0.1, 1 / 3.0, 100], "[  0.1     0.334 100.   ]"),
        (DType.BFloat16, [2], [1e-05, 1], "[1.e-05 1.e+00]"),
        (DType.Int32, [2, 2], [1, -200, 3, 4], "[[   1 -200]\n [   3    4]]"),
        (DType.UInt8, [3], [0, 255, 7], "[  0 255   7]"),
        (DType.Int32,[], [-7], "-7"),
        (DType.Float32, [0], [], "[]"),
        (DType.Float64, [2, 0], [], "[]"),
        (DType.Float32, [1, 1, 2], [1, 2], "[[[1. 2.]]]"),
        (DType.Float32, [2, 1, 2], [1, 2, 3, 4], "[[[1. 2.]]\n\n [[3. 4.]]]"),
    ];

    private const string Sevenths = """
        [0.         0.14285715 0.2857143  0.42857143 0.5714286  0.71428573
         0.85714287 1.         1.1428572  1.2857143  1.4285715  1.5714285
         1.7142857  1.8571428  2.         2.142857   2.2857144  2.4285715
         2.5714285  2.7142856 ]
        """;

    private const string Counted = """
        [[   0    1    2 ...   37   38   39]
         [  40   41   42 ...   77   78   79]
         [  80   81   82 ...  117  118  119]
         ...
         [1480 1481 1482 ... 1517 1518 1519]
         [1520 1521 1522 ... 1557 1558 1559]
         [1560 1561 1562 ... 1597 1598 1599]]
        """;

    private const string Bytes = """
        [[[  0   1   2 ... 141 142 143]
          [144 145 146 ...  29  30  31]]

         [[ 32  33  34 ... 173 174 175]
          [176 177 178 ...  61  62  63]]

         [[ 64  65  66 ... 205 206 207]
          [208 209 210 ...  93  94  95]]]
        """;

    [TestCase("")]
    [TestCase("de-DE")]
    public void A_tensor_is_printed_as_numpy_does(string culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            // Without installed cultures, only the number format of one is needed.
            var other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat.NumberDecimalSeparator = culture.Length == 0 ? "." : ",";
            other.NumberFormat.NegativeSign = culture.Length == 0 ? "-" : "−";
            CultureInfo.CurrentCulture = other;
            foreach ((DType dtype, Shape shape, double[] values, string text) in s_printed)
            {
                Assert.That(new NdArray(shape, values).ToTensor(dtype).ToString(), Is.EqualTo(text));
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    /// <summary>The hashes are those of NumPy's texts, line by line.</summary>
    [Test]
    public void All_numbers_of_16_bits_are_printed_as_numpy_does()
    {
        Half[] all = [.. Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits))];
        IEnumerable<Tensor> threes = Enumerable.Range(0, (1 << 16) / 7 + 1)
            .Select(n => Tensor.From([all[7 * n], all[7 * n * 3 % (1 << 16)], all[((7 * n * 5) + 77) % (1 << 16)]]));

        Assert.That(Hash(all.Select(Tensor.Scalar)),
            Is.EqualTo("bcffd57db42c7dcf7b1ccc84abfa1dc2620adcf1cfe74330864469a63872f726"));
        Assert.That(Hash(threes), Is.EqualTo("59c90d36bba9485e195b672b480f75ef1e6eeadaf2bafa12fb606fc04073fb7f"));

        static string Hash(IEnumerable<Tensor> tensors) =>
            Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', tensors))));
    }

    [Test]
    public void A_bfloat16_has_so_few_digits_that_one_less_would_be_another()
    {
        for (int bits = 1; bits < 0x7F80; bits++)
        {
            BFloat16 number = BFloat16.FromBits((ushort)bits);
            string text = number.ToString();
            string digits = text.Split('E')[0].Replace(".", "", StringComparison.Ordinal).Trim('0');
            double shorter = double.Parse(((float)number).ToString(
                $"E{Math.Max(0, digits.Length - 2)}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

            Assert.That((BFloat16)double.Parse(text, CultureInfo.InvariantCulture), Is.EqualTo(number));
            Assert.That(digits, Has.Length.LessThanOrEqualTo(4));
            Assert.That(digits.Length == 1 || (BFloat16)shorter != number, text);
        }
    }

    [Test]
    public void Long_rows_are_broken_and_of_many_elements_the_edges_are_printed()
    {
        Assert.That(Range(DType.Float32, 7, 20).ToString(), Is.EqualTo(Sevenths));
        Assert.That(Range(DType.Float32, 1, 1001).ToString(), Is.EqualTo("[   0.    1.    2. ...  998.  999. 1000.]"));
        Assert.That(Range(DType.Int32, 1, 40, 40).ToString(), Is.EqualTo(Counted));
        Assert.That(Range(DType.UInt8, 1, 3, 2, 400).ToString(), Is.EqualTo(Bytes));
    }

    [Test]
    public void A_network_is_printed_as_its_layers()
    {
        using var net = new NeuralNet(new Engine.Layers.Input(1, 8, 8), new Conv2D(4, 3), new Dense(10, Softmax));

        Assert.That($"{net}", Is.EqualTo(
            "# Neural Network of the layers input0, conv2d1, dense2; Fit or Initialize gives it parameters"));
        net.Initialize();
        Assert.That($"{net}".ReplaceLineEndings("\n"), Is.EqualTo(
            """
            # Neural Network with 1490 learnable parameters

            ## Layer information

              #  name     size
            ---  -------  ------
              0  input0   1x8x8
              1  conv2d1  4x6x6
              2  dense2   10
            """));
    }

    [Test]
    public void A_function_is_printed_as_what_goes_in_and_comes_out_and_a_variable_as_its_name()
    {
        Input x = Matrix("x"), y = Vector();
        SharedVariable w = Shared(new Tensor(DType.Float32, [3, 2]), "w");
        using var f = Function.Compile([x, y], [Dot(x, w), y], [new(w, w * 2)]);

        Assert.That($"{f}", Is.EqualTo(
            "function (x float32 (?, ?), float32 (?)) -> (dot.0 float32 (?, 2), "
            + "float32 (?)) with updates of w on cpu"));
        Assert.That($"{w}", Is.EqualTo("w"));
        Assert.That($"{Shared(new Tensor(DType.Int32, [3]))}", Is.EqualTo("int32 (3)"));
    }

    private static Tensor Range(DType dtype, double divisor, params int[] shape)
    {
        int count = shape.Aggregate(1, (product, dimension) => product * dimension);
        double[] values = [.. Enumerable.Range(0, count).Select(i => dtype == DType.UInt8 ? i % 256 : i / divisor)];
        return new NdArray(Shape.Create(shape), values).ToTensor(dtype);
    }
}
