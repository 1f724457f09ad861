#:project ../src/Engine/Engine.csproj

// Sequences of different lengths, padded and masked: an LSTM and a transformer tell whether the brackets of a word
// close.
using Engine;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

const int Longest = 10;
var random = new Random(6);
string[] words = [.. Enumerable.Range(0, 800).Select(_ => Word())];
int[] closes = [.. words.Select(word => Closes(word) ? 1 : 0)];
foreach ((string name, Func<Node, Node, Node> reader) in ((string, Func<Node, Node, Node>)[])
    [
        ("an LSTM", (steps, mask) => new Lstm(24) { OnlyLast = true }.On(steps, mask)),
        ("a transformer", (steps, mask) => new Merge((x, there) =>
                Sum(x * DimShuffle(there, 0, 1, NewAxis), [1]) / Sum(there, [1], keepDims: true)).On(
            new TransformerBlock(heads: 2, hidden: 32) { Name = "block" }.On(new PositionalEncoding().On(steps), mask), mask)),
    ])
{
    Input word = new(Longest) { Name = "word", DType = DType.Int32 }, mask = new(Longest) { Name = "mask" };
    Node steps = new Embedding(3, 16) { W = new Normal(0.5) }.On(word);
    using var net = new NeuralNet(new Dense(2, Softmax).On(reader(steps, mask)))
    {
        Update = new Adam(0.01f), MaxEpochs = 12, TrainSplit = new TrainSplit(0.2f),
    };
    net.Fit(Steps(words), closes);
    Console.WriteLine($"{name}: {net.LearnableParameters} parameters, {net.TrainHistory[^1].ValidAccuracy:P0} of new words are right");
    foreach (string one in (string[])["()", "(())()", "())(", "(()"])
    {
        Console.WriteLine($"  {one,-8} closes: {net.PredictProba(Steps([one])).AsSpan<float>()[1]:P0}");
    }
}

// A step is 1 or 2, and 0 after the word; the mask marks the word.
static Tensors Steps(string[] words) => new()
{
    ["word"] = Tensor.From(
        [.. words.SelectMany(word => word.PadRight(Longest).Select(letter => letter == '(' ? 1 : letter == ')' ? 2 : 0))], words.Length, Longest),
    ["mask"] = Tensor.From(
        [.. words.SelectMany(word => word.PadRight(Longest).Select(letter => letter == ' ' ? 0f : 1f))], words.Length, Longest),
};

static bool Closes(string word)
{
    int depth = 0;
    return word.All(letter => (depth += letter == '(' ? 1 : -1) >= 0) && depth == 0;
}

// Half of the words are generated so that their brackets close.
string Word()
{
    if (random.Next(2) == 0)
    {
        return new string([.. Enumerable.Range(0, random.Next(1, Longest + 1)).Select(_ => "()"[random.Next(2)])]);
    }

    string word = "()";
    for (int i = random.Next(5); i > 0; i--)
    {
        word = word.Insert(random.Next(word.Length + 1), "()");
    }

    return word;
}
