using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Runner;

/// <summary>Opens the device that the command line and the configuration ask for.</summary>
internal static class DeviceSelection
{
    /// <summary>
    /// Opens the device. If the command line asks for a GPU, there must be one. If only the configuration asks for one,
    /// as the source's .theanorc does, the CPU replaces it with a note. Auto is a GPU if CUDA works, otherwise the CPU,
    /// and one line says why.
    /// </summary>
    /// <param name="asked">What the command line asks for.</param>
    /// <param name="options">The configuration with the command line on top.</param>
    /// <param name="notes">Where to say that the device differs from the configured one, and why it is not a
    /// GPU.</param>
    /// <param name="profile">Whether to mark the running parts for a profiler, which needs a GPU.</param>
    /// <exception cref="EngineException">The command line asks for a device that cannot be used.</exception>
    public static Device Open(DeviceChoice? asked, EngineOptions options, TextWriter notes, bool profile = false)
    {
        if (options.Device.Family == DeviceFamily.Cpu)
        {
            return profile
                ? throw new EngineException("--profile shows the kernels of a GPU; take away --device cpu.")
                : new CpuDevice(options.Threads);
        }

        try
        {
            if (profile && CudaDevice.WhyNoProfiler is { } reason)
            {
                notes.WriteLine($"--profile: {reason}");
            }

            return new CudaDevice(new CudaOptions
            {
                Ordinal = options.Device.Ordinal ?? 0,
                FastMath = options.FastMath,
                TensorFloat32 = options.TensorFloat32,
                Profile = profile,
            });
        }
        catch (EngineException error) when (profile)
        {
            throw new EngineException($"--profile shows the kernels of a GPU. {error.Message}", error);
        }
        catch (EngineException error) when (options.Device.Family == DeviceFamily.Auto)
        {
            notes.WriteLine($"Using the cpu: {(error as CudaException)?.Reason ?? error.Message.TrimEnd('.')}.");
        }
        catch (EngineException error) when (asked is null)
        {
            notes.WriteLine(
                $"The configuration asks for device = {options.Device}, which cannot be used; "
                + $"using the cpu. {error.Message}");
        }
        catch (EngineException error)
        {
            throw new EngineException($"--device {asked}: {error.Message}", error);
        }

        return new CpuDevice(options.Threads);
    }
}
