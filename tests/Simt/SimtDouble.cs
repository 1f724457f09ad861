using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Engine.Build;
using Engine.Interop;

namespace Engine.Tests.Simt;

/// <summary>Specifies what the double compiles CUDA C to.</summary>
public enum FrontEnd
{
    /// <summary>A shared library, with g++.</summary>
    Cpp,

    /// <summary>PTX, with NVIDIA's own compiler.</summary>
    Ptx,
}

/// <summary>The replacements for libcuda and libnvrtc, built at first use and called as from a C program.</summary>
internal static unsafe class SimtDouble
{
    private static readonly Lazy<string> s_folder = new(Build);
    private static readonly Lazy<nint> s_cuda = new(() => NativeLibrary.Load(Path.Combine(Folder, "libcuda.so.1")));
    private static readonly Lazy<nint> s_nvrtc = new(() => NativeLibrary.Load(Path.Combine(Folder, "libnvrtc.so")));
    private static readonly Lazy<nint> s_ptx =
        new(() => NativeLibrary.Load(Path.Combine(Folder, "ptx", "libnvrtc.so")));

    private static readonly Dictionary<(string File, FrontEnd Maker), byte[]> s_images = [];

    /// <inheritdoc cref="Gates.WhyNoDouble"/>
    public static string? WhyNot => Gates.WhyNoDouble;

    /// <summary>
    /// Gets the folder of libcuda.so.1 and libnvrtc.so; ignores the running test if they cannot be built.
    /// </summary>
    public static string Folder
    {
        get
        {
            if (WhyNot is { } reason)
            {
                Assert.Ignore($"Left out: {reason}.");
            }

            return s_folder.Value;
        }
    }

    /// <summary>
    /// Gets the folder of the libnvrtc.so that makes PTX with NVIDIA's own, and then the folder of the rest.
    /// </summary>
    public static string PtxFolders => $"{Path.Combine(Folder, "ptx")}{Path.PathSeparator}{Folder}";

    /// <summary>Ignores the running test unless the process computes on the double that executes PTX.</summary>
    public static void RequirePtx()
    {
        if (!NativeLibraries.Driver.Exports("simt_meter") || !Nvrtc.Library.IsFound
            || !Nvrtc.Library.Path!.Contains("ptx", StringComparison.Ordinal))
        {
            Assert.Ignore("The double that executes PTX is not here: ENGINE_TEST_CUDA=ptx asks for it.");
        }

        if (Gates.WhyNoPtx is { } reason)
        {
            Assert.Ignore($"Left out: {reason}.");
        }
    }

    private static string Sources => Path.Combine(global::Engine.Build.Repository.Root, "tests", "Simt");

    public static string KernelText(string file) => File.ReadAllText(Path.Combine(Sources, "kernels", file));

    public static nint Cuda(string name) => NativeLibrary.GetExport(s_cuda.Value, name);

    /// <summary>Compiles one of the files in tests/Simt/kernels, once.</summary>
    public static byte[] Compile(string file, FrontEnd maker)
    {
        if (!s_images.TryGetValue((file, maker), out byte[]? image))
        {
            (int code, image, string log) = Compile(
                KernelText(file), file, maker, "--gpu-architecture=sm_90", "--generate-line-info", "--std=c++17");
            Assert.That(code, Is.Zero, log);
            s_images[(file, maker)] = image;
        }

        return image;
    }

    public static (int Code, byte[] Image, string Log) Compile(string source, string name, params string[] options) =>
        Compile(source, name, FrontEnd.Cpp, options);

    public static (int Code, byte[] Image, string Log) Compile(
        string source, string name, FrontEnd maker, params string[] options)
    {
        if (maker == FrontEnd.Ptx && Gates.WhyNoPtx is { } reason)
        {
            Assert.Ignore($"Left out: {reason}.");
        }

        nint Nvrtc(string function) =>
            NativeLibrary.GetExport(maker == FrontEnd.Ptx ? s_ptx.Value : s_nvrtc.Value, function);
        nint program = 0;
        using var text = new CStrings(source, name, KernelText("warp.cuh"), "warp.cuh");
        using var arguments = new CStrings(options);
        var create = (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)Nvrtc("nvrtcCreateProgram");
        var compile = (delegate* unmanaged<nint, int, byte**, int>)Nvrtc("nvrtcCompileProgram");
        var destroy = (delegate* unmanaged<nint*, int>)Nvrtc("nvrtcDestroyProgram");
        Assert.That(create(&program, text[0], text[1], 1, text.Pointers + 2, text.Pointers + 3), Is.Zero);
        int code = compile(program, options.Length, arguments.Pointers);
        byte[] image = code == 0 ? Read(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN", Nvrtc) : [];
        byte[] log = Read(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog", Nvrtc);
        Assert.That(destroy(&program), Is.Zero);
        return (code, image, Encoding.UTF8.GetString(log).TrimEnd('\0'));
    }

    public static string LastReport() => Text("simt_last_report");

    public static string LiveReport() => Text("simt_live_report");

    public static long LiveHandles() => ((delegate* unmanaged<long>)Cuda("simt_live_handles"))();

    /// <summary>Remembers the handles that others in this process hold.</summary>
    public static void Mark() => ((delegate* unmanaged<void>)Cuda("simt_mark"))();

    /// <summary>
    /// Drops everything created since the mark, and makes the context usable again after a kernel failed.
    /// </summary>
    public static void Rewind() => ((delegate* unmanaged<void>)Cuda("simt_rewind"))();

    public static void Set(string name, string? value)
    {
        using var text = new CStrings(name, value ?? "");
        ((delegate* unmanaged<byte*, byte*, void>)Cuda("simt_set"))(text[0], text[1]);
    }

    private static byte[] Read(nint program, string sizeOf, string get, Func<string, nint> function)
    {
        nuint size = 0;
        ((delegate* unmanaged<nint, nuint*, int>)function(sizeOf))(program, &size);
        byte[] bytes = new byte[size];
        fixed (byte* p = bytes)
        {
            if (size > 0)
            {
                ((delegate* unmanaged<nint, byte*, int>)function(get))(program, p);
            }
        }

        return bytes;
    }

    private static string Text(string function)
    {
        byte* text = stackalloc byte[4096];
        ((delegate* unmanaged<byte*, int, int>)Cuda(function))(text, 4096);
        return Marshal.PtrToStringUTF8((nint)text) ?? "";
    }

    private static string Build()
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Sources, "build.sh")]) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? Path.Combine(global::Engine.Build.Repository.Artifacts, "simt")
            : throw new InvalidOperationException("The SIMT double does not build:\n" + errors);
    }

    /// <summary>Texts as C strings.</summary>
    internal sealed class CStrings : IDisposable
    {
        private readonly int _count;

        public CStrings(params string[] texts)
        {
            _count = texts.Length;
            Pointers = (byte**)NativeMemory.AllocZeroed((nuint)_count + 1, (nuint)sizeof(byte*));
            for (int i = 0; i < _count; i++)
            {
                Pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
            }
        }

        public byte** Pointers { get; }

        public byte* this[int i] => Pointers[i];

        public void Dispose()
        {
            for (int i = 0; i < _count; i++)
            {
                Marshal.FreeCoTaskMem((nint)Pointers[i]);
            }

            NativeMemory.Free(Pointers);
        }
    }
}
