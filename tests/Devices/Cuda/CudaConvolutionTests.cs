using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The algorithms of a convolution on the GPU are compared with the op's reference: the implicit product, with and
/// without an epilogue and pooling, and the gradient by columns. On tensor cores, the reference multiplies numbers that
/// are rounded to TF32, float16 or bfloat16.
/// </summary>
[TestFixture(false)]
[TestFixture(true)]
public sealed class CudaConvolutionTests(bool onTensorCores)
{
    private static IEnumerable<TestCaseData> Cases => Conv2D.Cases(new Random(3))
        .Append((new Conv2D((1, 1), (0, 0), true), [16, 8, 17, 16], [16, 8, 4, 4]))
        .Append((new Conv2D((2, 2), (1, 0), false), [16, 8, 32, 33], [17, 8, 4, 4]))
        .Select((each, i) => new TestCaseData(i).SetArgDisplayNames($"{each.Images} by {each.Filters}"));

    private Setting Case(int index) => new(
        Conv2D.Cases(new Random(3))
            .Append((new Conv2D((1, 1), (0, 0), true), [16, 8, 17, 16], [16, 8, 4, 4]))
            .Append((new Conv2D((2, 2), (1, 0), false), [16, 8, 32, 33], [17, 8, 4, 4]))
            .ElementAt(index),
        ((DType[])[DType.Float32, DType.Float16, DType.BFloat16])[onTensorCores ? index % 3 : 0],
        onTensorCores && index % 3 == 0);

    [TestCaseSource(nameof(Cases))]
    public void The_implicit_product_gives_the_convolution_with_its_epilogue(int index)
    {
        Setting c = Case(index);
        using var scratch = new CudaScratch();
        ulong x = c.Put(scratch, c.X), w = c.Put(scratch, c.W);
        ulong y = scratch.Reserve(c.Result.Count * 4);
        var epilogue = new CudaEpilogue(
            "x = maximum(x + bias[filter], T(0)) + T(image + pixel);", ("const T* bias", scratch.Put(c.Bias)));

        scratch.Run(c.Implicit().Forward(x, w, y, 0, scratch.Reserve(c.Implicit().ForwardWorkspace), epilogue));

        double[] expected = c.Expected((image, filter, pixel, sum) =>
            Math.Max(sum + c.Bias[filter], 0) + image + pixel);
        RequireClose(scratch.Get(y), expected);
    }

    [TestCaseSource(nameof(Cases))]
    public void Both_ways_give_the_gradient_of_the_images(int index)
    {
        Setting c = Case(index);
        using var scratch = new CudaScratch();
        ulong w = c.Put(scratch, c.W), g = c.Put(scratch, c.G);
        ulong y = scratch.Reserve(c.Images.Count * 4), z = scratch.Reserve(c.Images.Count * 4);

        scratch.Run(
        [
            c.Implicit().InputGradient(w, g, 0, y, scratch.Reserve(c.Implicit().InputGradientWorkspace)),
            .. Filled(c.Columns.InputGradient(w, g, z, scratch.Reserve(c.Columns.Workspace))),
        ]);

        double[] expected = c.InputGradient(c.G);
        RequireClose(scratch.Get(y), expected);
        RequireClose(scratch.Get(z), expected);
    }

    [TestCaseSource(nameof(Cases))]
    public void The_implicit_product_gives_the_gradient_of_the_filters(int index)
    {
        Setting c = Case(index);
        using var scratch = new CudaScratch();
        ulong x = c.Put(scratch, c.X), g = c.Put(scratch, c.G), bias = scratch.Reserve(c.Bias.Length * 4);
        ulong y = scratch.Reserve(c.W.Length * 4);
        ulong parts = scratch.Reserve(c.Implicit().WeightsGradientWorkspace(withBias: true));

        scratch.Run(Filled(c.Implicit().WeightsGradient(x, g, 0, y, bias, parts)));

        RequireClose(scratch.Get(y), c.WeightsGradient(c.G));
        RequireClose(scratch.Get(bias), c.BiasGradient(c.G));
    }

    [TestCaseSource(nameof(Cases))]
    public void A_pooled_convolution_gives_the_maximum_of_each_window_and_its_index(int index)
    {
        Setting c = Case(index);
        using var scratch = new CudaScratch();
        ulong y = scratch.Reserve(c.Pooled.Count * 4), where = scratch.Reserve(c.Pooled.Count * 4);
        var epilogue = new CudaEpilogue("x = maximum(x + bias[filter], T(0));", ("const T* bias", scratch.Put(c.Bias)));
        CudaConvolution convolution = c.Implicit(pools: true);

        scratch.Run(Filled(convolution.Forward(
            c.Put(scratch, c.X), c.Put(scratch, c.W), y, where, scratch.Reserve(convolution.ForwardWorkspace),
            epilogue)));

        double[] argmax = scratch.Get(where, DType.Int32);
        double[] full = c.Expected((image, filter, pixel, sum) => Math.Max(sum + c.Bias[filter], 0));
        (double[] max, int[] first) = c.Pool(full);
        RequireClose(scratch.Get(y), max);
        for (int i = 0; i < argmax.Length; i++)
        {
            // Rounding may select another of two values that are nearly equal; among values rectified to 0, the first
            // must be selected.
            int area = c.Result[2] * c.Result[3], plane = i / (c.Pooled[2] * c.Pooled[3]);
            double there = full[(plane * area) + (int)argmax[i]];
            Assert.That(there, Is.EqualTo(max[i]).Within(1e-4));
            Assert.That(max[i] > 0 || (int)argmax[i] == first[i], $"{argmax[i]}, not {first[i]}");
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Gradients_of_a_pooled_convolution_reach_the_pixels_of_the_maxima(int index)
    {
        Setting c = Case(index);
        using var scratch = new CudaScratch();
        var random = new Random(index);
        (_, int[] argmax) = c.Pool([.. Enumerable.Range(0, (int)c.Result.Count).Select(_ => random.NextDouble())]);
        float[] pooled = [.. argmax.Select(_ => c.Round(random.NextSingle() - 0.5f))];
        float[] g = c.Unpool(pooled, argmax);
        CudaConvolution convolution = c.Implicit(pools: true);
        ulong x = c.Put(scratch, c.X), w = c.Put(scratch, c.W), small = c.Put(scratch, pooled);
        ulong where = scratch.Put(argmax);
        ulong dx = scratch.Reserve(c.Images.Count * 4), dw = scratch.Reserve(c.W.Length * 4);
        ulong bias = scratch.Reserve(c.Bias.Length * 4);

        scratch.Run(
        [
            .. Filled(convolution.InputGradient(
                w, small, where, dx, scratch.Reserve(convolution.InputGradientWorkspace))),
            .. Filled(convolution.WeightsGradient(
                x, small, where, dw, bias, scratch.Reserve(convolution.WeightsGradientWorkspace(withBias: true)))),
        ]);

        RequireClose(scratch.Get(dx), c.InputGradient(g));
        RequireClose(scratch.Get(dw), c.WeightsGradient(g));
        RequireClose(scratch.Get(bias), c.BiasGradient(g));
    }

    [Test]
    public void Large_images_with_strides_get_their_gradient_by_columns()
    {
        var convolution = new CudaColumns(new ConvShape(128, 64, 28, 28, 64, 3, 3, 2, 2, 1, 1, true), DType.Float32);
        var dense = new CudaColumns(new ConvShape(128, 64, 28, 28, 64, 3, 3, 1, 1, 1, 1, true), DType.Float32);

        Assert.That(convolution.IsFasterForInputGradient);
        Assert.That(dense.IsFasterForInputGradient, Is.False);
    }

    private static CudaLaunch[] Filled(params CudaLaunch[] launches) => [.. launches.Where(launch => !launch.IsEmpty)];

    private static void RequireClose(double[] actual, double[] expected)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(Math.Abs(actual[i] - expected[i]) <= 2e-3, $"element {i}: {actual[i]}, not {expected[i]}");
        }
    }

    /// <summary>A convolution with random operands, and the results of its reference.</summary>
    private sealed class Setting
    {
        private readonly Conv2D _op;
        private readonly DType _dtype;
        private readonly bool _tensorFloat32;

        public Setting((Conv2D Op, Shape Images, Shape Filters) given, DType dtype, bool tensorFloat32)
        {
            (_dtype, _tensorFloat32) = (dtype, tensorFloat32);
            (_op, Images, Shape filters) = given;
            Result = _op.Infer([new(DType.Float32, Images), new(DType.Float32, filters)])[0].Shape;
            Pooled = [Result[0], Result[1], Result[2] / 2, Result[3] / 2];
            Filters = filters;
            var random = new Random(5);
            (X, W, Bias, G) = (Draw(Images), Draw(filters), Draw([filters[0]]), Draw(Result));

            float[] Draw(Shape shape) =>
                [.. Enumerable.Range(0, (int)shape.Count).Select(_ => Round(random.NextSingle() - 0.5f))];
        }

        public Shape Images { get; }

        public Shape Filters { get; }

        public Shape Result { get; }

        public Shape Pooled { get; }

        public float[] X { get; }

        public float[] W { get; }

        public float[] Bias { get; }

        public float[] G { get; }

        public CudaColumns Columns => new(_op.ConvShape(Images, Filters), _dtype, _tensorFloat32);

        public CudaConvolution Implicit(bool pools = false) =>
            new(_op.ConvShape(Images, Filters), _dtype, pools, _tensorFloat32);

        /// <summary>Returns the number as it is multiplied, so that products are exact.</summary>
        public float Round(float number) => _tensorFloat32
            ? TensorCoreChecks.Rounded(number)
            : (float)ElementType.Of(_dtype).Round(number);

        public ulong Put(CudaScratch scratch, float[] numbers) => _dtype switch
        {
            DType.Float16 => scratch.Put([.. numbers.Select(number => (Half)number)]),
            DType.BFloat16 => scratch.Put([.. numbers.Select(number => (BFloat16)number)]),
            _ => scratch.Put(numbers),
        };

        public double[] Expected(Func<int, int, int, double, double> epilogue)
        {
            var y = new double[Result.Count];
            _op.ForEachTerm(Images, Filters, Result, (i, j, k) => y[k] += (double)X[i] * W[j]);
            int area = Result[2] * Result[3];
            return [.. y.Select((sum, i) => epilogue(i / area / Result[1], i / area % Result[1], i % area, sum))];
        }

        public double[] InputGradient(float[] g)
        {
            var dx = new double[Images.Count];
            _op.ForEachTerm(Images, Filters, Result, (i, j, k) => dx[i] += (double)W[j] * g[k]);
            return dx;
        }

        public double[] WeightsGradient(float[] g)
        {
            var dw = new double[Filters.Count];
            _op.ForEachTerm(Images, Filters, Result, (i, j, k) => dw[j] += (double)X[i] * g[k]);
            return dw;
        }

        public double[] BiasGradient(float[] g)
        {
            var bias = new double[Filters[0]];
            for (int i = 0; i < g.Length; i++)
            {
                bias[i / (Result[2] * Result[3]) % Result[1]] += g[i];
            }

            return bias;
        }

        public (double[] Max, int[] Argmax) Pool(double[] full)
        {
            var max = new double[Pooled.Count];
            var where = new int[Pooled.Count];
            for (int i = 0; i < max.Length; i++)
            {
                (int plane, int row, int column) = Place(i);
                int first = (row * Result[3]) + column;
                int[] window = [first, first + 1, first + Result[3], first + Result[3] + 1];
                int origin = plane * Result[2] * Result[3];
                where[i] = window.MaxBy(at => full[origin + at]);
                max[i] = full[origin + where[i]];
            }

            return (max, where);
        }

        public float[] Unpool(float[] pooled, int[] where)
        {
            var full = new float[Result.Count];
            for (int i = 0; i < pooled.Length; i++)
            {
                full[(Place(i).Plane * Result[2] * Result[3]) + where[i]] = pooled[i];
            }

            return full;
        }

        private (int Plane, int Row, int Column) Place(int pooled)
        {
            (int h, int w) = (Pooled[2], Pooled[3]);
            return (pooled / (h * w), pooled / w % h * 2, pooled % w * 2);
        }
    }
}
