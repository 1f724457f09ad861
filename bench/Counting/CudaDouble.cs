using System.Runtime.InteropServices;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Bench.Counting;

/// <summary>The double of CUDA that executes PTX (tests/Simt) in place of the driver: a device that counts.</summary>
internal sealed unsafe class CudaDouble : IDisposable
{
    private CudaDouble(CudaDevice device) => Device = device;

    public CudaDevice Device { get; }

    /// <summary>Opens the double as a GPU with a compute capability, such as 90.</summary>
    /// <param name="folder">The folder of its libraries: artifacts/simt.</param>
    /// <param name="architecture">The compute capability.</param>
    /// <param name="tensorFloat32">Whether products are rounded to TF32, for tensor cores.</param>
    /// <exception cref="EngineException">It does not exist, or there is no NVRTC for it.</exception>
    public static CudaDouble Open(string folder, int architecture, bool tensorFloat32 = false)
    {
        Environment.SetEnvironmentVariable(
            "ENGINE_CUDA_PATH", $"{Path.Combine(folder, "ptx")}{Path.PathSeparator}{folder}");
        if (!NativeLibraries.Driver.Exports("simt_meter"))
        {
            throw new EngineException(
                $"The double of CUDA is not in {folder}: tests/Simt/build.sh builds it, as ./build.sh count does.");
        }

        fixed (byte* name = "SIMT_ARCH"u8, value = System.Text.Encoding.ASCII.GetBytes($"{architecture}\0"))
        {
            ((delegate* unmanaged<byte*, byte*, void>)Export("simt_set"))(name, value);
        }

        return new CudaDouble(new CudaDevice(new CudaOptions
        {
            CacheFolder = Path.Combine(folder, "ptx", "cache"),
            TensorFloat32 = tensorFloat32,
        }));
    }

    /// <summary>Returns the counts of the launches of an action, in their order.</summary>
    public LaunchCount[] Count(Action act)
    {
        var meter = (delegate* unmanaged<int, void>)Export("simt_meter");
        var read = (delegate* unmanaged<byte*, int, int>)Export("simt_counts");
        meter(1);
        act();
        int length = read(null, 0);
        var text = new byte[length + 1];
        fixed (byte* start = text)
        {
            _ = read(start, text.Length);
        }

        meter(0);
        return LaunchCount.Read(System.Text.Encoding.ASCII.GetString(text, 0, length));
    }

    public void Dispose() => Device.Dispose();

    private static nint Export(string name) => NativeLibrary.GetExport(NativeLibraries.Driver.Handle, name);
}
