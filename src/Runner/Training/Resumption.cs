using Engine.Graph;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Resumes a training from a saved state, and prints how it ended.</summary>
internal static class Resumption
{
    /// <summary>
    /// Loads the state that <c>--resume</c> names, so that the remaining epochs are trained. A changed learning rate or
    /// other setting of the update applies from now on.
    /// </summary>
    /// <exception cref="EngineException">The file is not the state of a training, or it belongs to another
    /// network.</exception>
    public static void Begin(NeuralNet net, TrainingOptions options)
    {
        NetworkDescription described = options.Described();
        try
        {
            net.LoadState(options.Resume!);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--resume: {error.Message}", error);
        }

        Settings? then = ModelFile.DescriptionIn(options.Resume!)?.UpdateSettings, now = described.UpdateSettings;
        foreach ((string name, SharedVariable setting) in net.UpdateSettings)
        {
            if (then?.Has(name) == true && now.Has(name) && then.Real(name) != now.Real(name))
            {
                setting.SetValue(Tensor.Scalar(now.Real(name)).Cast(setting.DType));
            }
        }

        int done = net.TrainHistory.Count;
        net.MaxEpochs = Math.Max(described.Epochs - done, 0);
        if (!options.Quiet)
        {
            Console.WriteLine(net.MaxEpochs > 0
                ? $"Resuming after epoch {done} of {described.Epochs}."
                : $"Nothing to resume: {done} epochs are done, of {described.Epochs}; --epochs asks for more.");
        }
    }

    /// <summary>Prints why the training ended before its last epoch, and how to resume it.</summary>
    public static void SayHowItEnded(NeuralNet net, TrainingOptions options, bool isCanceled)
    {
        if (isCanceled)
        {
            bool canResume = options.Checkpoint is not null && net.TrainHistory.Count > 0;
            string done = net.TrainHistory.Count == 1 ? "1 whole epoch" : $"{net.TrainHistory.Count} whole epochs";
            Console.Error.WriteLine(
                $"Stopped after {done}; the network is tested{(options.Save is null ? "" : " and saved")} as it is."
                + (canResume ? $" Go on with --resume {options.Checkpoint}." : ""));
        }

        if (!options.Quiet && net.Callbacks.OfType<EarlyStopping>().FirstOrDefault() is { BestEpoch: > 0 } early
            && early.BestEpoch < net.TrainHistory.Count)
        {
            Console.WriteLine(
                $"{(early.HasStopped ? $"Stopped after {early.Patience} epochs that were no better. " : "")}"
                + $"The parameters are those of epoch {early.BestEpoch}, whose validation loss was the lowest.");
        }
    }
}
