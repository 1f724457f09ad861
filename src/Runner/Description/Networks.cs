namespace Engine.Runner.Description;

/// <summary>
/// The networks that ship with the runner, beginning with the source's two; they are descriptions like any other.
/// </summary>
internal static class Networks
{
    private static readonly (string Name, string File)[] s_files =
        [("mlp", "mlp.ini"), ("cnn", "cnn.json"), ("resnet", "resnet20.json")];
    private static readonly Lazy<NetworkDescription> s_mlp = new(() => Read("mlp")), s_cnn = new(() => Read("cnn")),
        s_resnet = new(() => Read("resnet"));

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => s_files.Select(file => file.Name);

    /// <summary>The perceptron: flat gray pixels, dense layers, ten probabilities.</summary>
    public static NetworkDescription Mlp => s_mlp.Value;

    /// <summary>
    /// The convolutional network: three convolutions with max pooling, a dense layer, ten probabilities.
    /// </summary>
    public static NetworkDescription Cnn => s_cnn.Value;

    /// <summary>A residual network of 20 layers on images in color.</summary>
    public static NetworkDescription ResNet => s_resnet.Value;

    /// <summary>Returns the text of the file that describes one of the networks.</summary>
    public static string Text(string name)
    {
        using Stream stream = typeof(Networks).Assembly.GetManifestResourceStream($"Networks/{File(name)}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Returns the network of this name, or the one that a file describes.</summary>
    /// <exception cref="EngineException">There is no such network, or the file is wrong.</exception>
    public static NetworkDescription Find(string nameOrFile)
    {
        if (Names.Contains(nameOrFile))
        {
            return nameOrFile == "mlp" ? Mlp : nameOrFile == "cnn" ? Cnn : ResNet;
        }

        FileKind.Require(
            nameOrFile,
            $"A network is a file in JSON or INI that describes it, or one of {string.Join(", ", Names)}: "
            + "these are trained on CIFAR-10, of which --data names the folder. Own data are a folder of pictures "
            + "or texts, a table (.csv) or arrays (.npz); write other tables as one of these.");
        if (!System.IO.File.Exists(nameOrFile) && !nameOrFile.Contains('.', StringComparison.Ordinal))
        {
            throw new EngineException(
                $"There is no file {nameOrFile}{Nearest.Question(nameOrFile, Names)} The networks that need no file "
                + $"are {string.Join(", ", Names)}.");
        }

        return DescriptionReader.Read(nameOrFile);
    }

    /// <summary>Returns the network that parameters belong to, by their shapes and their names or order.</summary>
    /// <returns>Null if they belong to neither network.</returns>
    public static NetworkDescription? Of(IReadOnlyDictionary<string, Tensor> parameters)
    {
        if (parameters.TryGetValue("arr_0", out Tensor? first))
        {
            return first.Shape.Rank == 4 ? Cnn : OfNumbered(parameters);
        }

        if (parameters.ContainsKey("conv1.W"))
        {
            return Cnn;
        }

        if (parameters.ContainsKey("block11_a.W"))
        {
            return ResNet;
        }

        if (parameters.TryGetValue("hidden.W", out Tensor? single) && single.Shape.Rank == 2)
        {
            return Mlp.WithHidden([single.Shape[1]]);
        }

        var hidden = new List<int>();
        while (parameters.TryGetValue($"hidden{hidden.Count + 1}.W", out Tensor? w) && w.Shape.Rank == 2)
        {
            hidden.Add(w.Shape[1]);
        }

        return hidden.Count > 0 ? Mlp.WithHidden(hidden) : null;
    }

    /// <summary>
    /// Returns the perceptron whose parameters Lasagne saved in order, with alternating weights and biases.
    /// </summary>
    private static NetworkDescription? OfNumbered(IReadOnlyDictionary<string, Tensor> parameters)
    {
        var sizes = new List<int>();
        while (parameters.TryGetValue($"arr_{2 * sizes.Count}", out Tensor? w) && w.Shape.Rank == 2)
        {
            sizes.Add(w.Shape[1]);
        }

        return sizes.Count > 1 ? Mlp.WithHidden(sizes[..^1]) : null;
    }

    private static NetworkDescription Read(string name) => DescriptionReader.Parse(Text(name), File(name));

    private static string File(string name) => s_files.Single(file => file.Name == name).File;
}
