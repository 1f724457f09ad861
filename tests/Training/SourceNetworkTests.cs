using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using Engine.Devices.Cpu;
using Engine.Models.Description;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>
/// The two networks of the source train to the same bits as ever. The width of the CPU's vectors decides the order of
/// sums, so there are bits for each width.
/// </summary>
public class SourceNetworkTests
{
    private static readonly Dictionary<(string Network, int VectorBytes), string> s_known = new()
    {
        [("mlp", 64)] = "D0B4977F460BF526",
        [("mlp", 32)] = "D0B4977F460BF526",
        [("cnn", 64)] = "054D8889AC60885F",
        [("cnn", 32)] = "53E5369087CF4CE3",
    };

    [TestCase("mlp")]
    [TestCase("cnn")]
    public void The_sources_networks_train_to_the_same_bits_as_ever(string name)
    {
        Assume.That(X86Base.IsSupported && s_known.ContainsKey((name, Simd.Width)),
            "The bits are known for x64 with vectors of 32 and 64 bytes.");
        NetworkDescription described = name == "mlp" ? Networks.Mlp : Networks.Cnn;
        using var device = new CpuDevice(2);
        using var net = new NeuralNet(described.MakeLayers())
        {
            Update = described.MakeUpdate(),
            BatchIteratorTrain = new BatchIterator(32),
            MaxEpochs = 2,
            Device = device,
        };
        (Tensor images, int[] labels) = Toy.Images(80);

        net.Fit(name == "mlp" ? images.Reshape([80, 1024]) : images, Tensor.From(labels));

        byte[] parameters = [.. net.GetParameters().SelectMany(pair => pair.Value.Bytes.ToArray())];
        Assert.That(Convert.ToHexString(SHA256.HashData(parameters))[..16], Is.EqualTo(s_known[(name, Simd.Width)]));
    }
}
