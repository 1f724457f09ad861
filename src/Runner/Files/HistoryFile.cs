using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.Devices;
using Engine.IO;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The file of <c>--history</c>: each epoch's figures, then a line for the test or the comparison.</summary>
internal sealed class HistoryFile : HistoryLog
{
    private const string DeviceNote = "device";

    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Begins a file, and replaces an existing one.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public HistoryFile(string path, bool isSynthetic) : base(path)
    {
        try
        {
            Open();
        }
        catch (EngineException error)
        {
            throw new EngineException($"--history: {error.Message}", error);
        }

        if (isSynthetic)
        {
            Notes["synthetic"] = true;
        }
    }

    /// <summary>Names the device that trains in each line from now on.</summary>
    public void Name(Device device) => Notes[DeviceNote] = device.Name;

    /// <summary>Writes the training's precision in each further line, if it is not the default.</summary>
    public void Name(TrainingPrecision? precision)
    {
        if (precision is { } named)
        {
            Notes["precision"] = $"{named}";
        }
    }

    /// <summary>The last line.</summary>
    public void End(double test, Device device, string figure = "test_accuracy")
    {
        Name(device);
        Write((figure, test));
    }

    /// <summary>Writes the last line of a comparison.</summary>
    public void End(Comparison comparison)
    {
        Notes.Remove(DeviceNote);
        Write(("comparison", JsonSerializer.SerializeToElement(comparison, s_format)));
    }
}
