using System.Collections.Concurrent;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Every kernel, in every variant that the ops use, compiles for every GPU that is supported, by the real compiler.
/// </summary>
[TestFixture]
public class NvrtcTests
{
    [Test]
    public void Every_kernel_file_is_used_by_an_op() =>
        Assert.That(KernelVariants.All.Select(pair => pair.Kernel.File).Distinct(), Is.EquivalentTo(KernelSource.Files));

    [Test]
    public void Every_variant_in_single_precision_compiles_and_stays_in_registers(
        [Values(75, 80, 86, 89, 90)] int architecture)
    {
        Require(architecture);
        RequireCompiling(
            KernelVariants.All.Where(pair => !UsesDouble(pair.Kernel)),
            [
                .. KernelCompiler.Options($"sm_{architecture}", fastMath: false),
                "--ptxas-options=--warn-on-spills",
                "--ptxas-options=--warn-on-local-memory-usage",
                "--ptxas-options=--warning-as-error",
            ]);
    }

    /// <summary>
    /// On one GPU, and with a stack where it wants one: double is for checks, and sin and cos take one in it.
    /// </summary>
    [Test]
    public void Every_variant_in_double_precision_compiles()
    {
        const int Architecture = 80;
        Require(Architecture);
        RequireCompiling(
            KernelVariants.All.Where(pair => UsesDouble(pair.Kernel)),
            KernelCompiler.Options($"sm_{Architecture}", fastMath: false));
    }

    [Test]
    public void What_does_not_compile_is_shown_with_its_file_and_line()
    {
        const int Architecture = 80;
        Require(Architecture);
        var kernel = new CudaKernel("reduce.cu", "reduce_rows", "T float", "JOIN(a, b) (a + nothing)", "START (T(0))");

        Assert.That(
            () => Nvrtc.Compile(kernel.Source, kernel.File, KernelCompiler.Options($"sm_{Architecture}", fastMath: false)),
            Throws.TypeOf<CudaException>().With.Message.Contains("reduce.cu does not compile")
                .And.Message.Contains("nothing").And.Message.Match(@"reduce\.cu[(:]\d+"));
    }

    private static bool UsesDouble(CudaKernel kernel) =>
        kernel.Defines.Any(define => define.EndsWith(" double", StringComparison.Ordinal));

    private static void Require(int architecture)
    {
        if (Nvrtc.Failure is { } missing)
        {
            Assert.Ignore(missing.Message);
        }

        if (Nvrtc.Library.Exports("simt_set") || CudaTestDevice.IsDouble)
        {
            Assert.Ignore("The double takes NVRTC's place: to try the real one, name its folder in ENGINE_CUDA_PATH.");
        }

        if (!Nvrtc.Architectures.Contains(architecture))
        {
            Assert.Ignore($"NVRTC {Nvrtc.Version} does not know sm_{architecture}.");
        }
    }

    private static void RequireCompiling(IEnumerable<(string Op, CudaKernel Kernel)> variants, string[] options)
    {
        var wrong = new ConcurrentBag<string>();
        Parallel.ForEach(variants, pair =>
        {
            try
            {
                Nvrtc.Compile(pair.Kernel.Source, pair.Kernel.File, options);
            }
            catch (CudaException error)
            {
                wrong.Add($"{pair.Op}, {string.Join("; ", pair.Kernel.Defines)}: {error.Message}");
            }
        });

        Assert.That(wrong, Is.Empty);
    }
}
