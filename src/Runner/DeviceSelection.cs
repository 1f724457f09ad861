using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cpu;

namespace Engine.Runner;

/// <summary>Opens the device that the command line and the configuration ask for.</summary>
internal static class DeviceSelection
{
    /// <summary>
    /// Opens the device. Asked for a GPU on the command line, there must be one; asked for one by the configuration, as the
    /// source's .theanorc does, the CPU takes its place with a note.
    /// </summary>
    /// <param name="asked">What the command line asks for.</param>
    /// <param name="options">The configuration with the command line on top.</param>
    /// <param name="notes">Where to say that another device is used than the one configured.</param>
    /// <exception cref="EngineException">The command line asks for a device that is not there.</exception>
    public static Device Open(DeviceChoice? asked, EngineOptions options, TextWriter notes)
    {
        const string Missing = "this version computes on the CPU only";
        if (options.Device.Family == DeviceFamily.Cuda)
        {
            if (asked is not null)
            {
                throw new EngineException($"--device {asked}: {Missing}; use --device cpu.");
            }

            notes.WriteLine($"The configuration asks for device = {options.Device}, but {Missing}: using the cpu.");
        }

        return new CpuDevice(options.Threads);
    }
}
