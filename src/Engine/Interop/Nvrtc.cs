using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Interop;

/// <summary>NVRTC, which compiles CUDA C while the program runs: checked calls.</summary>
internal static unsafe class Nvrtc
{
    /// <summary>What to do where there is none.</summary>
    public static string Remedy => Remedies.Nvrtc(Remedies.Here);

    private const int BuiltinsMissing = 7;

    /// <summary>Where it was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.Nvrtc;

    /// <summary>Why it cannot be used; null if it can.</summary>
    public static CudaException? Failure => Library.IsFound ? null : new CudaException(
        $"There is no NVRTC, NVIDIA's run-time compiler (tried {string.Join(", ", Library.Tried)}): {Remedy}, or compute on the "
        + "CPU.")
    {
        Reason = "there is no NVRTC, NVIDIA's run-time compiler",
    };

    /// <exception cref="CudaException">There is no NVRTC.</exception>
    public static Version Version
    {
        get
        {
            Require();
            int major, minor;
            Check(NvrtcApi.nvrtcVersion(&major, &minor));
            return new Version(major, minor);
        }
    }

    /// <summary>The compute capabilities that it compiles for, ascending: 50 … 90.</summary>
    /// <exception cref="CudaException">There is no NVRTC.</exception>
    public static IReadOnlyList<int> Architectures
    {
        get
        {
            Require();
            int count;
            Check(NvrtcApi.nvrtcGetNumSupportedArchs(&count));
            int[] architectures = new int[count];
            fixed (int* start = architectures)
            {
                Check(NvrtcApi.nvrtcGetSupportedArchs(start));
            }

            return [.. architectures.Order()];
        }
    }

    /// <summary>Compiles a source file.</summary>
    /// <param name="source">CUDA C.</param>
    /// <param name="name">Its name in messages: <c>gemm.cu</c>.</param>
    /// <param name="options">As on the command line of nvcc.</param>
    /// <param name="toPtx">Whether to stop at PTX, which a driver compiles on for newer GPUs; else a cubin is made.</param>
    /// <returns>What <see cref="CudaModuleHandle"/> loads.</returns>
    /// <exception cref="CudaException">It does not compile; the message is the compiler's log.</exception>
    public static byte[] Compile(string source, string name, IReadOnlyList<string> options, bool toPtx = false) =>
        Compile<byte[]>(source, name, options, toPtx ? Ptx : Cubin);

    /// <summary>Compiles a source file to a cubin, and gives the PTX too that it was made from.</summary>
    /// <exception cref="CudaException">It does not compile; the message is the compiler's log.</exception>
    public static (byte[] Cubin, byte[] Ptx) CompileToBoth(string source, string name, IReadOnlyList<string> options) =>
        Compile(source, name, options, program => (Cubin(program), Ptx(program)));

    private static T Compile<T>(string source, string name, IReadOnlyList<string> options, Func<nint, T> take)
    {
        Require();
        nint program = 0;
        nint[] texts = [.. options.Select(Marshal.StringToCoTaskMemUTF8)];
        try
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(source + '\0'), file = Encoding.UTF8.GetBytes(name + '\0'))
            {
                Check(NvrtcApi.nvrtcCreateProgram(&program, text, file, 0, null, null));
            }

            fixed (nint* arguments = texts)
            {
                int result = NvrtcApi.nvrtcCompileProgram(program, texts.Length, (byte**)arguments);
                if (result != 0)
                {
                    throw Refused(result, name, Log(program).Trim());
                }
            }

            return take(program);
        }
        finally
        {
            foreach (nint text in texts)
            {
                Marshal.FreeCoTaskMem(text);
            }

            if (program != 0)
            {
                _ = NvrtcApi.nvrtcDestroyProgram(&program);
            }
        }
    }

    private static CudaException Refused(int result, string name, string log) => result == BuiltinsMissing
        ? new CudaException(
            $"NVRTC ({Library.Path}) does not find its builtins, a library libnvrtc-builtins of its own version that belongs "
            + $"beside it: {Remedy}, or compute on the CPU. Its log: {log.ReplaceLineEndings(" ")}")
        : new CudaException($"{name} does not compile ({Text(result)}):\n{log}");

    private static byte[] Cubin(nint program)
    {
        nuint bytes;
        Check(NvrtcApi.nvrtcGetCUBINSize(program, &bytes));
        var cubin = new byte[bytes];
        fixed (byte* start = cubin)
        {
            Check(NvrtcApi.nvrtcGetCUBIN(program, start));
        }

        return cubin;
    }

    private static byte[] Ptx(nint program)
    {
        nuint bytes;
        Check(NvrtcApi.nvrtcGetPTXSize(program, &bytes));
        var ptx = new byte[bytes];
        fixed (byte* start = ptx)
        {
            Check(NvrtcApi.nvrtcGetPTX(program, start));
        }

        return ptx;
    }

    private static string Log(nint program)
    {
        nuint bytes;
        Check(NvrtcApi.nvrtcGetProgramLogSize(program, &bytes));
        var log = new byte[bytes];
        fixed (byte* start = log)
        {
            Check(NvrtcApi.nvrtcGetProgramLog(program, start));
        }

        return Encoding.UTF8.GetString(log).TrimEnd('\0');
    }

    private static void Require()
    {
        if (Failure is { } failure)
        {
            throw failure;
        }
    }

    private static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
        {
            throw new CudaException(Driver.EntryPoint(call), result, Text(result), "NVRTC refused");
        }
    }

    private static string Text(int result) => Marshal.PtrToStringUTF8((nint)NvrtcApi.nvrtcGetErrorString(result))!;
}
