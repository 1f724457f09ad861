using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Tests.Devices.Cuda;

public class KernelCompilerTests
{
    private static readonly int[] s_known = [50, 75, 80, 90];

    [TestCase(80, "sm_80", false, Description = "known: a cubin")]
    [TestCase(86, "compute_80", true, Description = "between two: the driver finishes what was made for the older")]
    [TestCase(100, "compute_90", true, Description = "newer than all")]
    public void A_gpu_gets_what_nvrtc_can_make_for_it(int architecture, string target, bool toPtx) =>
        Assert.That(KernelImages.Target(architecture, s_known, new Version(12, 4)), Is.EqualTo((target, toPtx)));

    [Test]
    public void A_gpu_older_than_nvrtc_is_refused() => Assert.That(
        () => KernelImages.Target(35, s_known, new Version(12, 4)),
        Throws.TypeOf<CudaException>().With.Message.EqualTo(
            "NVRTC 12.4 compiles for GPUs from compute capability 5.0 on, and this one has 3.5: "
            + "install an NVRTC of its time, or compute on the CPU."));

    [Test]
    public void A_kernel_that_another_compiler_made_is_not_taken_from_the_cache()
    {
        CudaTestDevice.Open();
        using var folder = new TempFolder();
        var cache = new CubinCache(folder.Path);
        var elsewhere = new NativeLibrarySearch(Nvrtc.Library.Handle, folder.File("libnvrtc.so.12"), []);
        KernelImages one = new(Nvrtc.Preferred, 90, CudaTestDevice.Options, cache),
            another = new(new NvrtcLibrary(elsewhere), 90, CudaTestDevice.Options, cache);

        one.Keep("source", [1]);

        Assert.That(another.Find("source"), Is.Null);
        Assert.That(one.Find("source"), Is.EqualTo(new byte[] { 1 }));
    }

    [Test]
    public void Every_kernel_file_is_used_by_an_op() =>
        Assert.That(
            KernelVariants.Examples.Select(variant => variant.Function).OfType<CudaKernel>()
                .Select(kernel => kernel.File).Distinct(),
            Is.EquivalentTo(KernelSource.Files));

    [Test]
    public void A_source_holds_what_it_includes_once_and_keeps_its_own_line_numbers()
    {
        string[] lines = KernelSource.Expand("gemm.cu", ["T float"]).Split('\n');

        Assert.That(lines[0], Is.EqualTo("#define T float"));
        Assert.That(lines[1], Is.EqualTo("#line 1 \"gemm.cu\""));
        Assert.That(lines.Count(line => line == "#line 1 \"common.cuh\""), Is.EqualTo(1));
        Assert.That(lines.Count(line => line.StartsWith("#include", StringComparison.Ordinal)), Is.Zero);
        int after = Array.FindLastIndex(lines, line => line.StartsWith("#line", StringComparison.Ordinal));
        int include = int.Parse(lines[after].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.That(lines[after + 1], Is.Empty, "the line that follows the include is a blank one");
        int place = Array.IndexOf(lines, "#line 1 \"gemm.cuh\"");
        Assert.That(include, Is.EqualTo(place), "lines 0 and 1 are not of the file");
    }
}
