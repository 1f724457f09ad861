using Engine.Bench;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Bench;

public class MeasurementTests
{
    [Test]
    public void A_spread_is_minimum_median_and_maximum()
    {
        Assert.That(Spread.Of([3, 1, 2]), Is.EqualTo(new Spread(1, 2, 3, 3)));
        Assert.That(Spread.Of([4, 1, 2, 3]), Is.EqualTo(new Spread(1, 2.5, 4, 4)));
        Assert.That(() => Spread.Of([]), Throws.ArgumentException);
    }

    [Test]
    public void The_clock_warms_up_first_and_gives_the_seconds_of_one_time()
    {
        var groups = new List<int>();

        Spread seconds = Clock.Measure(
            times =>
            {
                groups.Add(times);
                Thread.SpinWait(times * 100_000);
            },
            group: 2);

        Assert.That(groups[..2], Is.EqualTo(new[] { 2, 2 }));
        Assert.That(groups[^seconds.Runs..].Distinct(), Has.One.Items);
        Assert.That(seconds.Median, Is.InRange(seconds.Min, seconds.Max));
    }

    [Test]
    public void A_line_of_json_names_what_who_and_on_what_and_leaves_out_what_was_not_measured()
    {
        var seconds = new Spread(1, 2, 3, 4);
        var measured = new Measurement("gemm", "1x2x3", "engine", "1.0.0", "cpu", seconds) { Gflops = 5 };

        Assert.That(measured.ToJson(), Is.EqualTo(
            """{"bench":"gemm","item":"1x2x3","who":"engine","version":"1.0.0","device":"cpu","""
            + """ "seconds":{"min":1,"median":2,"max":3,"runs":4},"math":"fp32","gflops":5}""".TrimStart()));
    }

    [Test]
    public void Cublas_multiplies_the_same_matrices()
    {
        CudaDevice device = CudaTestDevice.Open();
        using CuBlasProducts? products = CuBlasProducts.Open(device, TextWriter.Null);
        if (products is null)
        {
            Assert.Ignore(CuBlas.Failure!.Message);
        }

        float[] product = products!.Multiply(
            Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3), Tensor.From([1f, 0, 0, 1, 1, 1], 3, 2));

        Assert.That(product, Is.EqualTo(new float[] { 4, 5, 10, 11 }));
    }
}
