using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

public class CudaPeakTests
{
    [TestCase("NVIDIA H100 80GB HBM3", 90, 132, 1_980_000, 2_619_000, 5120, 3.352e12, 66.9e12,
        "clocks and widths of this NVIDIA")]
    [TestCase("NVIDIA H200", 90, 132, 0, 0, 0, 4.8e12, 66.9e12, "the H200's datasheet")]
    [TestCase("NVIDIA H200 NVL", 90, 132, 1_980_000, 0, 6144, 4.8e12, 66.9e12, "the H200's datasheet")]
    [TestCase("NVIDIA A100-SXM4-40GB", 80, 108, 0, 0, 0, 1.555e12, 19.5e12, "the A100 SXM 40 GB's datasheet")]
    [TestCase("NVIDIA GB200", 100, 148, 0, 0, 0, 8e12, 75e12, "the B200's datasheet")]
    [TestCase("NVIDIA T400", 75, 6, 0, 0, 0, 320e9, 8.1e12, "the T4's datasheet")]
    [TestCase("Orin", 87, 16, 0, 0, 0, 936e9, 35.6e12, "the GeForce RTX 3090's datasheet")]
    [TestCase("A GPU of 2016", 60, 56, 0, 0, 0, 320e9, 8.1e12, "the T4's datasheet")]
    [TestCase("A GPU to come", 200, 1, 0, 0, 0, 1.792e12, 104.8e12, "the GeForce RTX 5090's datasheet")]
    public void The_peak_of_a_gpu_is_by_its_clocks_or_by_the_datasheet_of_its_like(
        string name, int architecture, int multiprocessors, int clock, int memoryClock, int bits,
        double bytes, double flops, string source)
    {
        Peak peak = CudaPeak.Of(name, architecture, multiprocessors, clock, memoryClock, bits);

        Assert.That(peak.BytesPerSecond, Is.EqualTo(bytes).Within(0.1).Percent);
        Assert.That(peak.FlopsPerSecond, Is.EqualTo(flops).Within(0.1).Percent);
        Assert.That(peak.Source, Does.Contain(source));
    }
}
