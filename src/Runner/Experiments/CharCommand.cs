using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Engine.Compile;
using Engine.Configuration;
using Engine.Devices;
using Engine.Graph;
using Engine.IO;
using Engine.Training;

namespace Engine.Runner.Experiments;

/// <summary>Learns a text character by character, and continues it.</summary>
internal static class CharCommand
{
    private const double Validation = 0.1;

    public static Command Create()
    {
        Argument<string> file = new("file")
        {
            HelpName = "FILE",
            Description = "The text, in UTF-8; or a model that --save wrote, to sample from.",
        };
        Option<string> kind = new("--model")
        {
            HelpName = string.Join('|', CharModel.Kinds),
            Description = "What reads the text.",
            DefaultValueFactory = _ => CharModel.Kinds[0],
            CustomParser = result => CharModel.Kinds.Contains(CommonOptions.Text(result))
                ? CommonOptions.Text(result)
                : CommonOptions.Refuse<string>(result, string.Join(", ", CharModel.Kinds)),
        };
        Option<int> units =
            CommonOptions.Whole("--units", 1, 256, "The units of each layer; of a transformer a multiple of 32.");
        Option<int> layers = CommonOptions.Whole("--layers", 1, 1, "How many layers.");
        Option<int> steps = CommonOptions.Whole("--steps", 2, 64, "How many characters it sees at a time.");
        Option<int> batch = CommonOptions.Whole("--batch", 1, 32, "Texts a step.");
        Option<int> epochs = CommonOptions.Whole("--epochs", 0, 10, "How many times to go through the text.");
        Option<float?> rate = CommonOptions.Real(
            "--learning-rate", () => 0.003f, "How far a step goes at first; it falls along a cosine.",
            x => float.IsFinite(x) && x > 0,
            "a number greater than 0", "--lr");
        Option<float?> lastRate = CommonOptions.Real(
            "--last-learning-rate", () => 0f, "How far a step goes at last.", x => float.IsFinite(x) && x >= 0,
            "a number from 0 on");
        Option<float?> dropout = CommonOptions.Real(
            "--dropout", () => 0.1f, "The part of the values between layers that training drops.",
            p => p is >= 0 and < 1,
            "a number from 0 up to, not including, 1");
        Option<int> sample = CommonOptions.Whole("--sample", 0, 300, "How many characters to write at the end.");
        Option<float?> temperature = CommonOptions.Real(
            "--temperature", () => 0.8f,
            "1 to write as probable as it finds it, less to be surer, 0 for the most probable alone.",
            x => float.IsFinite(x) && x >= 0, "a number from 0 on");
        Option<string> prompt = new("--prompt")
        {
            HelpName = "TEXT",
            Description = "What stands before the sample.",
            DefaultValueFactory = _ => "\n",
        };
        Option<string?> load = new("--load")
        {
            HelpName = "FILE",
            Description = "Go on with the model in this file, of whose sizes the new one is.",
        };
        Option<string?> save =
            new("--save") { HelpName = "FILE", Description = "Write the model to this file, safetensors." };
        Option<int> seed = CommonOptions.Whole("--seed", 0, 42, "Of the random numbers: same seed, same results.");
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> threads = CommonOptions.Threads();
        Option<bool> quiet = CommonOptions.Quiet();
        var command = new Command(
            "char", "Learn a text character by character by an LSTM, a GRU or a transformer, and write more of it.")
        {
            file, kind, units, layers, steps, batch, epochs, rate, lastRate, dropout, sample, temperature, prompt, load,
            save, seed, device, threads, quiet,
        };
        command.SetAction((parsed, cancellation) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            EngineOptions options =
                CommonOptions.Configure(asked, parsed.GetValue(threads), notes: parsed.InvocationConfiguration.Error);
            using Device opened = DeviceSelection.Open(asked, options, parsed.InvocationConfiguration.Error);
            TextWriter output = parsed.InvocationConfiguration.Output;
            string path = parsed.GetRequiredValue(file), from = parsed.GetRequiredValue(prompt);
            if (from.Length == 0)
            {
                throw new EngineException("--prompt: there must be a character to go on from.");
            }

            if (parsed.GetValue(save) is { } to)
            {
                TrainingOptions.CheckWritable("--save", to);
            }

            ulong number = (ulong)parsed.GetValue(seed);
            using CharModel model = FileKind.Of(path) == FileKind.Model
                ? CharModel.Load(path, opened, number)
                : Train(path, new Plan(
                    parsed.GetRequiredValue(kind), parsed.GetValue(units), parsed.GetValue(layers),
                    parsed.GetValue(steps), parsed.GetValue(batch),
                    parsed.GetValue(epochs), parsed.GetValue(rate)!.Value, parsed.GetValue(lastRate)!.Value,
                    parsed.GetValue(dropout)!.Value, number,
                    parsed.GetValue(load), parsed.GetValue(quiet) ? TextWriter.Null : output), opened, output,
                    cancellation);
            if (parsed.GetValue(save) is { } written)
            {
                model.Save(written);
            }

            if (parsed.GetValue(sample) > 0)
            {
                output.Write(from);
                foreach (char letter in model.Sample(
                    from, parsed.GetValue(sample), parsed.GetValue(temperature)!.Value, parsed.GetValue(seed)))
                {
                    cancellation.ThrowIfCancellationRequested();
                    output.Write(letter);
                }

                output.WriteLine();
            }

            return Task.FromResult(CommandLine.Done);
        });
        return command;
    }

    private static CharModel Train(
        string path, Plan plan, Device device, TextWriter output, CancellationToken cancellation)
    {
        string text = ReadableFile.ReadAllText(path);
        string letters = new([.. text.Distinct().Order()]);
        CharModel? known = plan.Load is null ? null : CharModel.Load(plan.Load, device, plan.Seed);
        if (known is not null)
        {
            (letters, plan) =
                (known.Settings.Letters, plan with { Kind = known.Settings.Kind, Steps = known.Settings.Steps });
        }

        int cut = (int)(text.Length * (1 - Validation));
        if (cut <= 2 * plan.Steps || text.Length - cut <= plan.Steps + 1)
        {
            throw new EngineException(
                $"{path} has {text.Length} characters, too few to learn from {plan.Steps} at a time: take a longer text, or fewer --steps.");
        }

        int[] all = CharModel.Numbers(text, letters), train = all[..cut], valid = all[cut..];
        CharModel model = known ?? new CharModel(
            new CharSettings(plan.Kind, letters, plan.Units, plan.Layers, plan.Steps, plan.Dropout), device, plan.Seed);
        plan.Notes.WriteLine(Say(
            $"{path}: {train.Length:N0} characters to train, {valid.Length:N0} to validate, {letters.Length} different ones; {plan.Kind} of {model.ParameterCount:N0} parameters."));
        (Function step, SharedVariable learningRate) =
            model.Training(new Adam(plan.LearningRate) { Clip = GradientClip.TotalNorm(1) });
        using (step)
        {
            var clock = Stopwatch.StartNew();
            int batches = Math.Max(1, train.Length / (plan.Batch * plan.Steps));
            for (int epoch = 1; epoch <= plan.Epochs && !cancellation.IsCancellationRequested; epoch++)
            {
                var random = new Random((int)plan.Seed + epoch);
                double sum = 0;
                int done = 0;
                for (; done < batches && !cancellation.IsCancellationRequested; done++)
                {
                    double part = (((epoch - 1.0) * batches) + done) / ((double)plan.Epochs * batches);
                    double rate =
                        plan.LastRate + ((plan.LearningRate - plan.LastRate) * 0.5 * (1 + Math.Cos(Math.PI * part)));
                    learningRate.SetValue(Tensor.Scalar((float)rate));
                    int[] starts =
                        [.. Enumerable.Range(0, plan.Batch).Select(_ => random.Next(train.Length - plan.Steps))];
                    sum += step.Call(model.Windows(train, starts, 0), model.Windows(train, starts, 1))[0]
                        .AsSpan<float>()[0];
                }

                plan.Notes.WriteLine(Say(
                    $"epoch {epoch}/{plan.Epochs}: {sum / Math.Max(done, 1):F3} nats a character in training, {model.Loss(valid):F3} in validation, {clock.Elapsed.TotalSeconds:F0} s"));
            }
        }

        output.WriteLine(Say($"Validation: {model.Loss(valid):F3} nats a character."));
        return model;
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>The settings of the training.</summary>
    private sealed record Plan(
        string Kind, int Units, int Layers, int Steps, int Batch, int Epochs, float LearningRate, float LastRate,
        double Dropout, ulong Seed,
        string? Load, TextWriter Notes);
}
