using System.CommandLine;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Plots;
using Engine.Training;

namespace Engine.Runner.Experiments;

/// <summary>
/// A deep belief network on CIFAR-10 in gray: Boltzmann machines first, then labels. For comparison, the same network
/// learns from random weights with as many epochs with labels.
/// </summary>
internal static class DbnCommand
{
    private const int Shown = 10, Filters = 48;

    public static Command Create()
    {
        Option<int[]> hidden = new("--hidden")
        {
            HelpName = "N[,N…]",
            Description = "The units of the hidden layers, each a Boltzmann machine.",
            DefaultValueFactory = _ => [300, 100],
            CustomParser = result => CommonOptions.Text(result).Split(',') is var words
                && words.All(word => CommonOptions.TryParse(word, 1, out _))
                ? [.. words.Select(word => int.Parse(word, CultureInfo.InvariantCulture))]
                : CommonOptions.Refuse<int[]>(result, "sizes from 1 on, as 300,100"),
        };
        Option<int> before =
            CommonOptions.Whole("--pretrain-epochs", 0, 8, "How often each machine goes through the images.");
        Option<int> epochs =
            CommonOptions.Whole("--epochs", 1, 10, "How often the network goes through them with labels.");
        Option<float?> rate = Rate("--learning-rate", 0.02f, "How far a step with labels goes."), rateBefore = Rate(
            "--pretrain-learning-rate", 0.005f, "How far a step of a machine goes.");
        Option<int?> images = CommonOptions.Images();
        Option<string?> data = CommonOptions.Data();
        Option<string?> pictures = new("--pictures")
        {
            HelpName = "DIR",
            Description = "Write to this folder what the first machine looks for, "
                + "and images beside what the machines make of them.",
        };
        Option<int> seed = CommonOptions.Whole("--seed", 0, 42, "Of the random numbers: same seed, same results.");
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        Option<bool> quiet = CommonOptions.Quiet();
        var command = new Command(
            "dbn", "Train a deep belief network on CIFAR-10 in gray, with and without Boltzmann machines first.")
        {
            hidden, before, epochs, rate, rateBefore, images, data, pictures, seed, device, threads, quiet,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            EngineOptions options =
                CommonOptions.Configure(asked, parsed.GetValue(threads), notes: parsed.InvocationConfiguration.Error);
            using Device opened = DeviceSelection.Open(asked, options, parsed.InvocationConfiguration.Error);
            TextWriter output = parsed.InvocationConfiguration.Output,
                notes = parsed.GetValue(quiet) ? TextWriter.Null : output;
            Cifar10Set set = await CifarTraining.LoadSet(
                parsed.GetValue(data), parsed.GetValue(images), parsed.GetValue(quiet), cancellation);
            var scaling = PixelScaling.Of(set.Train.Grayscale(flat: true));
            Tensor x = scaling.Apply(set.Train.Grayscale(flat: true)),
                test = scaling.Apply(set.Test.Grayscale(flat: true));
            int[] labels = set.Train.Labels.AsSpan<int>().ToArray(),
                testLabels = set.Test.Labels.AsSpan<int>().ToArray();
            int[] sizes = [-1, .. parsed.GetValue(hidden)!, set.ClassNames.Count];
            using DeepBeliefNetwork with = Make(parsed.GetValue(before)), without = Make(0);
            var rows = new List<string>();
            foreach ((string name, DeepBeliefNetwork net) in ((string, DeepBeliefNetwork)[])[
                ("with machines first", with), ("from random weights", without)])
            {
                net.Fit(x, labels, cancellation);
                cancellation.ThrowIfCancellationRequested();
                EpochRecord last = net.Net.TrainHistory[^1];
                rows.Add(
                    Say($"{name,-20} {last.TrainLoss,10:F3} {net.Score(x, labels),14:P1} {net.Score(test, testLabels),10:P1}"));
            }

            output.WriteLine($"{"",-20} {"last loss",10} {"of training",14} {"of test",10}");
            rows.ForEach(output.WriteLine);
            if (set.IsSynthetic)
            {
                output.WriteLine("These are drawn images, not CIFAR-10: the accuracies say nothing about that.");
            }

            if (parsed.GetValue(pictures) is { } folder && with.Machines.Count > 0)
            {
                Directory.CreateDirectory(folder);
                PictureFiles.Save(FilterPicture(with), "--pictures", Path.Combine(folder, "filters.png"), output);
                PictureFiles.Save(Rebuilt(with, test, scaling, set), "--pictures",
                    Path.Combine(folder, "reconstructions.png"), output);
            }

            return CommandLine.Done;

            DeepBeliefNetwork Make(int pretraining) => new(sizes)
            {
                UseReLu = false,
                LearnRates = parsed.GetValue(rate)!.Value,
                LearnRatesPretrain = parsed.GetValue(rateBefore)!.Value,
                EpochsPretrain = pretraining,
                Epochs = parsed.GetValue(epochs),
                RandomState = (ulong)parsed.GetValue(seed),
                Device = opened,
                PretrainCallback = (layer, epoch, error) =>
                    notes.WriteLine(Say($"machine {layer}, epoch {epoch}: error of reconstruction {error:F4}")),
            };
        });
        return command;
    }

    private static Option<float?> Rate(string name, float byDefault, string description) => CommonOptions.Real(
        name, () => byDefault, description, x => float.IsFinite(x) && x > 0, "a number greater than 0");

    private static Picture FilterPicture(DeepBeliefNetwork net)
    {
        NdArray w = NdArray.From(net.Machines[0].Weights.GetValue());
        int units = Math.Min(Filters, w.Shape[1]);
        IReadOnlyList<Raster>[] tiles = [.. Enumerable.Range(0, units).Select(unit => (IReadOnlyList<Raster>)
            [new Raster(ImageInput.Side, ImageInput.Side,
                [.. Enumerable.Range(0, w.Shape[0]).Select(pixel => (float)w[pixel, unit])])])];
        return FilterSheet.Draw(
            tiles, 800, $"The first Boltzmann machine: the first {units} of {w.Shape[1]} hidden units",
            "Red where a unit wants the image bright, blue where it wants it dark.");
    }

    private static Picture Rebuilt(DeepBeliefNetwork net, Tensor test, PixelScaling scaling, Cifar10Set set)
    {
        Tensor first = test.Rows(0, Math.Min(Shown, test.Shape[0]));
        float[] before = scaling.Back(first), after = scaling.Back(net.Reconstruct(first));
        int pixels = ImageInput.Side * ImageInput.Side;
        ReadOnlySpan<int> labels = set.Test.Labels.AsSpan<int>();
        var images = new List<CaptionedImage>();
        for (int i = 0; i < first.Shape[0]; i++)
        {
            string name = set.ClassNames[labels[i]];
            images.Add(new CaptionedImage(Gray(before.AsSpan(i * pixels, pixels)), name, "as it is"));
            images.Add(new CaptionedImage(Gray(after.AsSpan(i * pixels, pixels)), name, "rebuilt"));
        }

        return ImageSheet.Draw(
            images, 800, "Test images, and what the machines make of them on the way up and down again");
    }

    private static PlanarImage Gray(ReadOnlySpan<float> values)
    {
        byte[] plane = new byte[values.Length];
        for (int i = 0; i < plane.Length; i++)
        {
            plane[i] = (byte)Math.Clamp((values[i] + 0.5f) * 255, 0, 255);
        }

        return new PlanarImage(ImageInput.Side, ImageInput.Side, [.. plane, .. plane, .. plane]);
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Standardizes each pixel to mean 0 and variance 1 over the training images, and back.</summary>
    private sealed record PixelScaling(float[] Mean, float[] Std)
    {
        public static PixelScaling Of(Tensor images)
        {
            int pixels = images.Shape[1], count = images.Shape[0];
            double[] sums = new double[pixels], squares = new double[pixels];
            ReadOnlySpan<float> values = images.AsSpan<float>();
            for (int i = 0; i < values.Length; i++)
            {
                sums[i % pixels] += values[i];
                squares[i % pixels] += (double)values[i] * values[i];
            }

            return new PixelScaling(
                [.. sums.Select(sum => (float)(sum / count))],
                [.. sums.Zip(squares, (sum, square) =>
                    (float)Math.Sqrt(Math.Max((square / count) - (sum / count * (sum / count)), 0) + 1e-6))]);
        }

        public Tensor Apply(Tensor images)
        {
            float[] scaled = images.AsSpan<float>().ToArray();
            for (int i = 0; i < scaled.Length; i++)
            {
                scaled[i] = (scaled[i] - Mean[i % Mean.Length]) / Std[i % Mean.Length];
            }

            return Tensor.From(scaled, images.Shape[0], images.Shape[1]);
        }

        public float[] Back(Tensor scaled)
        {
            float[] values = scaled.AsSpan<float>().ToArray();
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (values[i] * Std[i % Mean.Length]) + Mean[i % Mean.Length];
            }

            return values;
        }
    }
}
