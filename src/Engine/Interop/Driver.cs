using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>The CUDA driver: checked calls, and information about the machine's GPUs.</summary>
internal static unsafe class Driver
{
    public const int OutOfMemory = 2, NoDevice = 100;

    /// <summary>Gets advice for a machine without a driver.</summary>
    public static string Remedy => Remedies.Driver(Remedies.Here);

    private static readonly Lazy<CudaException?> s_failure = new(Initialize);

    /// <summary>Gets why the driver cannot be used; null if it can.</summary>
    public static CudaException? Failure => s_failure.Value;

    /// <summary>Gets the newest CUDA version that the driver supports: 12.4.</summary>
    public static Version Version
    {
        get
        {
            int version;
            Check(DriverApi.cuDriverGetVersion(&version));
            return new Version(version / 1000, version % 1000 / 10);
        }
    }

    public static int DeviceCount
    {
        get
        {
            int count;
            Check(DriverApi.cuDeviceGetCount(&count));
            return count;
        }
    }

    /// <summary>Loads and starts the driver, once.</summary>
    /// <exception cref="CudaException">There is no driver, or it does not start.</exception>
    public static void Start()
    {
        if (Failure is { } failure)
        {
            throw new CudaException(failure.Message, failure) { Reason = failure.Reason };
        }
    }

    /// <summary>
    /// Throws if a call failed. The message names the entry point, taken from the source text of the call.
    /// </summary>
    /// <exception cref="CudaException">The call failed.</exception>
    public static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0)
        {
            throw Error(result, call);
        }
    }

    public static CudaException Error(int result, string call)
    {
        byte* name = null, text = null;
        _ = DriverApi.cuGetErrorName(result, &name);
        _ = DriverApi.cuGetErrorString(result, &text);
        return new CudaException(
            EntryPoint(call), result, Text(name) ?? "an unknown error", Text(text) ?? "the driver does not say more");
    }

    /// <summary>
    /// Returns the entry point in the source text of a call: <c>cuInit</c> of <c>DriverApi.cuInit(0)</c>.
    /// </summary>
    internal static string EntryPoint(string call) => call.Split('(')[0].Split('.')[^1].Trim();

    private static string? Text(byte* text) => text is null ? null : Marshal.PtrToStringUTF8((nint)text);

    private static CudaException? Initialize()
    {
        NativeLibrarySearch library = NativeLibraries.Driver;
        if (!library.IsFound)
        {
            return new CudaException(
                $"There is no CUDA driver (tried {string.Join(", ", library.Tried)}): {Remedy}, or compute on the CPU.")
            {
                Reason = "there is no CUDA driver",
            };
        }

        int result = DriverApi.cuInit(0);
        return result switch
        {
            0 => null,
            NoDevice => new CudaException($"The CUDA driver ({library.Path}) finds no GPU: compute on the CPU.")
            {
                Reason = "the CUDA driver finds no GPU",
            },
            _ => Error(result, nameof(DriverApi.cuInit)),
        };
    }
}
