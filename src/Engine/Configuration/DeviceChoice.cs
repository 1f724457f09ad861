using System.Globalization;

namespace Engine.Configuration;

/// <summary>Specifies the kind of device that a user asks for.</summary>
public enum DeviceFamily
{
    /// <summary>CUDA if a driver, NVRTC and a GPU are found, else the CPU.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
}

/// <summary>Represents the device that a user asks for.</summary>
/// <param name="Family">The kind.</param>
/// <param name="Ordinal">The number of the GPU, from 0, as the driver counts; null for the first one.</param>
public readonly record struct DeviceChoice(DeviceFamily Family, int? Ordinal = null)
{
    /// <summary>Represents the possible values, for messages.</summary>
    public const string Values = "auto, cpu, cuda, gpu, or one GPU: cuda0, cuda1 …";

    /// <summary>
    /// Parses <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda1</c>, in upper or lower case; <c>gpu</c> and <c>gpu1</c>,
    /// Theano's older names, mean the same as <c>cuda</c> and <c>cuda1</c>.
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

    /// <summary>Returns the name of the choice: <c>cuda1</c>.</summary>
    public override string ToString() => Family.ToString().ToLowerInvariant()
        + Ordinal?.ToString(CultureInfo.InvariantCulture);
}
