using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The entry points of one NVRTC, the compiler of CUDA C at run time; all exist from NVRTC 11.2 on. They are looked up
/// instead of imported, because several libraries may be loaded: a driver may refuse the code of one and accept
/// another's.
/// </summary>
internal sealed unsafe class NvrtcApi(nint library)
{
    public readonly delegate* unmanaged<int*, int*, int> Version =
        (delegate* unmanaged<int*, int*, int>)NativeLibrary.GetExport(library, "nvrtcVersion");

    public readonly delegate* unmanaged<int, byte*> GetErrorString =
        (delegate* unmanaged<int, byte*>)NativeLibrary.GetExport(library, "nvrtcGetErrorString");

    public readonly delegate* unmanaged<int*, int> GetNumSupportedArchs =
        (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "nvrtcGetNumSupportedArchs");

    public readonly delegate* unmanaged<int*, int> GetSupportedArchs =
        (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "nvrtcGetSupportedArchs");

    public readonly delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int> CreateProgram =
        (delegate* unmanaged<nint*, byte*, byte*, int, byte**, byte**, int>)
            NativeLibrary.GetExport(library, "nvrtcCreateProgram");

    public readonly delegate* unmanaged<nint*, int> DestroyProgram =
        (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "nvrtcDestroyProgram");

    public readonly delegate* unmanaged<nint, int, byte**, int> CompileProgram =
        (delegate* unmanaged<nint, int, byte**, int>)NativeLibrary.GetExport(library, "nvrtcCompileProgram");

    public readonly delegate* unmanaged<nint, nuint*, int> GetProgramLogSize = Size(library, "nvrtcGetProgramLogSize");

    public readonly delegate* unmanaged<nint, byte*, int> GetProgramLog = Text(library, "nvrtcGetProgramLog");

    public readonly delegate* unmanaged<nint, nuint*, int> GetCubinSize = Size(library, "nvrtcGetCUBINSize");

    public readonly delegate* unmanaged<nint, byte*, int> GetCubin = Text(library, "nvrtcGetCUBIN");

    public readonly delegate* unmanaged<nint, nuint*, int> GetPtxSize = Size(library, "nvrtcGetPTXSize");

    public readonly delegate* unmanaged<nint, byte*, int> GetPtx = Text(library, "nvrtcGetPTX");

    private static delegate* unmanaged<nint, nuint*, int> Size(nint library, string name) =>
        (delegate* unmanaged<nint, nuint*, int>)NativeLibrary.GetExport(library, name);

    private static delegate* unmanaged<nint, byte*, int> Text(nint library, string name) =>
        (delegate* unmanaged<nint, byte*, int>)NativeLibrary.GetExport(library, name);
}
