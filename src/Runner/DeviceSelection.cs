using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Runner;

/// <summary>Opens the device that the command line and the configuration ask for.</summary>
internal static class DeviceSelection
{
    /// <summary>
    /// Opens the device. Asked for a GPU on the command line, there must be one; asked for one by the configuration, as the
    /// source's .theanorc does, the CPU takes its place with a note. Auto is the CPU.
    /// </summary>
    /// <param name="asked">What the command line asks for.</param>
    /// <param name="options">The configuration with the command line on top.</param>
    /// <param name="notes">Where to say that another device is used than the one configured.</param>
    /// <exception cref="EngineException">The command line asks for a device that cannot be used.</exception>
    public static Device Open(DeviceChoice? asked, EngineOptions options, TextWriter notes)
    {
        if (options.Device.Family != DeviceFamily.Cuda)
        {
            return new CpuDevice(options.Threads);
        }

        try
        {
            return new CudaDevice(new CudaOptions
            {
                Ordinal = options.Device.Ordinal ?? 0,
                FastMath = options.FastMath,
            });
        }
        catch (EngineException error) when (asked is null)
        {
            notes.WriteLine(
                $"The configuration asks for device = {options.Device}, which cannot be used; using the cpu. {error.Message}");
            return new CpuDevice(options.Threads);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--device {asked}: {error.Message}", error);
        }
    }
}
