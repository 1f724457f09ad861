using System.Text.Json;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.IO;
using Engine.Layers;
using Engine.Ops;
using Engine.Training;
using Input = Engine.Layers.Input;
using Normal = Engine.Layers.Normal;

namespace Engine.Runner.Experiments;

/// <summary>The settings of a <see cref="CharModel"/>.</summary>
/// <param name="Kind">lstm, gru or transformer.</param>
/// <param name="Letters">The characters of the vocabulary, in order.</param>
/// <param name="Units">The units of a layer.</param>
/// <param name="Layers">How many layers there are.</param>
/// <param name="Steps">The number of characters in a window.</param>
/// <param name="Dropout">The probability with which values between layers are dropped in training.</param>
internal sealed record CharSettings(string Kind, string Letters, int Units, int Layers, int Steps, double Dropout);

/// <summary>
/// A network that predicts the next character after each character of a text: characters in, recurrent layers or
/// transformer blocks, a probability for each character after each step.
/// </summary>
internal sealed class CharModel : IDisposable
{
    public static readonly string[] Kinds = ["lstm", "gru", "transformer"];

    private const string Key = "char";

    private readonly Device? _device;
    private readonly Input _input;
    private readonly Lazy<Function> _losses, _next;

    public CharModel(CharSettings settings, Device? device, ulong seed)
    {
        (Settings, _device) = (settings, device);
        _input = new Input(settings.Steps) { Name = "text", DType = DType.Int32 };
        Network = new Network(Build()) { Seed = seed };
        _losses = new(() =>
        {
            Graph.Input x = Symbolic.Variable("x", DType.Int32, [Shape.Unknown, Settings.Steps]),
                y = Symbolic.Variable("y", DType.Int32, [Shape.Unknown, Settings.Steps]);
            return Function.Compile([x, y], [Losses(x, y, isTraining: false).Losses], device: _device);
        });
        _next = new(() =>
        {
            Graph.Input x = Symbolic.Variable("x", DType.Int32, [Shape.Unknown, Settings.Steps]);
            return Function.Compile([x], [Network.GetOutput(x)[.., ^1]], device: _device);
        });
    }

    public CharSettings Settings { get; }

    public Network Network { get; }

    public long ParameterCount => Network.Parameters.Sum(parameter => parameter.Variable.Shape.Count);

    /// <summary>Returns the numbers of a text's characters.</summary>
    /// <exception cref="EngineException">The text has a character that the model does not know.</exception>
    public static int[] Numbers(string text, string letters)
    {
        Dictionary<char, int> numbers = letters.Select((letter, number) => (letter, number))
            .ToDictionary(pair => pair.letter, pair => pair.number);
        return [
            .. text.Select(letter => numbers.TryGetValue(letter, out int number) ? number : throw new EngineException(
                $"The model does not know the character '{letter}' (U+{(int)letter:X4}): "
                + "it was trained on a text without it."))];
    }

    /// <summary>Returns whether a file is a model of characters.</summary>
    public static bool IsModel(SafetensorsFile file) => file.Metadata.ContainsKey(Key);

    /// <summary>Reads a saved model.</summary>
    /// <exception cref="EngineException">The file is not such a model, or is damaged.</exception>
    public static CharModel Load(string path, Device device, ulong seed) =>
        From(Parameters.LoadAll(path), path, device, seed);

    /// <summary>Returns the model of a file that was read; without a device on the default one.</summary>
    /// <exception cref="EngineException">The file is not such a model, or is damaged.</exception>
    public static CharModel From(SafetensorsFile file, string path, Device? device, ulong seed)
    {
        if (!file.Metadata.TryGetValue(Key, out string? text))
        {
            throw new EngineException(
                $"{path} is no model of characters: 'runner char FILE --save MODEL' writes such.");
        }

        CharSettings settings;
        try
        {
            settings = JsonSerializer.Deserialize(text, CharJson.Default.CharSettings)!;
        }
        catch (JsonException error)
        {
            throw new EngineException($"{path} is damaged: what it says of its model cannot be read. {error.Message}");
        }

        if (!Kinds.Contains(settings.Kind)
            || settings is not { Units: > 0, Layers: > 0, Steps: > 1, Letters.Length: > 0 })
        {
            throw new EngineException($"{path} is damaged: there is no such model as it says, {text}.");
        }

        var model = new CharModel(settings, device, seed);
        foreach (Parameter parameter in model.Network.Parameters)
        {
            if (!file.Tensors.TryGetValue(parameter.Name, out Tensor? value) || value.Shape != parameter.Variable.Shape)
            {
                throw new EngineException($"{path} is damaged: it lacks {parameter.Name}, {parameter.Variable.Shape}.");
            }

            parameter.Variable.SetValue(value);
        }

        return model;
    }

    public void Save(string path) => Parameters.Save(
        path,
        Network.Parameters.Select(parameter => KeyValuePair.Create(parameter.Name, parameter.Variable.GetValue())),
        new Dictionary<string, string> { [Key] = JsonSerializer.Serialize(Settings, CharJson.Default.CharSettings) });

    /// <summary>
    /// Returns a training step that takes texts and the character after each character, and the learning rate's
    /// variable.
    /// </summary>
    public (Function Step, SharedVariable LearningRate) Training(UpdateRule rule)
    {
        Graph.Input x = Symbolic.Variable("x", DType.Int32, [Shape.Unknown, Settings.Steps]),
            y = Symbolic.Variable("y", DType.Int32, [Shape.Unknown, Settings.Steps]);
        (Variable losses, IReadOnlyList<Update> updates) = Losses(x, y, isTraining: true);
        Variable loss = Symbolic.Mean(losses);
        BuiltUpdates built = rule.Build(loss,
            [.. Network.Parameters.Where(parameter => parameter.IsTrainable).Select(parameter => parameter.Variable)]);
        return (Function.Compile([x, y], [loss], [.. updates, .. built.Updates], device: _device), built.LearningRate);
    }

    /// <summary>
    /// Returns the mean loss of a text's characters, in nats. Except in the first window, each is predicted from at
    /// least half a window before it.
    /// </summary>
    public double Loss(int[] text)
    {
        int steps = Settings.Steps, half = steps / 2, at = 0;
        (double sum, long count) = (0, 0);
        while (at + 1 < text.Length)
        {
            // A batch of windows that overlap by half. Only the later half of each counts; the first window counts
            // whole.
            int[] starts =
                [.. Enumerable.Range(0, 32).Select(i => at + (i * half)).Where(start => start + steps < text.Length)];
            if (starts.Length == 0)
            {
                break;
            }

            Tensor losses = _losses.Value.Call(Windows(text, starts, 0), Windows(text, starts, 1))[0];
            ReadOnlySpan<float> values = losses.AsSpan<float>();
            for (int row = 0; row < starts.Length; row++)
            {
                foreach (float value in values.Slice(row * steps, steps)[(starts[row] == 0 ? 0 : steps - half)..])
                {
                    (sum, count) = (sum + value, count + 1);
                }
            }

            at += starts.Length * half;
        }

        return count > 0 ? sum / count : throw new EngineException(
            $"A text of {text.Length} characters is too short to be guessed by a model that sees {steps}.");
    }

    /// <summary>Returns texts of a window's length, beginning at the given positions, or one character later.</summary>
    public Tensor Windows(int[] text, int[] starts, int shift)
    {
        int steps = Settings.Steps;
        int[] rows = new int[starts.Length * steps];
        for (int i = 0; i < starts.Length; i++)
        {
            text.AsSpan(starts[i] + shift, steps).CopyTo(rows.AsSpan(i * steps));
        }

        return Tensor.From(rows, starts.Length, steps);
    }

    /// <summary>Returns the characters that the model writes, one by one.</summary>
    /// <param name="prompt">The text before them.</param>
    /// <param name="count">How many.</param>
    /// <param name="temperature">1 keeps the model's probabilities, less prefers the more probable characters; 0 takes
    /// the most probable one.</param>
    /// <param name="seed">The seed of the random numbers.</param>
    public IEnumerable<char> Sample(string prompt, int count, double temperature, int seed)
    {
        var random = new Random(seed);
        int[] first = Numbers(prompt, Settings.Letters);

        // The window before the prompt is filled with the prompt's first character.
        List<int> seen = [.. Enumerable.Repeat(first[0], Settings.Steps), .. first];
        for (int i = 0; i < count; i++)
        {
            Tensor window = Tensor.From([.. seen.TakeLast(Settings.Steps)], 1, Settings.Steps);
            int next = Drawn(_next.Value.Call(window)[0].AsSpan<float>(), temperature, random);
            seen.Add(next);
            yield return Settings.Letters[next];
        }
    }

    /// <summary>Draws a number, each with its probability to the power of 1 / temperature.</summary>
    internal static int Drawn(ReadOnlySpan<float> probabilities, double temperature, Random random)
    {
        int best = 0;
        for (int i = 1; i < probabilities.Length; i++)
        {
            best = probabilities[i] > probabilities[best] ? i : best;
        }

        if (temperature == 0)
        {
            return best;
        }

        double[] weights = new double[probabilities.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            weights[i] = Math.Pow(probabilities[i] / probabilities[best], 1 / temperature);
        }

        double left = random.NextDouble() * weights.Sum();
        for (int i = 0; i < weights.Length; i++)
        {
            left -= weights[i];
            if (left < 0)
            {
                return i;
            }
        }

        return best;
    }

    public void Dispose()
    {
        foreach (Lazy<Function> function in (Lazy<Function>[])[_losses, _next])
        {
            if (function.IsValueCreated)
            {
                function.Value.Dispose();
            }
        }

        Network.Dispose();
    }

    private Node Build()
    {
        bool isTransformer = Settings.Kind == "transformer";
        Node x = new Embedding(Settings.Letters.Length, Settings.Units)
        {
            Name = "letters",
            W = new Normal(isTransformer ? 0.02 : 0.1),
        }.On(_input);
        x = isTransformer ? new PositionalEncoding { Name = "places", IsLearned = true }.On(x) : x;
        for (int i = 1; i <= Settings.Layers; i++)
        {
            if (Settings.Dropout > 0 && (i > 1 || isTransformer))
            {
                x = new Dropout(Settings.Dropout) { Name = $"dropout{i}" }.On(x);
            }

            Layer layer = Settings.Kind switch
            {
                "lstm" => new Lstm(Settings.Units) { Name = $"lstm{i}" },
                "gru" => new Gru(Settings.Units) { Name = $"gru{i}" },
                _ => new TransformerBlock(Math.Max(1, Settings.Units / 32), 4 * Settings.Units)
                {
                    Name = $"block{i}",
                    IsCausal = true,
                    Dropout = Settings.Dropout,
                },
            };
            x = layer.On(x);
        }

        x = isTransformer ? new LayerNorm { Name = "norm" }.On(x)
            : Settings.Dropout > 0 ? new Dropout(Settings.Dropout) { Name = "dropout" }.On(x) : x;
        return new Dense(Settings.Letters.Length, Symbolic.Softmax) { Name = "next", LeadingAxes = 2 }.On(x);
    }

    /// <summary>−log of the probability of each next character, (batch, steps).</summary>
    private (Variable Losses, IReadOnlyList<Update> Updates) Losses(Variable x, Variable y, bool isTraining)
    {
        NetworkOutputs outputs = Network.GetOutputs([x], isTraining);
        Variable flat = Symbolic.Reshape(outputs.Output, [-1, Settings.Letters.Length]);
        Variable losses = Symbolic.CategoricalCrossEntropy(flat, Symbolic.Reshape(y, [-1]));
        return (Symbolic.Reshape(losses, [-1, Settings.Steps]), outputs.Updates);
    }
}

/// <summary>The description of the characters in a model file.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(CharSettings))]
internal sealed partial class CharJson : System.Text.Json.Serialization.JsonSerializerContext;
