using Engine.Build;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;
using Engine.Interop;
using Engine.Ops;
using Engine.Tests.Data;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Runner;
using Engine.Tests.Simt;
using Function = Engine.Compile.Function;

namespace Engine.Tests.Distributed;

/// <summary>Processes with one GPU each: doubles of CUDA that communicate through a double of NCCL.</summary>
[Platform("Linux")]
[NonParallelizable]
public class NcclTests
{
    private const string Network = """
        {
          "layers": [
            { "kind": "input", "shape": [3, 32, 32] },
            { "kind": "conv2d", "filters": 2, "size": 5 },
            { "kind": "max_pool2d", "size": 4 },
            { "kind": "batch_norm" },
            { "kind": "dropout", "p": 0.3 },
            { "kind": "dense", "units": 10, "nonlinearity": "softmax" }
          ],
          "update": { "rule": "adam", "learning_rate": 0.01 },
          "epochs": 2, "batch": 16, "data": { "shuffle": true }
        }
        """;

    private const string One = "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2",
        Zero = "RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 LOCAL_WORLD_SIZE=2";

    private TempFolder _folder = null!;
    private string _train = "";

    [OneTimeSetUp]
    public void TrainOnOne()
    {
        _ = SimtDouble.Folder;
        _folder = new TempFolder();
        File.WriteAllText(_folder.File("net.json"), Network);
        _train = $"train {_folder.File("net.json")} --data {Batches.WriteFolder(_folder.Path, 40, 10)}";
        RunnerProcess run = Run($"{_train} --gpus 1 --history {_folder.File("1")} --save {_folder.File("1.model")}");
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder?.Dispose();

    [TestCase(2)]
    [TestCase(4)]
    public void Any_number_of_gpus_gives_the_same_bits(int gpus)
    {
        string history = _folder.File($"{gpus}");

        RunnerProcess run = Run($"{_train} --gpus {gpus} --history {history} --save {history}.model");

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain(
            $"Ranks: {gpus} on 1 machine, started by --gpus, connected by NCCL 2.22.3; 8 shards a batch, "
            + $"summed pairwise; 1 GPU a rank."));
        RequireSameBits(history);
    }

    [Test]
    public void Ranks_of_mpirun_speak_by_nccl_where_each_has_a_gpu()
    {
        if (Gates.WhyNoMpi is { } reason)
        {
            Assert.Ignore($"Left out: {reason}.");
        }

        string history = _folder.File("mpi");

        RunnerProcess run = RunnerProcess.RunBy(
            "mpirun.openmpi", ["--oversubscribe", "--bind-to", "none", "-n", "2"],
            $"exec \"$0\" {_train} --device cuda --history {history} --save {history}.model",
            [.. Machine(2), ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain("started by mpirun of Open MPI, connected by NCCL 2.22.3; 8 shards"));
        RequireSameBits(history);
    }

    [Test]
    public void What_torchrun_sets_is_enough_and_the_library_may_sum_as_it_likes()
    {
        string history = _folder.File("free");

        RunnerProcess run =
            Script($"{One} \"$0\" {_train} --deterministic false & {Zero} \"$0\" {_train} --deterministic false "
                + $"--history {history}; wait");

        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        Assert.That(run.Output, Does.Contain(
            "started by torchrun, connected by NCCL 2.22.3; 2 shards a batch, summed as NCCL does it fastest"));
        Assert.That(Losses(history), Has.Length.EqualTo(2).And.Not.EqualTo(Losses(_folder.File("1"))));
    }

    [Test]
    public void A_rank_that_is_killed_ends_the_others()
    {
        RunnerProcess run = Script(
            $"{One} \"$0\" {_train} --epochs 2000 & one=$!; {Zero} \"$0\" {_train} --epochs 2000 | while read -r "
            + "line; do case $line in '6 '*) kill -9 $one;; esac; done; wait");

        Assert.That(run.Errors,
            Does.Match("Rank 1 on [^ ]+ has ended; it was last heard of at (the validation of )?epoch [0-9]+"));
    }

    [Test]
    public void A_rank_that_hangs_ends_the_others()
    {
        RunnerProcess run = Script(
            $"export ENGINE_RANK_TIMEOUT=3; {One} \"$0\" {_train} --epochs 2000 & one=$!; {Zero} \"$0\" {_train} "
            + "--epochs 2000 | while read -r line; do case $line in '6 '*) kill -STOP $one;; esac; done; "
            + "kill -9 $one; wait");

        Assert.That(run.Errors, Does.Match("Rank 1 on [^ ]+ has not answered for 3 s"));
    }

    [Test]
    public void A_request_to_end_reaches_all_that_were_started()
    {
        string pipe = _folder.File("pipe"), model = _folder.File("stopped.model");

        RunnerProcess run = RunnerProcess.RunBy(
            "env", [], $"mkfifo {pipe}; \"$0\" {_train} --gpus 2 --epochs 2000 --save {model} > {pipe} & all=$!; "
                + $"while read -r line; do echo \"$line\"; case $line in '6 '*) kill -TERM $all;; esac; "
                + $"done < {pipe}; wait $all", Machine(2));

        Assert.That(run.ExitCode, Is.EqualTo(143), run.Errors);
        Assert.That(run.Output, Does.Contain("The accuracy of this network is"));
        Assert.That(model, Does.Exist);
    }

    [Test]
    public void Ranks_that_differ_are_refused_at_the_start()
    {
        RunnerProcess run =
            Script($"{One} \"$0\" {_train} --seed 2 & {Zero} \"$0\" {_train}; code=$?; wait; exit $code");

        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(
            run.Errors, Does.Contain("The ranks do not train the same: the seed of rank 1 is not what rank 0 has."));
    }

    [TestCase("--gpus 3", 2, "--gpus 3: this machine has 2 GPUs.\n")]
    [TestCase("--gpus 2 --device cpu", 2,
        "--gpus 2 takes the first 2 GPUs of this machine, and --device says cpu: give one of them.\n")]
    [TestCase("--gpus 2", 0, "--gpus 2: the CUDA driver finds no GPU.\n")]
    public void What_cannot_be_is_refused_before_anything_is_started(string options, int gpus, string message)
    {
        RunnerProcess run = RunnerProcess.Run($"{_train} {options}", Machine(gpus));

        Assert.That(run.Errors, Is.EqualTo(message));
        Assert.That(run.ExitCode, Is.EqualTo(1));
    }

    [TestCase("--device cpu",
        "The processes that torchrun starts speak by NCCL, from GPU to GPU: on CPUs start them with mpirun or srun.")]
    [TestCase(
        "--gpus 3", "--gpus starts processes by itself, and torchrun has started 2 on this machine: leave --gpus out.")]
    public void What_contradicts_the_launcher_is_refused(string options, string message)
    {
        RunnerProcess run = Script($"{Zero} exec \"$0\" {_train} {options}");

        Assert.That(run.Errors, Does.Contain(message));
        Assert.That(run.ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void A_rank_alone_exchanges_with_itself()
    {
        CudaTestDevice.Open();
        using NcclCommunicator alone = OpenAlone();
        var values = Tensor.From([1f, 2, 3]);
        var bytes = Tensor.From([(byte)4]);

        alone.AllReduce(values);
        alone.AllReduce(values, Reduction.Max);
        alone.Broadcast(bytes);
        alone.Barrier();
        Collective begun = alone.AllReduceAsync(Tensor.From([5.5]));
        begun.Wait();

        Assert.That(values.AsSpan<float>().ToArray(), Is.EqualTo([1f, 2, 3]));
        Assert.That(alone.AllGather(bytes).AsSpan<byte>().ToArray(), Is.EqualTo([(byte)4]));
        Assert.That(begun.IsDone, Is.True);
        Assert.That(alone.Name, Does.StartWith("NCCL 2."));
    }

    [Test]
    public void A_function_of_the_gpu_sums_over_the_ranks()
    {
        CudaDevice device = CudaTestDevice.Open(synchronous: false);
        using NcclCommunicator alone = OpenAlone();
        Engine.Graph.Input x = Symbolic.Vector("x");
        using Function function = Function.Compile([x], [Symbolic.AllReduce(x * 2.0, alone)], device: device);

        for (int i = 0; i < 3; i++)
        {
            Assert.That(
                function.Call(Tensor.From([1f, 2, i]))[0].AsSpan<float>().ToArray(), Is.EqualTo([2f, 4, 2 * i]));
        }
    }

    [Test]
    public void On_a_gpu_ranks_that_speak_otherwise_are_refused()
    {
        CudaDevice device = CudaTestDevice.Open();
        Engine.Graph.Input x = Symbolic.Vector("x");
        using Function function =
            Function.Compile([x], [Symbolic.AllReduce(x, ThreadCommunicator.Create(2)[0])], device: device);

        Assert.That(() => function.Call(Tensor.From([1f])), Throws.TypeOf<EngineException>().With.Message.Contains(
            "Data on GPUs need NCCL, but these 2 ranks communicate by threads of one process"));
    }

    private static NcclCommunicator OpenAlone()
    {
        if (Nccl.Problem is { } problem)
        {
            Assert.Ignore($"Left out: {problem}.");
        }

        return NcclCommunicator.Open(new RankLaunch(Launcher.Torchrun, 0, 1, 0, 1));
    }

    private void RequireSameBits(string history)
    {
        Assert.That(Losses(history), Is.EqualTo(Losses(_folder.File("1"))).And.Length.EqualTo(2));
        Assert.That(File.ReadAllBytes($"{history}.model"), Is.EqualTo(File.ReadAllBytes(_folder.File("1.model"))));
    }

    private static string[] Losses(string history) => [.. File.ReadLines(history)
        .Where(line => line.Contains("\"epoch\"", StringComparison.Ordinal))
        .Select(line => line.Split(",\"train_seconds\"")[0])];

    private RunnerProcess Run(string command) => RunnerProcess.Run(command, Machine(4));

    private RunnerProcess Script(string script) => RunnerProcess.RunBy(
        "env", [$"MASTER_PORT={Rendezvous.FreePort()}", "MASTER_ADDR=127.0.0.1"], script, Machine(2));

    private (string, string)[] Machine(int gpus) =>
    [
        ("ENGINE_CUDA_PATH", SimtDouble.Folder), ("SIMT_DEVICES", $"{gpus}"), ("ENGINE_CACHE", _folder.File("cubins")),
    ];
}
