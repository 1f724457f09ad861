namespace Engine.Runner;

/// <summary>The output of the runner without arguments: an example of each command.</summary>
internal static class Overview
{
    /// <summary>For each command by name, an example without the runner's own name, and its description.</summary>
    public static IReadOnlyList<(string Command, string Line, string What)> Examples { get; } =
    [
        ("train", "train photos/",
            "train on your own pictures or, with --target, a table; test; save a model and a page"),
        ("serve", "serve --load photos.model", "serve the model over HTTP, with a page to drop pictures on"),
        ("predict", "predict --load photos.model new/*.jpg", "say what a model predicts of new pictures or rows"),
        ("cnn", "cnn", "train the convolutional network on CIFAR-10, and test it"),
        ("mlp", "mlp --hidden 100,100", "train the perceptron, here with two hidden layers"),
        ("resnet", "resnet", "train a residual network of 20 layers on CIFAR-10 in color"),
        ("char", "char book.txt --sample 500", "learn a text character by character, and write more of it"),
        ("dbn", "dbn --pictures dbn", "train Boltzmann machines on CIFAR-10, and a network that begins with them"),
        ("speedrun", "speedrun", "train on CIFAR-10 by the fastest recipe known"),
        ("search", "search cnn --learning-rate 0.003..0.03 --trials 20",
            "search for settings with which a network learns best"),
        ("compare", "compare a.model b.model",
            "compare models on the same samples; or, as compare cnn, the CPU with a GPU"),
        ("plot", "plot history.jsonl -o curves.png", "draw the learning curves of one or several trainings"),
        ("show", "show cnn.safetensors -o pictures", "show a network's layers, and draw what it has learned"),
        ("report", "report history.jsonl cnn.safetensors -o report.html",
            "put all that is known of a training on one page"),
        ("explain", "explain mlp --stage kernels", "show what a training step was compiled to"),
        ("onnx", "onnx check model.onnx", "say what an ONNX file needs, and what of it is here"),
        ("check", "check", "compute exp of 230,400 numbers 1,000 times, and say where"),
        ("doctor", "doctor", "say what this machine can compute with, and what is missing"),
    ];

    /// <summary>Prints the examples.</summary>
    public static void Print(TextWriter output)
    {
        output.WriteLine("Train neural networks on the CPU or on an NVIDIA GPU.");
        output.WriteLine();
        int width = Examples.Max(example => example.Line.Length);
        foreach ((_, string line, string what) in Examples)
        {
            output.WriteLine($"  {CommandLine.Name} {line.PadRight(width)}  {what}");
        }

        output.WriteLine();
        output.WriteLine($"'{CommandLine.Name} COMMAND --help' lists the options of a command with their defaults.");
    }
}
