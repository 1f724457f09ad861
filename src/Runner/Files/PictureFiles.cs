using System.Text;
using Engine.IO;
using Engine.Plots;

namespace Engine.Runner;

/// <summary>Writes pictures where the user wants them.</summary>
internal static class PictureFiles
{
    private static readonly string[] s_endings = [".png", ".svg"];

    /// <summary>Refuses a file name that is not a picture's.</summary>
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
            byte[] content = file.EndsWith(".svg", StringComparison.OrdinalIgnoreCase)
                ? Encoding.UTF8.GetBytes(picture.ToSvg())
                : picture.ToPng();
            WholeFile.Write(file, stream => stream.Write(content));
        }
        catch (EngineException error)
        {
            throw new EngineException($"{option}: {error.Message}", error);
        }

        output.WriteLine($"{file}: {picture.Width}x{picture.Height}");
    }
}
