using Engine.Graph;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>How a training goes on with what another one left, and what is said at its end.</summary>
internal static class Resumption
{
    /// <summary>
    /// Takes over the state that <c>--resume</c> names; what is left of the epochs is trained. A learning rate or another
    /// setting of the update that is described otherwise now than it was then holds from now on.
    /// </summary>
    /// <exception cref="EngineException">The file is no state of a training, or of another network.</exception>
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

    /// <summary>Says why the training ended, where it was not for the number of its epochs, and how to go on.</summary>
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
