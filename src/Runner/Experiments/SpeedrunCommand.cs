using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;

namespace Engine.Runner.Experiments;

/// <summary>Trains on CIFAR-10 in color by <see cref="Speedrun"/>'s recipe.</summary>
internal static class SpeedrunCommand
{
    public static Command Create()
    {
        Option<float?> epochs = CommonOptions.Real(
            "--epochs", () => 9.9f, "How many times to go through the images; the last may be a part.",
            x => float.IsFinite(x) && x > 0,
            "a number greater than 0");
        Option<int> batch = CommonOptions.Whole("--batch", 2, 1024, "Images a step.");
        Option<float?> rate = CommonOptions.Real(
            "--learning-rate", () => (float)Speedrun.UsualRate,
            "The largest learning rate, for sums over 1,024 images.",
            x => float.IsFinite(x) && x > 0, "a number greater than 0", "--lr");
        Option<int[]> widths = new("--widths")
        {
            HelpName = "N,N,N",
            Description = "The filters of the three groups of convolutions.",
            DefaultValueFactory = _ => [64, 256, 256],
            CustomParser = result => CommonOptions.Text(result).Split(',') is { Length: 3 } words
                && words.All(word => CommonOptions.TryParse(word, 1, out _))
                ? [.. words.Select(word => int.Parse(word, CultureInfo.InvariantCulture))]
                : CommonOptions.Refuse<int[]>(result, "three numbers from 1 on, as 64,256,256"),
        };
        Option<int?> images = CommonOptions.Images();
        Option<string?> data = CommonOptions.Data();
        Option<int> seed = CommonOptions.Whole("--seed", 0, 42, "Of the random numbers: same seed, same results.");
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        Option<bool> quiet = CommonOptions.Quiet();
        var command =
            new Command("speedrun", "Train on CIFAR-10 in color by the recipe that reaches 94 % fastest on one GPU.")
            {
                epochs, batch, rate, widths, images, data, seed, device, threads, quiet,
            };
        command.SetAction(async (parsed, cancellation) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            EngineOptions options =
                CommonOptions.Configure(asked, parsed.GetValue(threads), notes: parsed.InvocationConfiguration.Error);
            using Device opened = DeviceSelection.Open(asked, options, parsed.InvocationConfiguration.Error);
            Cifar10Set set = await CifarTraining.LoadSet(
                parsed.GetValue(data), parsed.GetValue(images), parsed.GetValue(quiet), cancellation);
            TextWriter output = parsed.InvocationConfiguration.Output,
                notes = parsed.GetValue(quiet) ? TextWriter.Null : output;
            int size = parsed.GetValue(batch);
            if (size > set.Train.Count)
            {
                throw new EngineException(
                    $"--batch: there are {set.Train.Count} images, fewer than a batch of {size}.");
            }

            ulong number = (ulong)parsed.GetValue(seed);
            using var run = new Speedrun(
                parsed.GetValue(widths)!, set.Train.Images, size, number, opened, parsed.GetValue(rate)!.Value);
            var seen = new SpeedrunImages(set.Train.Images, number);
            int batches = set.Train.Count / size, all = (int)Math.Ceiling(batches * parsed.GetValue(epochs)!.Value);
            var clock = Stopwatch.StartNew();
            int[] order = [.. Enumerable.Range(0, set.Train.Count)];
            double sum = 0;
            for (int step = 0; step < all; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                (int epoch, int at) = Math.DivRem(step, batches);
                if (at == 0)
                {
                    new Random((int)number + epoch).Shuffle(order);
                    sum = 0;
                }

                int[] rows = order[(at * size)..((at + 1) * size)];
                sum += run.Step(seen.Batch(epoch, rows), set.Train.Labels.Rows(rows), step, all, epoch);
                if (at == batches - 1 || step == all - 1)
                {
                    notes.WriteLine(Say(
                        $"epoch {epoch + 1}: loss {sum / (at + 1):F3}, test accuracy {Accuracy(run, set, isAugmented: false):P2}, {clock.Elapsed.TotalSeconds:F0} s"));
                }
            }

            run.End();
            double trained = clock.Elapsed.TotalSeconds;
            output.WriteLine(Say(
                $"Test accuracy: {Accuracy(run, set, isAugmented: true):P2} with each image seen six ways, {Accuracy(run, set, isAugmented: false):P2} without; {trained:F0} s of training."));
            if (set.IsSynthetic)
            {
                output.WriteLine("These are drawn images, not CIFAR-10: the accuracies say nothing about that.");
            }

            return CommandLine.Done;
        });
        return command;
    }

    private static double Accuracy(Speedrun run, Cifar10Set set, bool isAugmented)
    {
        int[] classes = run.Predict(set.Test.Images, isAugmented);
        ReadOnlySpan<int> labels = set.Test.Labels.AsSpan<int>();
        int right = 0;
        for (int i = 0; i < classes.Length; i++)
        {
            right += classes[i] == labels[i] ? 1 : 0;
        }

        return (double)right / classes.Length;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
