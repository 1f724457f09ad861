using System.Text;

namespace Engine.Interop;

/// <summary>One of the machine's GPUs.</summary>
internal sealed unsafe class Gpu
{
    private const int MultiprocessorCountAttribute = 16, MajorAttribute = 75, MinorAttribute = 76;
    private const int SharedBytesOptInAttribute = 97;

    /// <summary>Opens the GPU with a number, as the driver counts.</summary>
    /// <exception cref="CudaException">There is no driver, or no such GPU.</exception>
    public Gpu(int ordinal)
    {
        Driver.Start();
        int count = Driver.DeviceCount;
        if (ordinal < 0 || ordinal >= count)
        {
            throw new CudaException(
                $"There is no GPU {ordinal}: the driver finds {count}, numbered from 0 ({Names(count)}).");
        }

        int device;
        Driver.Check(DriverApi.cuDeviceGet(&device, ordinal));
        Ordinal = ordinal;
        Device = device;
    }

    public int Ordinal { get; }

    /// <summary>Gets the driver's handle.</summary>
    public int Device { get; }

    public string Name
    {
        get
        {
            Span<byte> name = stackalloc byte[256];
            fixed (byte* start = name)
            {
                Driver.Check(DriverApi.cuDeviceGetName(start, name.Length, Device));
            }

            return Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]);
        }
    }

    /// <summary>Gets the compute capability, 10 times the major number plus the minor: 90.</summary>
    public int Architecture => (10 * Attribute(MajorAttribute)) + Attribute(MinorAttribute);

    public int Multiprocessors => Attribute(MultiprocessorCountAttribute);

    /// <summary>Gets the most shared memory that a block may ask for.</summary>
    public int SharedBytes => Attribute(SharedBytesOptInAttribute);

    public long Bytes
    {
        get
        {
            nuint bytes;
            Driver.Check(DriverApi.cuDeviceTotalMem_v2(&bytes, Device));
            return (long)bytes;
        }
    }

    /// <summary>Returns an attribute, or 0 if the driver does not know it.</summary>
    public int TryAttribute(int attribute)
    {
        int value;
        return DriverApi.cuDeviceGetAttribute(&value, attribute, Device) == 0 ? value : 0;
    }

    private static string Names(int count) =>
        string.Join(", ", Enumerable.Range(0, count).Select(ordinal => $"{ordinal} is a {new Gpu(ordinal).Name}"));

    private int Attribute(int attribute)
    {
        int value;
        Driver.Check(DriverApi.cuDeviceGetAttribute(&value, attribute, Device));
        return value;
    }
}
