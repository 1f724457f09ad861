using Engine.Data;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary>A folder with generated images in CIFAR-10's format, and saved untrained networks.</summary>
internal sealed class SmallModel : IDisposable
{
    public const int TestImages = 40;

    /// <summary>A convolutional network.</summary>
    public const string Convolutional = """
        {
          "name": "small",
          "layers": [
            { "name": "input", "kind": "input", "shape": [1, 32, 32] },
            { "name": "look", "kind": "conv2d", "filters": 3, "size": [2, 3], "pad": 1 },
            { "name": "pool", "kind": "max_pool2d", "size": 4 },
            { "name": "output", "kind": "dense", "units": 10, "nonlinearity": "softmax" }
          ]
        }
        """;

    private readonly TempFolder _folder = new();

    public SmallModel()
    {
        Images = SyntheticImages.Draw(20, TestImages);
        Directory.CreateDirectory(File("cifar-10-batches-py"));
        System.IO.File.WriteAllBytes(File("cifar-10-batches-py/data_batch_1"), Batch(Images.Train));
        System.IO.File.WriteAllBytes(File("cifar-10-batches-py/test_batch"), Batch(Images.Test));
    }

    /// <summary>The images.</summary>
    public Cifar10Set Images { get; }

    /// <summary>Gets the options with which a command uses the images and the CPU.</summary>
    public string[] Options => ["--data", _folder.Path, "--device", "cpu", "--threads", "1"];

    public string File(string name) => Path.Combine(_folder.Path, name);

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    /// <summary>Saves a network from a description with its initial parameters.</summary>
    public string Save(
        string json = Convolutional, string name = "model.safetensors", IReadOnlyList<string>? classes = null,
        bool isSynthetic = false)
    {
        NetworkDescription network = DescriptionReader.Parse(json, "network.json");
        using var net = new NeuralNet(network.MakeLayers()) { Regression = true };
        net.Initialize();
        new ModelFile(network, classes ?? Images.ClassNames, isSynthetic).Save(File(name), net);
        return File(name);
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] Batch(Cifar10Images images) =>
        PickleWriter.Published(images.Images.Bytes.ToArray(), images.Labels.AsSpan<int>().ToArray());
}
