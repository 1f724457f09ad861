namespace Engine.Models.Description;

/// <summary>
/// Finds the known word that a misspelled word, or a word of another library, probably means. It serves commands,
/// options, their values, networks, and all keys and words of a network's description.
/// </summary>
internal static class Nearest
{
    /// <summary>
    /// Words of other libraries, without dashes and underscores, with their possible names here. The first known name
    /// applies; the text after a space is its value.
    /// </summary>
    private static readonly Dictionary<string, string[]> s_synonyms = new()
    {
        ["lr"] = ["learning_rate", "learning-rate"],
        ["eta"] = ["learning_rate", "learning-rate"],
        ["alpha"] = ["learning_rate", "learning-rate"],
        ["batchsize"] = ["batch"],
        ["bs"] = ["batch"],
        ["lrate"] = ["learning_rate", "learning-rate"],
        ["minibatch"] = ["batch"],
        ["niter"] = ["epochs"],
        ["maxepochs"] = ["epochs"],
        ["iterations"] = ["epochs"],
        ["randomstate"] = ["seed"],
        ["gpu"] = ["device cuda"],
        ["gpus"] = ["device cuda"],
        ["cuda"] = ["device cuda"],
        ["cpu"] = ["device cpu"],
        ["workers"] = ["threads"],
        ["numworkers"] = ["threads"],
        ["jobs"] = ["threads"],
        ["njobs"] = ["threads"],
        ["cores"] = ["threads"],
        ["output"] = ["save"],
        ["out"] = ["save"],
        ["model"] = ["load", "network"],
        ["weights"] = ["load"],
        ["log"] = ["history"],
        ["verbose"] = ["quiet"],
        ["silent"] = ["quiet"],
        ["units"] = ["hidden"],
        ["hiddenlayersizes"] = ["hidden"],
        ["test"] = ["predict"],
        ["evaluate"] = ["predict"],
        ["eval"] = ["predict"],
        ["infer"] = ["predict"],
        ["summary"] = ["show"],
        ["info"] = ["doctor"],
        ["fit"] = ["train"],
        ["benchmark"] = ["compare"],
        ["perceptron"] = ["mlp"],
        ["convnet"] = ["cnn"],
        ["relu"] = ["rectify"],
        ["rectifier"] = ["rectify"],
        ["leakyrelu"] = ["leaky_rectify"],
        ["logistic"] = ["sigmoid"],
        ["identity"] = ["linear"],
        ["none"] = ["linear", "constant"],
        ["xavier"] = ["glorot_uniform"],
        ["xavieruniform"] = ["glorot_uniform"],
        ["xaviernormal"] = ["glorot_normal"],
        ["kaiming"] = ["he_normal"],
        ["kaiminguniform"] = ["he_uniform"],
        ["kaimingnormal"] = ["he_normal"],
        ["he"] = ["he_normal"],
        ["activation"] = ["nonlinearity"],
        ["act"] = ["nonlinearity"],
        ["initializer"] = ["weights"],
        ["kernelinitializer"] = ["weights"],
        ["init"] = ["weights"],
        ["usebias"] = ["bias"],
        ["kernelsize"] = ["size"],
        ["poolsize"] = ["size"],
        ["padding"] = ["pad"],
        ["strides"] = ["stride"],
        ["channels"] = ["filters"],
        ["outchannels"] = ["filters"],
        ["neurons"] = ["units"],
        ["outfeatures"] = ["units"],
        ["inputshape"] = ["shape"],
        ["rate"] = ["p", "learning_rate", "learning-rate"],
        ["type"] = ["kind", "rule"],
        ["optimizer"] = ["update", "rule"],
        ["optimiser"] = ["update", "rule"],
        ["weightdecay"] = ["l2"],
        ["earlystopping"] = ["patience"],
        ["validationsplit"] = ["validation"],
        ["conv"] = ["conv2d"],
        ["convolution"] = ["conv2d"],
        ["fc"] = ["dense"],
        ["fullyconnected"] = ["dense"],
        ["maxpool"] = ["max_pool2d"],
        ["maxpooling2d"] = ["max_pool2d"],
        ["avgpool"] = ["average_pool2d"],
        ["averagepooling2d"] = ["average_pool2d"],
        ["bn"] = ["batch_norm"],
        ["batchnormalization"] = ["batch_norm"],
        ["nesterov"] = ["nesterov_momentum"],
        ["nag"] = ["nesterov_momentum"],
        ["onecycle"] = ["one_cycle"],
        ["cosineannealing"] = ["cosine"],
        ["exponential"] = ["step"],
    };

    /// <summary>
    /// Returns the end of a sentence about an unknown word: a question with the nearest word, or a full stop.
    /// </summary>
    public static string Question(string word, IEnumerable<string> known) =>
        To(word, known) is { } meant ? $": did you mean '{meant}'?" : ".";

    /// <summary>
    /// Returns the known word with the smallest edit distance, if this is small enough for the word's length; else
    /// null. A prefix of a known word is near it. So is a word that begins with a known word, or has one as a part:
    /// <c>num-epochs</c>, <c>datadir</c>. In words of one or two letters, no edits are allowed.
    /// </summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        string bare = word.TrimStart('-');
        int max = bare.Length < 3 ? 0 : bare.Length / 3;
        string[] all = [.. known];
        string plain = Plain(word);
        if (s_synonyms.GetValueOrDefault(plain)?.Select(meant => Named(meant, all))
            .FirstOrDefault(found => found is not null)
            is { } synonym && !all.Any(candidate => Plain(candidate) == plain))
        {
            return synonym;
        }

        return all
            .Select(candidate => (candidate, Slips: Slips(bare, candidate.TrimStart('-'))))
            .Where(pair => pair.Slips <= max
                || (bare.Length > 1
                    && pair.candidate.TrimStart('-').StartsWith(bare, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(pair => pair.Slips)
            .ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate)
            .FirstOrDefault() ?? ByPart(bare, all);
    }

    private static string? ByPart(string bare, string[] known)
    {
        const int Shortest = 4;
        return bare.Split('-', '_').Where(part => part.Length >= Shortest)
            .Select(part => known.FirstOrDefault(candidate => Slips(part, candidate.TrimStart('-')) <= 1))
            .FirstOrDefault(found => found is not null)
            ?? known.Where(candidate => candidate.TrimStart('-').Length >= Shortest
                    && bare.StartsWith(candidate.TrimStart('-'), StringComparison.OrdinalIgnoreCase))
                .MaxBy(candidate => candidate.Length);
    }

    /// <summary>Returns a word in lower case, without dashes and underscores.</summary>
    private static string Plain(string word) => word
        .Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>Returns the known word with this name, and the text after it.</summary>
    private static string? Named(string meant, string[] known)
    {
        string[] parts = meant.Split(' ', 2);
        string? found = known.FirstOrDefault(candidate => candidate.TrimStart('-') == parts[0]);
        return found is null ? null : string.Join(' ', [found, .. parts[1..]]);
    }

    /// <summary>
    /// Returns the number of insertions, deletions, replacements and swaps of neighbors from one word to the other (the
    /// optimal string alignment distance). It ignores case.
    /// </summary>
    private static int Slips(string a, string b)
    {
        int[,] slips = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    slips[i, j] = i + j;
                    continue;
                }

                int replaced = IsSame(i, j) ? 0 : 1;
                slips[i, j] = Math.Min(
                    Math.Min(slips[i - 1, j], slips[i, j - 1]) + 1, slips[i - 1, j - 1] + replaced);
                if (i > 1 && j > 1 && IsSame(i, j - 1) && IsSame(i - 1, j))
                {
                    slips[i, j] = Math.Min(slips[i, j], slips[i - 2, j - 2] + 1);
                }
            }
        }

        return slips[a.Length, b.Length];

        bool IsSame(int i, int j) => char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]);
    }
}
