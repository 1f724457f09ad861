using System.CommandLine;
using Engine.Configuration;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;

namespace Engine.Tests.Runner;

public class CommandLineTests
{
    private static readonly TrainingOptions s_defaults = new()
    {
        Network = Networks.Mlp,
        Epochs = 50,
        Batch = 128,
        LearningRate = 0.01f,
        Momentum = 0.9f,
        Seed = 42,
        Hidden = [100],
    };

    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();
    private TrainingOptions? _given;

    [SetUp]
    public void Forget()
    {
        _output.GetStringBuilder().Clear();
        _errors.GetStringBuilder().Clear();
        _given = null;
    }

    [OneTimeTearDown]
    public void Close()
    {
        _output.Dispose();
        _errors.Dispose();
    }

    [Test]
    public async Task Without_options_a_training_command_gets_its_defaults()
    {
        Assert.That(await Run("mlp"), Is.Zero);
        Assert.That(_given! with { Hidden = s_defaults.Hidden }, Is.EqualTo(s_defaults));
        Assert.That(_given.Hidden, Is.EqualTo(new[] { 100 }));
    }

    [Test]
    public async Task Every_option_of_a_training_command_arrives()
    {
        string[] args =
        [
            "mlp", "--device", "cuda1", "--data", "images", "--images", "10", "--epochs", "0", "--batch=1",
            "--learning-rate", "1e-3",
            "--momentum", "0", "--seed", "7", "--threads", "3", "--history", "h.jsonl", "--save", "s", "--load", "l",
            "--checkpoint", "c", "--resume", "r",
            "--quiet", "--hidden", "100,20", "--profile", "nsight",
        ];

        Assert.That(await Run(args), Is.Zero);
        Assert.That(_given!.Hidden, Is.EqualTo(new[] { 100, 20 }));
        Assert.That(_given with { Hidden = [] }, Is.EqualTo(new TrainingOptions
        {
            Network = Networks.Mlp,
            Device = new DeviceChoice(DeviceFamily.Cuda, 1),
            Data = "images",
            Images = 10,
            Epochs = 0,
            Batch = 1,
            LearningRate = 1e-3f,
            Momentum = 0,
            Seed = 7,
            Threads = 3,
            History = "h.jsonl",
            Save = "s",
            Load = "l",
            Checkpoint = "c",
            Resume = "r",
            Quiet = true,
            Profile = ProfileKind.Nsight,
            Hidden = [],
        }));
    }

    [TestCase("--epochs", "-1", "--epochs must be a whole number, at least 0, not '-1'.")]
    [TestCase("--epochs", "1.5", "--epochs must be a whole number, at least 0, not '1.5'.")]
    [TestCase("--batch", "0", "--batch must be a whole number, at least 1, not '0'.")]
    [TestCase("--batch", "99999999999", "--batch must be a whole number, at least 1, not '99999999999'.")]
    [TestCase("--images", "9", "--images must be a whole number, at least 10, not '9'.")]
    [TestCase("--threads", "0", "--threads must be a whole number, at least 1, not '0'.")]
    [TestCase("--seed", "x", "--seed must be a whole number, at least 0, not 'x'.")]
    [TestCase("--learning-rate", "0", "--learning-rate must be a number greater than 0, not '0'.")]
    [TestCase("--learning-rate", "NaN", "--learning-rate must be a number greater than 0, not 'NaN'.")]
    [TestCase("--learning-rate", "1e99", "--learning-rate must be a number greater than 0, not '1e99'.")]
    [TestCase("--learning-rate", "0,01", "--learning-rate must be a number greater than 0, not '0,01'.")]
    [TestCase("--momentum", "1", "--momentum must be a number from 0 up to, not including, 1, not '1'.")]
    [TestCase("--device", "tpu",
        "--device must be auto, cpu, cuda, gpu, or one GPU: cuda0, cuda1 …, not 'tpu': did you mean 'cpu'?")]
    [TestCase("--profile", "vtune", "--profile must be table or nsight, not 'vtune'.")]
    [TestCase("--hidden", "100,", "--hidden must be sizes of at least 1 with commas between, as 100,100, not '100,'.")]
    [TestCase("--hidden", "0", "--hidden must be sizes of at least 1 with commas between, as 100,100, not '0'.")]
    public async Task A_bad_value_is_wrong_usage_in_one_line(string option, string value, string message)
    {
        Assert.That(await Run("mlp", option, value), Is.EqualTo(2));
        Assert.That(Errors, Is.EqualTo($"{message} See 'runner mlp --help'."));
        Assert.That(_given, Is.Null);
    }

    [TestCase("frobnicate", "See 'runner --help'.")]
    [TestCase("mlp --frobnicate", "See 'runner mlp --help'.")]
    [TestCase("mlp --epochs", "See 'runner mlp --help'.")]
    [TestCase("mlp --epochs 1 --epochs 2", "See 'runner mlp --help'.")]
    [TestCase("plain --hidden 100", "See 'runner plain --help'.")]
    public async Task What_is_not_understood_is_wrong_usage_in_one_line(string line, string hint)
    {
        Assert.That(await Run(line.Split(' ')), Is.EqualTo(2));
        Assert.That(Errors, Does.EndWith(hint).And.Not.Contain("\n"));
        Assert.That(_output.ToString(), Is.Empty);
    }

    [Test]
    public async Task Help_names_the_defaults()
    {
        Assert.That(await Run("mlp", "--help"), Is.Zero);
        Assert.That(_output.ToString(), Does.Match(@"--epochs <N> .*\[default: 50\]")
            .And.Match(@"--learning-rate, --lr <X> .*\[default: 0\.01\]")
            .And.Match(@"--hidden <N\[,N…\]> .*\[default: 100\]"));
    }

    [Test]
    public async Task Without_arguments_the_commands_are_listed()
    {
        Assert.That(await Run(), Is.Zero);
        Assert.That(_output.ToString(), Does.Contain("runner mlp").And.Contain("runner cnn"));
    }

    [Test]
    public async Task An_error_of_the_engine_is_its_message_and_exit_code_1()
    {
        Assert.That(await Run("plain", _ => throw new EngineException("The shapes differ.")), Is.EqualTo(1));
        Assert.That(Errors, Is.EqualTo("The shapes differ."));
    }

    [Test]
    public async Task An_unexpected_error_is_one_line_without_a_stack_trace()
    {
        Assert.That(await Run("plain", _ => throw new InvalidDataException("first\nsecond")), Is.EqualTo(1));
        Assert.That(Errors, Is.EqualTo("Unexpected InvalidDataException: first second"));
    }

    [Test]
    public async Task A_canceled_command_says_that_it_stopped()
    {
        using var interrupt = new CancellationTokenSource();

        int exitCode = await Run(
            "plain",
            cancellation =>
            {
                interrupt.Cancel();
                cancellation.ThrowIfCancellationRequested();
                return 0;
            },
            interrupt.Token);

        Assert.That(exitCode, Is.EqualTo(130));
        Assert.That(Errors, Is.EqualTo("Stopped."));
    }

    [Test]
    public async Task The_exit_code_of_a_command_is_passed_on() =>
        Assert.That(await Run("plain", _ => 1), Is.EqualTo(1));

    private string Errors => _errors.ToString().TrimEnd();

    private Task<int> Run(params string[] args) => Run(args, _ => 0, CancellationToken.None);

    private Task<int> Run(
        string command, Func<CancellationToken, int> body, CancellationToken cancellation = default) =>
        Run([command], body, cancellation);

    private Task<int> Run(string[] args, Func<CancellationToken, int> body, CancellationToken cancellation)
    {
        Task<int> Body(TrainingOptions options, CancellationToken token)
        {
            _given = options;
            return Task.FromResult(body(token));
        }

        RootCommand root = CommandLine.Root(
        [
            TrainingCommand.Create("mlp", "With hidden layers.", () => Networks.Mlp, Body),
            TrainingCommand.Create("plain", "Without.", () => Networks.Cnn, Body, ["--hidden"]),
        ]);
        return CommandLine.Run(root, args, _output, _errors, cancellation);
    }
}
