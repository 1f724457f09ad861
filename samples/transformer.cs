#:project ../src/Engine/Engine.csproj

// A transformer that writes: causal blocks, and a probability for each letter after each step. It learns to reverse
// words, and loads weights from a file in PyTorch's layout.
using Engine;
using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

const string Letters = "abcd>.";
const int Longest = 4, Steps = (2 * Longest) + 1;
var random = new Random(3);
string[] lines = [.. Enumerable.Range(0, 600).Select(_ => Line())];
using Network network = Reader();
using var trainer = new Trainer(network)
{
    Update = new AdamW(0.003f),
    Regression = true,

    // −log of the probability of the next letter, for each step; the next letter is 1 in (batch, steps, letters).
    Objective = (p, y) => -Sum(y * Log(p + 1e-7), [2]),
};
Tensor x = Numbers(lines, 0), y = OneHot(Numbers(lines, 1));
var batches = new BatchIterator(50) { Shuffle = true };
for (int epoch = 1; epoch <= 25; epoch++)
{
    double sum = 0;
    foreach (Batch batch in batches.Over(x, y, epoch))
    {
        sum += trainer.Step(batch);
    }

    if (epoch % 5 == 0)
    {
        Console.WriteLine($"epoch {epoch,2}: {sum / 12:F3} nats a letter");
    }
}

foreach (string word in (string[])["abcd", "dda", "c"])
{
    Console.WriteLine($"{word} turned round is {Written(network, word)}");
}

// The last block's weights in PyTorch's names and layout, and another network that loads them.
string file = Path.Combine(Path.GetTempPath(), $"block-{Environment.ProcessId}.safetensors");
Parameters.Save(file, AsPyTorch(network));
using var net = new NeuralNet(new Input(Steps, 32), new TransformerBlock(4, 64) { Name = "layers", IsCausal = true }) { Regression = true };
LoadReport report = net.LoadParameters(file, new LoadOptions { Layout = WeightLayout.PyTorch });
File.Delete(file);
Console.WriteLine($"taken over: {report.Taken.Count} parameters, {string.Join(", ", report.Taken.Take(3))} …");

static Network Reader()
{
    Node letters = new Embedding(Letters.Length, 32) { W = new Normal(0.1) }.On(new Input(Steps) { Name = "line", DType = DType.Int32 });
    return new Network(letters.Then(
        new PositionalEncoding { IsLearned = true },
        new TransformerBlock(heads: 4, hidden: 64) { IsCausal = true, Name = "block1" },
        new TransformerBlock(heads: 4, hidden: 64) { IsCausal = true, Name = "block2" },
        new LayerNorm(), new Dense(Letters.Length, Softmax) { LeadingAxes = 2 })) { Seed = 4 };
}

// "abc>cba..": a word, and the same word reversed.
string Line()
{
    string word = new([.. Enumerable.Range(0, random.Next(1, Longest + 1)).Select(_ => Letters[random.Next(4)])]);
    return $"{word}>{new string([.. word.Reverse()])}".PadRight(Steps + 1, '.');
}

static Tensor Numbers(string[] lines, int from) =>
    Tensor.From([.. lines.SelectMany(line => line.Substring(from, Steps).Select(letter => Letters.IndexOf(letter)))], lines.Length, Steps);

static Tensor OneHot(Tensor numbers)
{
    int[] places = numbers.AsSpan<int>().ToArray();
    float[] ones = new float[places.Length * Letters.Length];
    for (int i = 0; i < places.Length; i++)
    {
        ones[(i * Letters.Length) + places[i]] = 1;
    }

    return Tensor.From(ones, numbers.Shape[0], numbers.Shape[1], Letters.Length);
}

static string Written(Network network, string word)
{
    using var next = Engine.Compile.Function.Compile([.. network.Inputs], [network.Outputs[0].Output]);
    string line = $"{word}>";
    while (line.Length < Steps && line[^1] != '.')
    {
        float[] p = next.Call(Numbers([line.PadRight(Steps, '.')], 0))[0].AsSpan<float>().ToArray();
        line += Letters[Enumerable.Range(0, Letters.Length).MaxBy(letter => p[((line.Length - 1) * Letters.Length) + letter])];
    }

    return line[(word.Length + 1)..].TrimEnd('.');
}

// PyTorch stores (outputs, inputs), and queries, keys and values in one matrix: nn.TransformerEncoderLayer's names.
static IEnumerable<KeyValuePair<string, Tensor>> AsPyTorch(Network network)
{
    Dictionary<string, Tensor> own = network.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Variable.GetValue());
    Tensor Of(string name) => own[$"block2.{name}"];
    Tensor Transposed(string name)
    {
        Tensor w = Of(name);
        float[] values = w.AsSpan<float>().ToArray();
        (int rows, int columns) = (w.Shape[0], w.Shape[1]);
        return Tensor.From([.. Enumerable.Range(0, values.Length).Select(i => values[(i % rows * columns) + (i / rows)])], columns, rows);
    }

    yield return new("layers.self_attn.in_proj_weight", Tensor.From(
        [.. "qkv".SelectMany(part => Transposed($"attention.W{part}").AsSpan<float>().ToArray())], 96, 32));
    yield return new("layers.self_attn.in_proj_bias", Tensor.From([.. "qkv".SelectMany(part => Of($"attention.b{part}").AsSpan<float>().ToArray())]));
    yield return new("layers.self_attn.out_proj.weight", Transposed("attention.Wo"));
    yield return new("layers.self_attn.out_proj.bias", Of("attention.bo"));
    foreach ((string ours, string theirs) in ((string, string)[])[("inner", "linear1"), ("outer", "linear2")])
    {
        yield return new($"layers.{theirs}.weight", Transposed($"{ours}.W"));
        yield return new($"layers.{theirs}.bias", Of($"{ours}.b"));
    }

    foreach (string norm in (string[])["norm1", "norm2"])
    {
        yield return new($"layers.{norm}.weight", Of($"{norm}.gamma"));
        yield return new($"layers.{norm}.bias", Of($"{norm}.beta"));
    }
}
