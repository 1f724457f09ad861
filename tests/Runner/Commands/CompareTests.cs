using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Runner;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Runner;

public class CompareTests
{
    private static readonly Trained s_cpu = new("cpu", null, [2, 1], [9, 4, 2, 3], 0.5);
    private static readonly Trained s_gpu = new("cuda:0", "a GPU", [2.002, 1.0001], [5, 0.5], 0.51);

    [Test]
    public void The_first_epoch_does_not_count_where_there_are_more()
    {
        Assert.That(s_cpu.SecondsAnEpoch, Is.EqualTo(3));
        Assert.That((s_cpu with { EpochSeconds = [1, 2, 5] }).SecondsAnEpoch, Is.EqualTo(3.5));
        Assert.That((s_cpu with { EpochSeconds = [7] }).SecondsAnEpoch, Is.EqualTo(7));
    }

    [Test]
    public void A_comparison_shows_times_accuracies_speed_up_and_how_far_the_losses_differ()
    {
        var comparison = new Comparison(s_cpu, s_gpu);

        Assert.That(comparison.SpeedUp, Is.EqualTo(6));
        Assert.That(comparison.LossDifference, Is.EqualTo(0.001).Within(1e-9));
        Assert.That(comparison.ToString(), Does.Match(@"seconds an epoch +3\.0000 +0\.5000")
            .And.Match(@"test accuracy +0\.5000 +0\.5100").And.Contain("cuda:0 (a GPU)").And.Contain("6.0 times"));
    }

    [Test]
    public void A_loss_that_is_not_a_number_is_not_lost() => Assert.That(
        new Comparison(s_cpu, s_gpu with { FirstLosses = [double.NaN, 1] }).LossDifference, Is.NaN);

    [TestCase(1.9999, 0.509, ExpectedResult = true)]
    [TestCase(1.9997, 0.5, ExpectedResult = false)]
    [TestCase(double.NaN, 0.5, ExpectedResult = false)]
    [TestCase(2, 0.511, ExpectedResult = false)]
    public bool Devices_agree_that_learn_the_same(double loss, double accuracy) =>
        new Comparison(s_cpu, s_gpu with { FirstLosses = [loss, 1], TestAccuracy = accuracy }).Agrees;

    [TestCase(0.519, ExpectedResult = true)]
    [TestCase(0.531, ExpectedResult = false)]
    [TestCase(0.461, ExpectedResult = true)]
    [TestCase(0.459, ExpectedResult = false)]
    public bool Accuracies_may_differ_as_far_as_those_of_several_seeds_do(double accuracy) =>
        new Comparison(s_cpu, s_gpu with { FirstLosses = [2, 1], TestAccuracy = accuracy })
        {
            CpuAccuracies = [0.5, 0.48, 0.49],
        }.Agrees;

    [Test]
    public void Both_devices_train_alike([Values] bool isFlat)
    {
        Device gpu = CudaTestDevice.Open();
        using var cpu = new CpuDevice(1);
        Cifar10Set data = SyntheticImages.Draw(train: 40, test: 20);
        TrainingOptions defaults = isFlat ? Experiment.MlpDefaults with { Hidden = [20] } : Experiment.CnnDefaults;
        TrainingOptions options = defaults with { Epochs = 2, Batch = 20, Quiet = true };

        var comparison = new Comparison(On(cpu), On(gpu));

        // Not LessThanOrEqualTo, which orders NaN below all numbers.
        Assert.That(comparison.LossDifference <= 1e-4, Is.True, $"{comparison.LossDifference}");
        Assert.That(comparison.Gpu.TestAccuracy, Is.EqualTo(comparison.Cpu.TestAccuracy));
        Assert.That(comparison.Gpu.FirstLosses, Has.Count.EqualTo(2));
        Assert.That(comparison.Gpu.EpochSeconds, Has.Count.EqualTo(2));

        Trained On(Device device) =>
            Trained.On(device, DType.Float32, options, data, history: null, CancellationToken.None);
    }

    [TestCase("cuda99", "--device cuda99: ")]
    [TestCase("cpu", "--device names the GPU that is compared with the CPU, cuda or cuda1 for one, not cpu.")]
    public async Task Without_a_gpu_there_is_nothing_to_compare(string device, string message)
    {
        using var errors = new StringWriter();
        string[] args = ["compare", "mlp", "--device", device];

        int code = await CommandLine.Run(
            CommandLine.Root([CompareCommand.Create()]), args, TextWriter.Null, errors, CancellationToken.None);

        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors.ToString(), Does.StartWith(message));
        Assert.That(errors.ToString().Trim(), Does.Not.Contain("\n"));
    }

    [Test]
    public async Task Wrong_usage_points_to_the_help_of_the_command_itself()
    {
        using var errors = new StringWriter();
        string[] args = ["compare", "cnn", "--save", "file"];

        int code = await CommandLine.Run(
            CommandLine.Root([CompareCommand.Create()]), args, TextWriter.Null, errors, CancellationToken.None);

        Assert.That(code, Is.EqualTo(2));
        Assert.That(errors.ToString().Trim(), Does.EndWith("See 'runner compare cnn --help'."));
    }
}
