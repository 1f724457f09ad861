using Engine.Configuration;

namespace Engine.Runner;

/// <summary>What <c>mlp</c> and <c>cnn</c> are told on the command line; its defaults are the source's.</summary>
internal sealed record TrainingOptions
{
    /// <summary>The device asked for; null: as configured.</summary>
    public DeviceChoice? Device { get; init; }

    /// <summary>The threads asked for; null: as configured.</summary>
    public int? Threads { get; init; }

    public string? Data { get; init; }

    /// <summary>How many of the training and of the test images to take; null for all.</summary>
    public int? Images { get; init; }

    public required int Epochs { get; init; }

    public int Batch { get; init; } = 128;

    public required float LearningRate { get; init; }

    public float Momentum { get; init; } = 0.9f;

    public int Seed { get; init; } = 42;

    /// <summary>The sizes of the hidden layers; empty where the network has no such option.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [];

    /// <summary>Whether the network is the perceptron, which takes the images' pixels as one row.</summary>
    public bool IsFlat => Hidden.Count > 0;

    public string? History { get; init; }

    public string? Save { get; init; }

    public string? Load { get; init; }

    /// <summary>How to profile.</summary>
    public ProfileKind Profile { get; init; }

    /// <summary>Where to write when each kernel ran.</summary>
    public string? Trace { get; init; }

    public bool Quiet { get; init; }

    /// <summary>Finds out before the training whether its files can be read and written, not after it.</summary>
    /// <exception cref="EngineException">One cannot; the message names the option and the file.</exception>
    public void CheckFiles()
    {
        if (Load is not null && !File.Exists(Load))
        {
            throw new EngineException($"--load: there is no file {Load}.");
        }

        CheckWritable("--save", Save);
        CheckWritable("--history", History);
        CheckWritable("--trace", Trace);
    }

    private static void CheckWritable(string option, string? file)
    {
        if (file is null)
        {
            return;
        }

        if (Directory.Exists(file))
        {
            throw new EngineException($"{option}: {file} is a folder; name a file in it.");
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(file)) ?? ".";
        try
        {
            string probe = Path.Combine(folder, Path.GetRandomFileName());
            File.Create(probe, bufferSize: 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = Directory.Exists(folder) ? "is not writable" : "does not exist";
            throw new EngineException($"{option}: {file} cannot be written, since the folder {folder} {why}.", error);
        }
    }
}
