using Engine.Compile;
using Engine.IO;

namespace Engine.Runner;

/// <summary>Measures the times of kernels while a command runs, prints them, and writes their trace.</summary>
internal static class Profiling
{
    /// <summary>Lets functions that are compiled from now on measure times.</summary>
    public static Profile Start()
    {
        var profile = new Profile();
        CompileOptions.Default = CompileOptions.Default with { Profile = profile };
        return profile;
    }

    /// <summary>Prints the table and, if a file is named, writes the trace. The device must still be open.</summary>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public static void End(Profile profile, string? trace, TextWriter output)
    {
        output.Write(profile);
        if (trace is null)
        {
            return;
        }

        try
        {
            WholeFile.Write(trace, profile.WriteTrace);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--trace: {error.Message}", error);
        }

        output.WriteLine($"The trace is in {trace}: open it at ui.perfetto.dev or in chrome://tracing.");
    }
}
