namespace Engine.Interop;

/// <summary>NVRTC, the compiler of CUDA C at run time: the preferred one if there are several.</summary>
internal static class Nvrtc
{
    private static readonly Lazy<NvrtcLibrary> s_preferred = new(() => new NvrtcLibrary(Library));

    private static readonly Lazy<NvrtcLibrary[]> s_others =
        new(() => [.. NativeLibraries.OtherNvrtcs.Select(library => new NvrtcLibrary(library))]);

    /// <summary>Gets advice for a machine without it.</summary>
    public static string Remedy => Remedies.Nvrtc(Remedies.Here);

    /// <summary>Gets the outcome of the search for it.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.Nvrtc;

    /// <summary>Gets why it cannot be used; null if it can.</summary>
    public static CudaException? Failure => Library.IsFound ? null : new CudaException(
        $"There is no NVRTC, NVIDIA's run-time compiler (tried {string.Join(", ", Library.Tried)}): {Remedy}, "
        + "or compute on the CPU.")
    {
        Reason = "there is no NVRTC, NVIDIA's run-time compiler",
    };

    /// <summary>Gets the preferred library.</summary>
    /// <exception cref="CudaException">There is none.</exception>
    public static NvrtcLibrary Preferred => Failure is { } failure ? throw failure : s_preferred.Value;

    /// <summary>
    /// Gets the other libraries of this machine, those that suit the driver's version first; they are searched for at
    /// the first call.
    /// </summary>
    public static IReadOnlyList<NvrtcLibrary> Others => s_others.Value;

    /// <inheritdoc cref="NvrtcLibrary.Version"/>
    public static Version Version => Preferred.Version;

    /// <inheritdoc cref="NvrtcLibrary.Architectures"/>
    public static IReadOnlyList<int> Architectures => Preferred.Architectures;

    /// <inheritdoc cref="NvrtcLibrary.Compile"/>
    public static byte[] Compile(string source, string name, IReadOnlyList<string> options, bool toPtx = false) =>
        Preferred.Compile(source, name, options, toPtx);

    /// <inheritdoc cref="NvrtcLibrary.CompileToBoth"/>
    public static (byte[] Cubin, byte[] Ptx) CompileToBoth(string source, string name, IReadOnlyList<string> options) =>
        Preferred.CompileToBoth(source, name, options);
}
