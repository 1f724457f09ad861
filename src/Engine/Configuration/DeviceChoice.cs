using System.Globalization;

namespace Engine.Configuration;

/// <summary>Represents the kinds of device a user can ask for.</summary>
public enum DeviceFamily
{
    /// <summary>CUDA where a driver, NVRTC and a GPU are found, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}

/// <summary>Represents the device a user asked for.</summary>
/// <param name="Family">Which kind.</param>
/// <param name="Ordinal">Which GPU, counted from 0 as the driver counts; null: the first.</param>
public readonly record struct DeviceChoice(DeviceFamily Family, int? Ordinal = null)
{
    /// <summary>Represents what can be written, for messages.</summary>
    public const string Values = "auto, cpu, cuda, gpu, or one GPU: cuda0, cuda1 …";

    /// <summary>
    /// Reads <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda1</c>, in any case; <c>gpu</c> and <c>gpu1</c>, Theano's
    /// older names, mean the same as <c>cuda</c> and <c>cuda1</c>.
    /// </summary>
    public static bool TryParse(string? text, out DeviceChoice choice)
    {
        ReadOnlySpan<char> name = (text ?? "").Trim().ToLowerInvariant();
        choice = new DeviceChoice(name is "cpu" ? DeviceFamily.Cpu : DeviceFamily.Auto);
        if (name is "auto" or "cpu")
        {
            return true;
        }

        ReadOnlySpan<char> number = name.StartsWith("cuda") ? name[4..] : name.StartsWith("gpu") ? name[3..] : "none";
        bool numbered = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal);
        choice = new DeviceChoice(DeviceFamily.Cuda, numbered ? ordinal : null);
        return numbered || number.IsEmpty;
    }

    /// <summary>Returns the name by which it is asked for: <c>cuda1</c>.</summary>
    public override string ToString() => Family.ToString().ToLowerInvariant()
        + Ordinal?.ToString(CultureInfo.InvariantCulture);
}
