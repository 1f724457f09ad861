using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Interop;

/// <summary>Checked calls of one NVRTC that was found.</summary>
internal sealed unsafe class NvrtcLibrary(NativeLibrarySearch library)
{
    private const int BuiltinsMissing = 7;

    private readonly NvrtcApi _api = new(library.Handle);

    /// <summary>Gets its path.</summary>
    public string Path => library.Path!;

    /// <summary>Gets its version: 12.4.</summary>
    public Version Version
    {
        get
        {
            int major, minor;
            Check(_api.Version(&major, &minor));
            return new Version(major, minor);
        }
    }

    /// <summary>Gets the compute capabilities that it can compile for, in ascending order: 50 … 90.</summary>
    public IReadOnlyList<int> Architectures
    {
        get
        {
            int count;
            Check(_api.GetNumSupportedArchs(&count));
            int[] architectures = new int[count];
            fixed (int* start = architectures)
            {
                Check(_api.GetSupportedArchs(start));
            }

            return [.. architectures.Order()];
        }
    }

    /// <summary>Compiles a source file.</summary>
    /// <param name="source">CUDA C.</param>
    /// <param name="name">The name in messages: <c>gemm.cu</c>.</param>
    /// <param name="options">Options as on the command line of nvcc.</param>
    /// <param name="toPtx">
    /// Whether to stop at PTX, which a driver compiles further for newer GPUs; else the result is a cubin.
    /// </param>
    /// <returns>An image for <see cref="CudaModuleHandle"/>.</returns>
    /// <exception cref="CudaException">The source does not compile; the message is the compiler's log.</exception>
    public byte[] Compile(string source, string name, IReadOnlyList<string> options, bool toPtx = false) =>
        Compile<byte[]>(source, name, options, toPtx ? Ptx : Cubin);

    /// <summary>Compiles a source file to a cubin, and also returns the PTX from which it was made.</summary>
    /// <exception cref="CudaException">The source does not compile; the message is the compiler's log.</exception>
    public (byte[] Cubin, byte[] Ptx) CompileToBoth(string source, string name, IReadOnlyList<string> options) =>
        Compile(source, name, options, program => (Cubin(program), Ptx(program)));

    private T Compile<T>(string source, string name, IReadOnlyList<string> options, Func<nint, T> take)
    {
        nint program = 0;
        nint[] texts = [.. options.Select(Marshal.StringToCoTaskMemUTF8)];
        try
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(source + '\0'), file = Encoding.UTF8.GetBytes(name + '\0'))
            {
                Check(_api.CreateProgram(&program, text, file, 0, null, null));
            }

            fixed (nint* arguments = texts)
            {
                int result = _api.CompileProgram(program, texts.Length, (byte**)arguments);
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
                _ = _api.DestroyProgram(&program);
            }
        }
    }

    private CudaException Refused(int result, string name, string log) => result == BuiltinsMissing
        ? new CudaException(
            $"NVRTC ({Path}) does not find its builtins, a library libnvrtc-builtins of its own version that belongs "
            + $"beside it: {Nvrtc.Remedy}, or compute on the CPU. Its log: {log.ReplaceLineEndings(" ")}")
        : new CudaException($"{name} does not compile ({Text(result)}):\n{log}");

    private byte[] Cubin(nint program)
    {
        nuint bytes;
        Check(_api.GetCubinSize(program, &bytes));
        var cubin = new byte[bytes];
        fixed (byte* start = cubin)
        {
            Check(_api.GetCubin(program, start));
        }

        return cubin;
    }

    private byte[] Ptx(nint program)
    {
        nuint bytes;
        Check(_api.GetPtxSize(program, &bytes));
        var ptx = new byte[bytes];
        fixed (byte* start = ptx)
        {
            Check(_api.GetPtx(program, start));
        }

        return ptx;
    }

    private string Log(nint program)
    {
        nuint bytes;
        Check(_api.GetProgramLogSize(program, &bytes));
        var log = new byte[bytes];
        fixed (byte* start = log)
        {
            Check(_api.GetProgramLog(program, start));
        }

        return Encoding.UTF8.GetString(log).TrimEnd('\0');
    }

    private void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
        {
            throw new CudaException($"nvrtc{Driver.EntryPoint(call)}", result, Text(result), "NVRTC refused");
        }
    }

    private string Text(int result) => Marshal.PtrToStringUTF8((nint)_api.GetErrorString(result))!;
}
