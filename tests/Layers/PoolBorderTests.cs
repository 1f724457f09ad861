using Engine.Compile;
using Engine.Layers;

namespace Engine.Tests.Layers;

/// <summary>Pools that keep the border, compared with PyTorch 1.13's of <c>ceil_mode=True</c>.</summary>
public class PoolBorderTests
{
    // The signal is 1, -2, 3, -4, …; means do not count the padding.
    [TestCase(5, 2, 2, 1, "1 3 5", "1 0.5 0.5")]
    [TestCase(5, 2, 3, 1, "1 3", "1 -0.5")]
    [TestCase(5, 3, 2, 1, "1 3 5", "-0.5 -1 0.5")]
    [TestCase(6, 2, 3, 1, "1 3 -6", "1 -0.5 -6")]
    [TestCase(7, 3, 2, 0, "3 5 7", "0.666667 1.333333 2")]
    [TestCase(4, 3, 3, 1, "1 3", "-0.5 -0.5")]
    [TestCase(8, 3, 4, 1, "1 5 -8", "-0.5 -1.666667 -8")]
    [TestCase(3, 2, 2, 1, "1 3", "1 0.5")]
    [TestCase(5, 3, 1, 1, "1 3 3 5 5", "-0.5 0.666667 -1 1.333333 0.5")]
    [TestCase(9, 4, 3, 2, "1 5 7 9", "-0.5 0.5 -0.5 0.5")]
    public void Every_window_begins_in_the_image_or_the_padding_before_it(
        int length, int size, int stride, int pad, string max, string mean)
    {
        float[] signal = [.. Enumerable.Range(1, length).Select(i => i % 2 == 1 ? i : -(float)i)];
        int square = length * length;
        foreach ((string expected, Layer one, Layer two) in (ReadOnlySpan<(string, Layer, Layer)>)
        [
            (max, new MaxPool1D(size) { Stride = stride, Pad = pad, IgnoreBorder = false },
                new MaxPool2D(size) { Stride = stride, Pad = pad, IgnoreBorder = false }),
            (mean, new AveragePool1D(size) { Stride = stride, Pad = pad, IgnoreBorder = false },
                new AveragePool2D(size) { Stride = stride, Pad = pad, IgnoreBorder = false }),
        ])
        {
            double[] line = [.. expected.Split(' ')
                .Select(word => double.Parse(word, System.Globalization.CultureInfo.InvariantCulture))];
            Assert.That(Use(one, Tensor.From(signal, 1, 1, length)), Is.EqualTo(line).Within(1e-5));

            // The rows of the image are all the same signal.
            Tensor image =
                Tensor.From([.. Enumerable.Range(0, square).Select(i => signal[i % length])], 1, 1, length, length);
            Assert.That(
                Use(two, image), Is.EqualTo(Enumerable.Repeat(line, line.Length).SelectMany(row => row)).Within(1e-5));
        }
    }

    private static double[] Use(Layer layer, Tensor x)
    {
        using var network = new Network(new Input([.. x.Shape.Skip(1)]), layer);
        using var function = Function.Compile([.. network.Inputs], [network.Output]);
        return NdArray.From(function.Call(x)[0]).Data;
    }
}
