using System.Diagnostics;
using System.Globalization;
using System.Text;
using Engine.Tests.Data;

namespace Engine.Tests.Distributed;

/// <summary>
/// Processes that mpirun starts, with Open MPI and MPICH: build.sh runs these tests as a gate of its own.
/// </summary>
[Platform("Linux")]
[NonParallelizable]
public class MpiTests
{
    private const string OpenMpi = "mpirun.openmpi", Mpich = "mpirun.mpich";

    private const string Network = """
        {
          "layers": [
            { "kind": "input", "shape": [3, 32, 32] },
            { "kind": "conv2d", "filters": 4, "size": 3 },
            { "kind": "max_pool2d", "size": 2 },
            { "kind": "batch_norm" },
            { "kind": "dropout", "p": 0.3 },
            { "kind": "dense", "units": 10, "nonlinearity": "softmax" }
          ],
          "update": { "rule": "adam", "learning_rate": 0.01, "schedule": "one_cycle" },
          "epochs": 3, "batch": 32, "data": { "shuffle": true }
        }
        """;

    private TempFolder _folder = null!;
    private string _train = "";

    [OneTimeSetUp]
    public void MakeFolder()
    {
        foreach (string launcher in (string[])[OpenMpi, Mpich])
        {
            if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
                .Any(folder => File.Exists(Path.Combine(folder, launcher))))
            {
                Assert.Ignore($"There is no {launcher}.");
            }
        }

        _folder = new TempFolder();
        File.WriteAllText(_folder.File("net.json"), Network);
        _train = $"train {_folder.File("net.json")} --device cpu --threads 1 "
            + $"--data {Batches.WriteFolder(_folder.Path, 60, 20)}";
        Run(OpenMpi, 1, $"{_train} --history {_folder.File("alone")} --save {_folder.File("alone.model")}");
    }

    [OneTimeTearDown]
    public void DeleteFolder()
    {
        if (_train.Length > 0)
        {
            _folder.Dispose();
        }
    }

    [TestCase(OpenMpi, 2)]
    [TestCase(OpenMpi, 4)]
    [TestCase(OpenMpi, 8)]
    [TestCase(Mpich, 3)]
    public void Any_number_of_ranks_and_either_library_gives_the_same_bits(string launcher, int ranks)
    {
        string history = _folder.File($"{launcher}{ranks}");

        MpiRun run = Run(launcher, ranks, $"{_train} --history {history} --save {history}.model");

        Assert.That(Losses(history), Is.EqualTo(Losses(_folder.File("alone"))).And.Length.EqualTo(3));
        Assert.That(File.ReadAllBytes($"{history}.model"), Is.EqualTo(File.ReadAllBytes(_folder.File("alone.model"))));
        string[] lines = run.Output.Split('\n');

        // Open MPI gives each rank a terminal, to which .NET first writes a control sequence.
        Assert.That(lines.Where(line => line.Contains("Ranks: ", StringComparison.Ordinal)), Has.Exactly(1).Contains(
            $"Ranks: {ranks} on 1 machine, started by mpirun"));
        Assert.That(lines, Has.Exactly(1).Contains("; 8 shards a batch, summed pairwise; 1 thread a rank."));
        Assert.That(lines, Has.Exactly(1).Contains("The accuracy of this network is"));
    }

    [Test]
    public void A_rank_that_is_killed_ends_all_and_one_rank_goes_on_to_the_same_bits()
    {
        string state = _folder.File("state"), history = _folder.File("resumed");
        string train = $"{_train} --epochs 60 --checkpoint {state}";
        using (MpiRun run = MpiRun.Start(OpenMpi, 2, train))
        {
            run.WaitFor("      3 ");
            run.Signal(rank: 1, 9);

            Assert.That(run.End(), Is.Not.Zero);
            Assert.That(run.Errors,
                Does.Match("Rank 1 on [^ ]+ has ended; it was last heard of at (the validation of )?epoch [0-9]+"));
        }

        string[] whole = Whole(train);
        MpiRun resumed = Run(OpenMpi, 1, $"{train} --resume auto --history {history}");

        Assert.That(resumed.Output, Does.Contain("Resuming after epoch "));
        Assert.That(Losses(history), Is.EqualTo(whole));

        string[] Whole(string command)
        {
            string file = _folder.File("whole");
            Run(OpenMpi, 2,
                $"{command.Replace(state, _folder.File("other"), StringComparison.Ordinal)} --history {file}");
            return Losses(file);
        }
    }

    [Test]
    public void A_rank_that_hangs_ends_all([Values(0, 1)] int rank)
    {
        using MpiRun run = MpiRun.Start(OpenMpi, 2, $"{_train} --epochs 2000", ("ENGINE_RANK_TIMEOUT", "3"));
        run.WaitFor("      2 ");
        long start = Stopwatch.GetTimestamp();
        run.Signal(rank, 19);

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(Stopwatch.GetElapsedTime(start).TotalSeconds, Is.LessThan(30));
        Assert.That(run.Errors, Does.Match(
            $"Rank {rank} on [^ ]+ has not answered for 3 s|At epoch [0-9]+, step [0-9]+ no answer came for"));
    }

    [Test]
    public void Ranks_that_differ_are_refused_at_the_start()
    {
        using MpiRun run = MpiRun.StartScript(
            OpenMpi, 2, $"exec \"$0\" {_train} --seed $((1 + OMPI_COMM_WORLD_RANK))");

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(
            run.Errors, Does.Contain("The ranks do not train the same: the seed of rank 1 is not what rank 0 has."));
    }

    [Test]
    public void What_goes_wrong_on_one_rank_is_told_with_its_number()
    {
        using MpiRun run = MpiRun.StartScript(
            OpenMpi, 2, $"cd /; [ $OMPI_COMM_WORLD_RANK = 0 ] || set -- --load /nowhere; exec \"$0\" {_train} \"$@\"");

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(run.Errors, Does.Match("Rank 1 on [^ ]+: .*nowhere"));
    }

    [TestCase(OpenMpi)]
    [TestCase(Mpich)]
    public void A_wrong_option_is_told_once(string launcher)
    {
        using MpiRun run = MpiRun.Start(launcher, 3, $"{_train} --epochs x");

        Assert.That(run.End(), Is.EqualTo(2));
        Assert.That(run.Errors.Split("--epochs must be a whole number"), Has.Length.EqualTo(2), run.Errors);
    }

    [Test]
    public void A_network_file_that_one_machine_lacks_is_told_with_the_rank()
    {
        using MpiRun run = MpiRun.StartScript(
            OpenMpi, 2, "[ $OMPI_COMM_WORLD_RANK = 0 ] && exec sleep 100; exec \"$0\" train /nowhere.json");

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(run.Errors, Does.Match("Rank 1 on [^ ]+: There is no file /nowhere.json"));
    }

    [TestCase(0)]
    [TestCase(1)]
    public void A_rank_that_never_joins_ends_all(int missing)
    {
        using MpiRun run = MpiRun.StartScript(
            OpenMpi, 3, $"[ $OMPI_COMM_WORLD_RANK = {missing} ] && exec sleep 100; "
                + $"ENGINE_RANK_TIMEOUT=1 exec \"$0\" {_train}");

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(run.Errors.Split("The ranks have not all joined after 6 s"), Has.Length.EqualTo(2), run.Errors);
    }

    [Test]
    public void Ranks_that_lose_rank_0_tell_it_once()
    {
        using MpiRun run = MpiRun.Start(OpenMpi, 4, $"{_train} --epochs 2000");
        run.WaitFor("      2 ");
        run.Signal(rank: 0, 9);

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(run.Errors.Split("Rank 0 on "), Has.Length.EqualTo(2), run.Errors);
    }

    [Test]
    public void A_library_of_another_kind_than_the_launcher_is_refused()
    {
        using MpiRun run =
            MpiRun.StartScript(Mpich, 2, $"OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=$PMI_RANK exec \"$0\" {_train}");

        Assert.That(run.End(), Is.Not.Zero);
        Assert.That(run.Errors, Does.Contain("launcher and library are of different kinds"));
    }

    private static MpiRun Run(string launcher, int ranks, string command)
    {
        MpiRun run = MpiRun.Start(launcher, ranks, command);
        Assert.That(run.End(), Is.Zero, run.Errors + run.Output);
        return run;
    }

    /// <summary>Returns the epoch, losses and accuracy of each line, without the times.</summary>
    private static string[] Losses(string history) => [.. File.ReadLines(history)
        .Where(line => line.Contains("\"epoch\"", StringComparison.Ordinal))
        .Select(line => line.Split(",\"train_seconds\"")[0])];

    /// <summary>The runner under mpirun.</summary>
    private sealed class MpiRun : IDisposable
    {
        private readonly Process _process;
        private readonly StringBuilder _output = new();
        private readonly Task<string> _errors;

        private MpiRun(ProcessStartInfo start, IEnumerable<(string Name, string Value)> environment)
        {
            start.RedirectStandardOutput = start.RedirectStandardError = true;
            start.WorkingDirectory = AppContext.BaseDirectory;
            foreach ((string name, string value) in (IEnumerable<(string, string)>)
                [("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"), .. environment])
            {
                start.Environment[name] = value;
            }

            _process = Process.Start(start)!;
            _errors = _process.StandardError.ReadToEndAsync();
        }

        public string Output => _output.ToString();

        public string Errors => _errors.GetAwaiter().GetResult();

        private static string Runner => Path.Combine(AppContext.BaseDirectory, "runner");

        public static MpiRun Start(
            string launcher, int ranks, string command, params IEnumerable<(string Name, string Value)> environment) =>
            new(new ProcessStartInfo(launcher, [.. Options(launcher, ranks), Runner, .. command.Split(' ')]),
                environment);

        /// <summary>Runs a script in each process, in which <c>"$0"</c> is the runner.</summary>
        public static MpiRun StartScript(string launcher, int ranks, string script) =>
            new(new ProcessStartInfo(launcher, [.. Options(launcher, ranks), "sh", "-c", script, Runner]), []);

        /// <summary>Waits until a line with this beginning has been written.</summary>
        public void WaitFor(string line)
        {
            while (_process.StandardOutput.ReadLine() is { } written)
            {
                _output.AppendLine(written);
                if (written.StartsWith(line, StringComparison.Ordinal))
                {
                    return;
                }
            }

            Assert.Fail($"It ended before it wrote '{line}': {Errors}");
        }

        /// <summary>Sends a signal to a rank.</summary>
        public void Signal(int rank, int signal)
        {
            string wanted = string.Create(CultureInfo.InvariantCulture, $"OMPI_COMM_WORLD_RANK={rank}");
            int id = Directory.GetDirectories("/proc").Select(folder => Path.GetFileName(folder)!)
                .Where(name => int.TryParse(name, out _))
                .Select(name => int.Parse(name, CultureInfo.InvariantCulture))
                .First(process =>
                    ParentOf(process) == _process.Id && Read($"/proc/{process}/environ").Split('\0').Contains(wanted));
            using Process kill = Process.Start("kill", [$"-{signal}", id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
        }

        /// <summary>Waits for the end and returns the exit code.</summary>
        public int End()
        {
            _output.Append(_process.StandardOutput.ReadToEnd());
            _process.WaitForExit();
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        private static string[] Options(string launcher, int ranks)
        {
            string count = ranks.ToString(CultureInfo.InvariantCulture);
            return launcher == OpenMpi ? ["--oversubscribe", "--bind-to", "none", "-n", count] : ["-n", count];
        }

        private static int ParentOf(int process)
        {
            string[] words = Read($"/proc/{process}/stat").Split(") ");
            return words.Length > 1 ? int.Parse(words[^1].Split(' ')[1], CultureInfo.InvariantCulture) : 0;
        }

        private static string Read(string file)
        {
            try
            {
                return File.ReadAllText(file);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return "";
            }
        }
    }
}
