using System.Globalization;
using Engine.Build;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Ops;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Ops;
using Engine.Tests.Simt;
using Engine.Training;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The kernels as compiled by NVIDIA's compiler compute the CPU's results: the double executes their PTX, for the
/// oldest supported GPU and for the newest.
/// </summary>
[TestFixture(NvrtcTests.OldestSupported)]
[TestFixture(NvrtcTests.NewestSupported)]
[NonParallelizable]
public sealed class PtxTests(int architecture)
{
    // Kernels that passed are not run again until the launches or the double change. The other front end of the double
    // compares the references each time.
    private static readonly CubinCache s_passed = new(Path.Combine(AppContext.BaseDirectory, "ptx-passed"));

    private string _executor = "";
    private CudaDevice? _device;
    private TempFolder? _cache;

    private static IEnumerable<TestCaseData> Ops => OpTable.Types
        .Where(type => type.IsAssignableTo(typeof(ICudaOp)))
        .Select(type => new TestCaseData(type).SetArgDisplayNames(OpTable.Name(type)));

    [OneTimeSetUp]
    public void Open()
    {
        SimtDouble.RequirePtx();
        SimtDouble.Set("SIMT_ARCH", architecture.ToString(CultureInfo.InvariantCulture));
        string stamp = File.ReadAllText(Path.Combine(SimtDouble.Folder, "stamp"));
        _executor = $"{stamp} NVRTC {Nvrtc.Version} sm_{architecture}";
        _cache = new TempFolder();
        _device = new CudaDevice(new CudaOptions { CacheFolder = _cache.Path });
    }

    [OneTimeTearDown]
    public void Close()
    {
        if (_device is not null)
        {
            _device.Dispose();
            _cache!.Dispose();
            SimtDouble.Set("SIMT_ARCH", null);
        }
    }

    /// <summary>Each target has each sample once, and both together have each in both types.</summary>
    [TestCaseSource(nameof(Ops))]
    public void An_op_computes_what_its_reference_does(Type op) => Once(
        KernelVariants.Describe(op, CudaOpTests.Draws), () => OpChecks.ComputesWhatItsReferenceDoes(
            op, _device!, architecture == NvrtcTests.OldestSupported ? Share.Even : Share.Odd, CudaOpTests.Draws));

    [Test]
    public void Tensor_cores_multiply_rounded_numbers()
    {
        if (architecture < 80)
        {
            Assert.Pass("There are none.");
        }

        string[] files = ["gemm.cu", "conv.cu", "conv_input_gradient.cu", "conv_weights_gradient.cu"];
        Once([.. files.Select(file => KernelSource.Expand(file, []))], () =>
        {
            foreach (CudaTile tile in CudaTile.OfTensorCores)
            {
                TensorCoreChecks.TileMultiplies(_device!, tile, transposeA: false, transposeB: false);
                TensorCoreChecks.TileMultiplies(_device!, tile, transposeA: true, transposeB: true);
            }

            foreach (CudaTile tile in CudaTile.OfHalves)
            {
                TensorCoreChecks.TileMultiplies(_device!, tile, transposeA: false, transposeB: true, DType.BFloat16);
                TensorCoreChecks.TileMultiplies(_device!, tile, transposeA: true, transposeB: false, DType.Float16);
            }

            TensorCoreChecks.GraphReadsHalves(_device!, DType.BFloat16);
            TensorCoreChecks.LoopReadsHalves(_device!, DType.Float16);
            TensorCoreChecks.ImagesAreReadAsHalves(_device!, DType.BFloat16);
            TensorCoreChecks.ImagesAreReadAsHalves(_device!, DType.Float16);

            TensorCoreChecks.GraphRounds(new CudaOptions { CacheFolder = _cache!.Path });
        });
    }

    [TestCase("mlp")]
    [TestCase("cnn")]
    public void A_network_learns_as_on_the_cpu(string name)
    {
        using var lowering = new LoweringDevice();
        using (NeuralNet planned = Fit(name, lowering, epochs: 0))
        {
        }

        Once(lowering.Launched, () =>
        {
            using var cpu = new CpuDevice();
            using NeuralNet here = Fit(name, cpu, epochs: 1), there = Fit(name, _device!, epochs: 1);
            EpochRecord expected = here.TrainHistory[^1], actual = there.TrainHistory[^1];
            Assert.That(Math.Abs(actual.TrainLoss - expected.TrainLoss) <= 1e-4, $"{actual} is not {expected}");
            Assert.That(Math.Abs(actual.ValidLoss - expected.ValidLoss) <= 1e-4, $"{actual} is not {expected}");
        });
    }

    /// <summary>Trains for four steps, the last one with fewer images, and a validation.</summary>
    private static NeuralNet Fit(string name, Device device, int epochs)
    {
        NetworkDescription network = Networks.Find(name);
        Cifar10Images images = SyntheticImages.Draw(train: 560, test: 10).Train;
        var net = new NeuralNet(network.MakeLayers())
        {
            Update = network.MakeUpdate(),
            BatchIteratorTrain = network.MakeBatches(),
            Device = device,
            MaxEpochs = epochs,
        };
        net.Fit(ImageInput.Prepare(network, images.Images), images.Labels);
        return net;
    }

    private void Once(IEnumerable<string> launches, Action check)
    {
        string key = string.Join('\n', launches.Prepend(_executor));
        if (s_passed.Find(key) is null)
        {
            check();
            s_passed.Keep(key, "passed"u8);
        }
    }
}
