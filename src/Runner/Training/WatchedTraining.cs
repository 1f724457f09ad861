using Engine.Server;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The page of <c>--watch</c>.</summary>
internal static class WatchedTraining
{
    /// <summary>Opens the page, and prints its address.</summary>
    /// <exception cref="EngineException">It cannot listen on the port.</exception>
    public static async Task<TrainingWatch> Start(NeuralNet net, int port, CancellationToken cancellation)
    {
        TrainingWatch watch;
        try
        {
            watch = await TrainingWatch.StartAsync(port, cancellation);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--watch: {error.Message}", error);
        }

        net.Callbacks.Add(watch);
        Console.WriteLine($"Watch the training on {watch.Address}");
        return watch;
    }
}
