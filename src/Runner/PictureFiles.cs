using Engine.Plots;

namespace Engine.Runner;

/// <summary>Writes pictures where the user wants them.</summary>
internal static class PictureFiles
{
    private static readonly string[] s_endings = [".png", ".svg"];

    /// <summary>Refuses a file that is named as no picture.</summary>
    /// <exception cref="EngineException">It is neither .png nor .svg.</exception>
    public static void RequireFormat(string option, string file)
    {
        if (!s_endings.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
        {
            throw new EngineException($"{option}: a picture is a .png or a .svg file, not {file}.");
        }
    }

    /// <summary>Writes a picture and says so.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public static void Save(Picture picture, string option, string file, TextWriter output)
    {
        RequireFormat(option, file);
        TrainingOptions.CheckWritable(option, file);
        try
        {
            picture.Save(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"{option}: {file} cannot be written: {error.Message}", error);
        }

        output.WriteLine($"{file}: {picture.Width}x{picture.Height}");
    }
}
