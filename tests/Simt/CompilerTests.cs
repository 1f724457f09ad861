namespace Engine.Tests.Simt;

/// <summary>The double's NVRTC accepts and refuses the same sources and options as NVRTC.</summary>
[Category("simt")]
public class CompilerTests
{
    private const int InvalidOption = 5, CompilationFailed = 6;
    private const string Sm90 = "--gpu-architecture=sm_90";

    [OneTimeSetUp]
    public void Build() => _ = SimtDouble.Folder;

    [Test]
    public void An_error_names_the_file_and_the_line_as_NVRTC_does()
    {
        const string Source = "extern \"C\" __global__ void f(float* x)\n{\n    x[0] = undeclared;\n}\n";

        (int code, byte[] image, string log) = SimtDouble.Compile(Source, "wrong.cu", Sm90);

        Assert.That(code, Is.EqualTo(CompilationFailed));
        Assert.That(image, Is.Empty);
        Assert.That(log, Does.Contain("wrong.cu(3): error:").And.Contain("undeclared"));
    }

    [Test]
    public void Headers_of_the_system_are_out_of_reach() =>
        Assert.That(
            SimtDouble.Compile("#include <stdint.h>\n", "std.cu", Sm90).Log, Does.Contain("std.cu(1):"));

    [Test]
    public void Macros_and_the_architecture_come_with_the_options()
    {
        const string Source =
            "#if __CUDA_ARCH__ != 800 || SIDE != 4\n#error wrong\n#endif\nextern \"C\" __global__ void f() {}\n";

        Assert.That(SimtDouble.Compile(Source, "arch.cu", "-arch=sm_80", "-DSIDE=4").Log, Is.Empty);
        Assert.That(SimtDouble.Compile(Source, "arch.cu", "-arch=sm_80", "-D", "SIDE=5").Log, Does.Contain("wrong"));
    }

    [TestCase("--no-such-option")]
    [TestCase("--gpu-architecture=sm_12345")]
    public void An_unknown_option_is_refused(string option)
    {
        (int code, _, string log) = SimtDouble.Compile("", "empty.cu", option);

        Assert.That(code, Is.EqualTo(InvalidOption));
        Assert.That(log, Does.Contain(option));
    }

    [Test]
    public void A_kernel_with_too_much_static_shared_memory_does_not_compile()
    {
        const string Source = """
            extern "C" __global__ void f(float* x)
            {
                __shared__ float s[12289];
                s[threadIdx.x] = x[threadIdx.x];
                __syncthreads();
                x[threadIdx.x] = s[threadIdx.x + 1];
            }
            """;

        (int code, _, string log) = SimtDouble.Compile(Source, "large.cu", Sm90);

        Assert.That(code, Is.EqualTo(CompilationFailed));
        Assert.That(log, Does.Contain("f uses too much shared memory (49156 bytes, 49152 max)"));
    }

    [Test]
    public void Kernels_are_found_however_they_are_written()
    {
        const string Source = """
            #define KERNEL(name) extern "C" __global__ void name
            extern "C" {
            __global__ void __launch_bounds__(2 * 32, 1) first(float* x, int n) { if (n) x[0] = '"'; }
            __launch_bounds__(64) __global__ void second() {}
            }
            KERNEL(third)(int4* p) { p->x = 1; }
            extern "C" __global__ void later(int);
            // extern "C" __global__ void in_a_comment() {}
            const char* text = "extern \"C\" __global__ void in_a_text() {}";
            extern __shared__ float4 at_file_scope[];
            extern "C" __global__ void fourth() { at_file_scope[0] = make_float4(1, 2, 3, 4); }
            """;

        (int code, byte[] image, string log) = SimtDouble.Compile(Source, "many.cu", Sm90);

        Assert.That(code, Is.Zero, log);
        string text = System.Text.Encoding.Latin1.GetString(image);
        string[] kernels = [.. text.Split('\n').Where(line => line.StartsWith("kernel ", StringComparison.Ordinal))];
        Assert.That(kernels, Is.EquivalentTo(
            new[] { "kernel first", "kernel second", "kernel third", "kernel fourth" }));
    }

    [Test]
    public void The_same_text_is_compiled_once_and_kept()
    {
        string source = $"extern \"C\" __global__ void f(int* x) {{ x[0] = {Environment.ProcessId}; }}\n";

        byte[] first = SimtDouble.Compile(source, "same.cu", Sm90).Image;
        byte[] again = SimtDouble.Compile(source, "same.cu", Sm90).Image;

        Assert.That(again, Is.EqualTo(first));
        Assert.That(Directory.EnumerateFiles(Path.Combine(SimtDouble.Folder, "cache")), Is.Not.Empty);
    }
}
