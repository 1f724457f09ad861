using Engine.Layers;
using static Engine.Layers.Initial;

namespace Engine.Tests.Layers;

public class InitializerTests
{
    /// <summary>The bounds of the seven weights in the experiments.</summary>
    [TestCase(new[] { 1024, 100 }, 0.073062)]
    [TestCase(new[] { 100, 10 }, 0.233550)]
    [TestCase(new[] { 16, 1, 3, 3 }, 0.198030)]
    [TestCase(new[] { 32, 16, 2, 2 }, 0.176777)]
    [TestCase(new[] { 64, 32, 2, 2 }, 0.125)]
    [TestCase(new[] { 576, 200 }, 0.087932)]
    [TestCase(new[] { 200, 10 }, 0.169031)]
    public void Glorot_uniform_reaches_its_bound_and_stays_within(int[] shape, double bound)
    {
        double[] values = Draw(new GlorotUniform(), shape);

        Assert.That(values.Max(Math.Abs), Is.LessThanOrEqualTo(bound + 5e-7));
        Assert.That(values.Max(Math.Abs), Is.GreaterThan(bound * (1 - (10.0 / values.Length))));
        Assert.That(values.Average(), Is.EqualTo(0).Within(4 * bound / Math.Sqrt(3 * values.Length)));
    }

    [Test]
    public void The_gain_scales()
    {
        double[] plain = Draw(new GlorotUniform(), [30, 20]);
        double[] scaled = Draw(new GlorotUniform(Initializer.ReluGain), [30, 20]);

        Assert.That(scaled.Zip(plain, (s, p) => s / p), Is.All.EqualTo(Math.Sqrt(2)).Within(1e-12));
    }

    [Test]
    public void Glorot_normal_has_the_deviation_of_its_formula() =>
        Assert.That(Std(Draw(new GlorotNormal(), [64, 32, 3, 3])),
            Is.EqualTo(Math.Sqrt(2.0 / ((64 + 32) * 9))).Within(2).Percent);

    [Test]
    public void He_counts_the_inputs_of_a_unit()
    {
        Assert.That(Std(Draw(new HeNormal(), [300, 100])), Is.EqualTo(Math.Sqrt(1.0 / 300)).Within(2).Percent);
        Assert.That(
            Std(Draw(new HeNormal(), [64, 32, 3, 3])), Is.EqualTo(Math.Sqrt(1.0 / 288)).Within(2).Percent);
        Assert.That(Draw(new HeUniform(2), [300, 100]).Max(), Is.EqualTo(2 * Math.Sqrt(3.0 / 300)).Within(0.1).Percent);
    }

    [Test]
    public void Plain_distributions_have_their_moments()
    {
        Assert.That(Draw(new Full(3), [4]), Is.All.EqualTo(3));
        Assert.That(Draw(new Uniform(0.5, 2), [10_000]), Is.All.InRange(1.5, 2.5));
        Assert.That(Draw(new Normal(0.5, 2), [10_000]).Average(), Is.EqualTo(2).Within(0.02));
        Assert.That(Std(Draw(new Normal(0.5), [10_000])), Is.EqualTo(0.5).Within(3).Percent);
    }

    [Test]
    public void Sparse_weights_are_of_a_part_of_each_units_inputs()
    {
        double[] w = Draw(new Sparse(0.25, 3), [40, 50]);

        Assert.That(Enumerable.Range(0, 50)
            .Select(unit => Enumerable.Range(0, 40).Count(input => w[(input * 50) + unit] != 0)), Is.All.EqualTo(10));
        Assert.That(Enumerable.Range(0, 40).Count(
            input => Enumerable.Range(0, 50).Any(unit => w[(input * 50) + unit] != 0)), Is.EqualTo(40), "units differ");
        Assert.That(Std([.. w.Where(value => value != 0)]), Is.EqualTo(3).Within(10).Percent);
        Assert.That(() => Draw(new Sparse(), [4, 3, 2, 2]),
            Throws.TypeOf<EngineException>().With.Message.Contains("not for (4, 3, 2, 2)"));
    }

    [TestCase(20, 50)]
    [TestCase(50, 20)]
    [TestCase(16, 9)]
    [TestCase(1, 1)]
    public void Orthogonal_weights_are_orthonormal_along_the_shorter_dimension(int rows, int columns)
    {
        double[] w = Draw(new Orthogonal(3), [rows, columns]);
        bool areRows = rows < columns;
        (int count, int length) = areRows ? (rows, columns) : (columns, rows);

        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                double product = Enumerable.Range(0, length).Sum(k => At(i, k) * At(j, k));
                Assert.That(product, Is.EqualTo(i == j ? 9 : 0).Within(1e-12));
            }
        }

        double At(int vector, int k) => areRows ? w[(vector * columns) + k] : w[(k * columns) + vector];
    }

    [Test]
    public void Values_are_a_function_of_seed_and_name()
    {
        float[] a = Values(Shared(GlorotUniform(5, 5), "a"));

        Assert.That(a, Is.EqualTo(Values(Shared(GlorotUniform(5, 5), "a"))));
        Assert.That(a, Is.Not.EqualTo(Values(Shared(GlorotUniform(5, 5), "b"))));
        Assert.That(a, Is.Not.EqualTo(Values(Shared(GlorotUniform(5, 5), "a", seed: 2))));

        static float[] Values(Engine.Graph.SharedVariable variable) => variable.GetValue().AsSpan<float>().ToArray();
    }

    [Test]
    public void Float64_values_are_those_of_float32_before_rounding()
    {
        Tensor wide = new HeNormal().Draw([7, 3], DType.Float64, 5);
        Tensor narrow = new HeNormal().Draw([7, 3], DType.Float32, 5);

        Assert.That(wide.Cast(DType.Float32).AsSpan<float>().ToArray(), Is.EqualTo(narrow.AsSpan<float>().ToArray()));
    }

    [Test]
    public void A_vector_has_no_inputs_and_outputs() =>
        Assert.That(() => new GlorotUniform().Draw([10], DType.Float32, 1), Throws.TypeOf<EngineException>()
            .With.Message
            .StartsWith("The Glorot initializer is for weights, which have at least 2 dimensions, not for"));

    private static double[] Draw(Initializer initializer, int[] shape) =>
        initializer.Draw(Shape.Create(shape), DType.Float64, 1).AsSpan<double>().ToArray();

    private static double Std(double[] values) => Math.Sqrt(values.Average(value => value * value));
}
