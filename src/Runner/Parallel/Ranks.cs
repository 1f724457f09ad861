using System.Diagnostics;
using System.Globalization;
using Engine.Distributed;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// The processes that mpirun or srun started to train together. Rank 0 prints and writes files; what goes wrong on another
/// reaches it, and a rank that is gone or hangs ends all.
/// </summary>
internal sealed class Ranks : IDisposable
{
    /// <summary>In how many seconds a rank must answer; 0 for as long as it takes.</summary>
    public const string TimeoutVariable = "ENGINE_RANK_TIMEOUT";

    private const int DefaultTimeout = 20;

    /// <summary>What a step may take longer than a sign of life.</summary>
    private static readonly TimeSpan s_stepLonger = TimeSpan.FromSeconds(5);

    private readonly RankLaunch _launch;
    private readonly TextWriter _errors = Console.Error;
    private readonly RankWatch? _watch;
    private readonly MpiCommunicator _communicator;
    private int _hasFailed;

    private Ranks(RankLaunch launch, TrainingOptions options)
    {
        _launch = launch;
        if (launch.Launcher == Launcher.Torchrun)
        {
            throw new EngineException(
                "RANK and WORLD_SIZE are set, as torchrun does: processes that it starts could speak by NCCL, from GPU to GPU, "
                + "which is not there yet. Start them with mpirun or srun.");
        }

        _communicator = MpiCommunicator.Open(launch);
        Parallel = new DataParallel(_communicator) { Shards = options.Shards, IsDeterministic = options.IsDeterministic };
        TimeSpan? limit = Timeout();
        _communicator.StepLimit = limit + s_stepLonger;
        if (launch.Size > 1)
        {
            _watch = RankWatch.Start(_communicator, limit ?? System.Threading.Timeout.InfiniteTimeSpan, failure => End(failure.Message));
        }
    }

    /// <summary>Whether this is the rank that prints and writes.</summary>
    public bool IsFirst => _launch.Rank == 0;

    /// <summary>How the network is trained.</summary>
    public DataParallel Parallel { get; }

    /// <summary>The threads of a rank, where nothing else is said: the processors are dealt out to those of the machine.</summary>
    public int Threads => Math.Max(1, Math.Min(Environment.ProcessorCount, Processors / _launch.LocalSize));

    private static int Processors
    {
        get
        {
            // The processors that a launcher bound this rank to are its share already: those of the machine are dealt out.
            const string Online = "/sys/devices/system/cpu/online";
            try
            {
                return File.Exists(Online)
                    ? File.ReadAllText(Online).Trim().Split(',').Sum(range => range.Split('-') is [string first, string last]
                        ? int.Parse(last, CultureInfo.InvariantCulture) - int.Parse(first, CultureInfo.InvariantCulture) + 1
                        : 1)
                    : Environment.ProcessorCount;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
            {
                return Environment.ProcessorCount;
            }
        }
    }

    /// <summary>Joins the other ranks, and says so in a line.</summary>
    /// <exception cref="EngineException">They cannot be joined.</exception>
    public static Ranks Open(RankLaunch launch, TrainingOptions options)
    {
        try
        {
            var ranks = new Ranks(launch, options);
            ranks.Describe(options);
            return ranks;
        }
        catch (EngineException error) when (launch.Rank > 0)
        {
            // Nobody else may know of it, and then nobody else tells.
            throw new EngineException($"Rank {launch.Rank} on {RankWatch.Host}: {error.Message}", error);
        }
    }

    /// <summary>The options as they are for this rank; the others than rank 0 are silent from now on.</summary>
    public TrainingOptions Own(TrainingOptions options)
    {
        if (IsFirst)
        {
            return options;
        }

        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        return options.WithoutFiles();
    }

    /// <summary>Has one rank of each machine do what the others then find done, such as getting files.</summary>
    public async Task<T> OneFirst<T>(Func<Task<T>> work)
    {
        bool goesFirst = _launch.LocalRank == 0;
        T? result = goesFirst ? await work() : default;
        _communicator.Barrier();
        return goesFirst ? result! : await work();
    }

    /// <summary>Ends all ranks for what went wrong on this one; it does not come back.</summary>
    public Exception End(Exception error)
    {
        string message = error is EngineException
            ? error.Message
            : $"Unexpected {error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")}";
        if (IsFirst || _watch is null)
        {
            End(message);
        }
        else
        {
            _watch.Tell(message);

            // Rank 0 ends this one; if it cannot, nobody is left to hear of it.
            Thread.Sleep(TimeSpan.FromSeconds(5));
            End($"Rank {_launch.Rank} on {RankWatch.Host}: {message}");
        }

        return error;
    }

    public void Dispose()
    {
        _watch?.Dispose();
        _communicator.Dispose();
    }

    private void End(string message)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 1)
        {
            // Another thread is ending the process.
            Thread.Sleep(System.Threading.Timeout.Infinite);
        }

        _errors.WriteLine(message);
        _errors.Flush();

        // What waits in MPI may keep it from answering; then the process ends by itself, which the launcher sees.
        new Thread(() =>
        {
            Thread.Sleep(TimeSpan.FromSeconds(3));
            Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true }.Start();
        MpiCommunicator.Abort(CommandLine.Failed);
        Environment.Exit(CommandLine.Failed);
    }

    private void Describe(TrainingOptions options)
    {
        string[] hosts = RankWatch.HostsOf(_communicator);
        if (!IsFirst || options.Quiet)
        {
            return;
        }

        int machines = hosts.Distinct().Count();
        string shards = options.IsDeterministic
            ? $"{Parallel.ShardCount} shards a batch, summed pairwise"
            : $"{Parallel.ShardCount} shards a batch, summed as MPI does it fastest";
        Console.WriteLine(
            $"Ranks: {_launch.Size} on {machines} machine{(machines == 1 ? "" : "s")}, started by {_launch.LauncherName}, connected by "
            + $"{_communicator.Name}; {shards}; {options.Threads ?? Threads} thread{((options.Threads ?? Threads) == 1 ? "" : "s")} a rank.");
    }

    private static TimeSpan? Timeout()
    {
        string? text = Environment.GetEnvironmentVariable(TimeoutVariable);
        if (text is null)
        {
            return TimeSpan.FromSeconds(DefaultTimeout);
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            ? seconds == 0 ? null : TimeSpan.FromSeconds(seconds)
            : throw new EngineException($"{TimeoutVariable} is a whole number of seconds, 0 for no limit, not '{text}'.");
    }
}
