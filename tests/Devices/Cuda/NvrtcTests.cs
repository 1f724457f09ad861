using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The real compiler compiles every kernel, in every variant that the ops and the two networks use, for every supported
/// GPU. The tests run if NVRTC is installed and no double replaces it.
/// </summary>
[TestFixture]
public partial class NvrtcTests
{
    public const int OldestSupported = 75, NewestSupported = 90;

    // Spilled registers and stack frames use local memory; either is then an error.
    private static readonly string[] s_inRegisters =
    [
        "--ptxas-options=--warn-on-spills",
        "--ptxas-options=--warn-on-local-memory-usage",
        "--ptxas-options=--warning-as-error",
    ];

    private static readonly int[] s_between = [80, 86, 89];

    // Texts that passed are not compiled again until the text or the compiler changes.
    private static readonly CubinCache s_passed = new(Path.Combine(AppContext.BaseDirectory, "nvrtc-passed"));

    /// <summary>
    /// Returns the kernels that must be fast; double precision is for checks, unless a network uses it. All launches of
    /// the networks are tested on every GPU, and one of each kernel on the oldest, on the newest and on one between
    /// them. The ops' other examples differ mainly in the function they compute; they are divided between the oldest
    /// GPU and the newest.
    /// </summary>
    private static IEnumerable<KernelVariant> Fast(int architecture)
    {
        KernelVariant[] examples = [.. KernelVariants.Examples.Where(variant => !variant.IsDouble)];
        IEnumerable<KernelVariant> ofEach =
            examples.DistinctBy(variant => (variant.Function.File, variant.Function.Entry))
                .Concat(LargeKernels.OfTensorCores);
        int between = Array.IndexOf(s_between, architecture);
        return KernelVariants.Experiments
            .Concat(between < 0 ? ofEach : ofEach.Where((_, i) => i % s_between.Length == between))
            .Concat(examples.Where((_, i) => between < 0 && i % 2 == (architecture == OldestSupported ? 0 : 1)))
            .Where(variant => architecture >= 80 || !variant.NeedsTensorCores)
            .DistinctBy(variant => variant.Source);
    }

    [Test]
    public void Every_variant_compiles_stays_in_registers_and_adds_no_floats_atomically(
        [Values(OldestSupported, 80, 86, 89, NewestSupported)] int architecture)
    {
        Require(architecture);
        RequireOfEach(Fast(architecture), [.. Options(architecture), .. s_inRegisters], Check);
    }

    [Test]
    public void And_for_the_newest_gpu_that_this_nvrtc_knows()
    {
        Require();
        int newest = Nvrtc.Architectures.Max();
        if (newest <= NewestSupported)
        {
            Assert.Pass($"NVRTC {Nvrtc.Version} knows none newer than sm_{NewestSupported}.");
        }

        RequireOfEach(Fast(newest), [.. Options(newest), .. s_inRegisters], Check);
    }

    /// <summary>
    /// For one GPU, up to PTX: these kernels need not stay in registers, and those with sin and cos do not.
    /// <see cref="PtxTests"/> compiles the ops' other examples, and runs them.
    /// </summary>
    [Test]
    public void Every_kernel_in_double_precision_compiles()
    {
        Require();
        RequireOfEach(
            KernelVariants.Examples.Where(variant => variant.IsDouble)
                .DistinctBy(variant => (variant.Function.File, variant.Function.Entry)),
            KernelImages.Options("compute_80", fastMath: false),
            (variant, options) => Nvrtc.Compile(variant.Source, variant.Function.File, options, toPtx: true));
    }

    [TestCase("float n[256]; for (int i = 0; i < 256; i++) n[i] = x[i]; x[0] = n[int(x[1])];", "Local memory used")]
    [TestCase(
        """
        float n[64];
        #pragma unroll
        for (int i = 0; i < 64; i++) n[i] = x[i * 1024 + threadIdx.x];
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < 64; i++) x[i * 1024 + threadIdx.x] = n[i * 13 % 64] * n[(i * 7 + 3) % 64];
        """,
        "Registers are spilled")]
    public void A_kernel_that_does_not_stay_in_registers_is_told_from_others(string statements, string found)
    {
        Require();
        string source = $$"""
            extern "C" __global__ void __launch_bounds__(1024, 2) keep(float* x)
            {
                {{statements}}
            }
            """;

        Assert.That(
            () => Nvrtc.Compile(source, "keep.cu", [.. Options(80), .. s_inRegisters]),
            Throws.TypeOf<CudaException>().With.Message.Contains(found));
    }

    /// <summary>The expected numbers are those that ptxas prints with its verbose option.</summary>
    [TestCase(75)]
    [TestCase(80)]
    [TestCase(NewestSupported)]
    public void Registers_shared_memory_and_stack_are_read_off_a_cubin(int architecture)
    {
        Require(architecture);
        const string Source = """
            extern "C" __global__ void keep(float* x)
            {
                __shared__ float s[100];
                s[threadIdx.x] = x[threadIdx.x];
                __syncthreads();
                float n[256];
                for (int i = 0; i < 256; i++) n[i] = x[i] * s[i % 100];
                x[0] = n[int(x[1])];
            }
            extern "C" __global__ void other(float* x) { x[threadIdx.x] = 0; }
            """;
        byte[] cubin = Nvrtc.Compile(Source, "keep.cu", Options(architecture));

        KernelResources keep = Cubin.Resources(cubin, "keep")!.Value, other = Cubin.Resources(cubin, "other")!.Value;

        Assert.That((keep.SharedBytes, keep.LocalBytes), Is.EqualTo((400, 1024)));
        Assert.That((other.SharedBytes, other.LocalBytes), Is.EqualTo((0, 0)));
        Assert.That(keep.Registers, Is.GreaterThan(other.Registers));
        Assert.That(other.Registers, Is.InRange(2, 32));
        Assert.That(Cubin.Resources(cubin, "none"), Is.Null);
    }

    /// <summary>NVRTC 13 writes version 8 of ELF's ABI, in which the compute capability is one byte higher.</summary>
    [Test]
    public void What_the_system_keeps_of_shared_memory_is_left_out_in_both_versions_of_the_elf_header()
    {
        Require(NewestSupported);
        const string Source = """
            extern "C" __global__ void keep(float* x)
            {
                __shared__ float s[512];
                s[threadIdx.x] = x[threadIdx.x];
                __syncthreads();
                x[threadIdx.x] = s[511 - threadIdx.x];
            }
            """;
        byte[] cubin = Nvrtc.Compile(Source, "keep.cu", Options(NewestSupported));
        byte[] moved = [.. cubin];
        (moved[8], moved[48], moved[49]) = (8, 2, NewestSupported);

        Assert.That(Cubin.Resources(cubin, "keep")!.Value.SharedBytes, Is.EqualTo(2048));
        Assert.That(Cubin.Resources(moved, "keep")!.Value.SharedBytes, Is.EqualTo(2048));
    }

    [Test]
    public void What_is_no_cubin_tells_nothing() => Assert.That(
        Cubin.Resources(Encoding.ASCII.GetBytes(".version 8.4\n.target sm_90\n".PadRight(100)), "keep"), Is.Null);

    [TestCase("atomicAdd(out, 1.0f)", true)]
    [TestCase("out[0] = atomicAdd(out, 1.0f)", true)]
    [TestCase("atomicAdd((double*)out, 1.0)", true)]
    [TestCase("atomicAdd((int*)out, 1)", false)]
    public void A_kernel_that_adds_floats_atomically_is_told_from_others(string statement, bool adds)
    {
        Require();
        string source = $$"""extern "C" __global__ void add(float* out) { {{statement}}; }""";

        (_, byte[] ptx) = Nvrtc.CompileToBoth(source, "add.cu", Options(80));

        Assert.That(FloatAtomics().IsMatch(Encoding.ASCII.GetString(ptx)), Is.EqualTo(adds));
    }

    [Test]
    public void What_does_not_compile_is_shown_with_its_file_and_line()
    {
        Require();
        var kernel = new CudaKernel("reduce.cu", "reduce_rows", "T float", "JOIN(a, b) (a + nothing)", "START (T(0))");

        Assert.That(
            () => Nvrtc.Compile(kernel.Source, kernel.File, Options(80)),
            Throws.TypeOf<CudaException>().With.Message.Contains("reduce.cu does not compile")
                .And.Message.Contains("nothing").And.Message.Match(@"reduce\.cu[(:]\d+"));
    }

    /// <summary>Sums in the order in which blocks run would differ from run to run.</summary>
    private static void Check(KernelVariant variant, string[] options)
    {
        (_, byte[] ptx) = Nvrtc.CompileToBoth(variant.Source, variant.Function.File, options);
        if (FloatAtomics().Match(Encoding.ASCII.GetString(ptx)) is { Success: true } found)
        {
            throw new CudaException($"{variant.Function.File} has {found.Value}");
        }
    }

    private static string[] Options(int architecture) =>
        KernelImages.Options($"sm_{architecture}", fastMath: false);

    private static void Require(int architecture = 80)
    {
        if (!Nvrtc.Library.IsFound)
        {
            Assert.Ignore("There is no NVRTC here.");
        }

        if (Nvrtc.Library.Exports("simt_live_programs"))
        {
            Assert.Ignore("The double takes NVRTC's place: to try the real one, name its folder in ENGINE_CUDA_PATH.");
        }

        if (!Nvrtc.Architectures.Contains(architecture))
        {
            Assert.Ignore($"NVRTC {Nvrtc.Version} does not know sm_{architecture}.");
        }
    }

    private static void RequireOfEach(
        IEnumerable<KernelVariant> variants, string[] options, Action<KernelVariant, string[]> check)
    {
        string library = Nvrtc.Library.Path!;
        string compiler = $"{Nvrtc.Version} {library} {File.GetLastWriteTimeUtc(library)}";
        var wrong = new ConcurrentBag<string>();
        Parallel.ForEach(variants, variant =>
        {
            string key = string.Join('\n', [compiler, .. options, variant.Source]);
            if (s_passed.Find(key) is not null)
            {
                return;
            }

            try
            {
                check(variant, options);
                s_passed.Keep(key, "passed"u8);
            }
            catch (CudaException error)
            {
                string defines = string.Join(", ", (variant.Function as CudaKernel)?.Defines ?? []);
                wrong.Add($"{variant} ({defines}): {error.Message}");
            }
        });

        Assert.That(wrong, Is.Empty);
    }

    // In PTX: atom.global.add.f32, red.shared.add.noftz.f16x2, red.relaxed.gpu.global.add.f64 …
    [GeneratedRegex(@"\b(atom|red)\.[\w.:]*\b(f16|f16x2|bf16|bf16x2|f32|f64)\b")]
    private static partial Regex FloatAtomics();
}
