using System.Diagnostics;
using System.Globalization;
using Engine.Configuration;
using Engine.Distributed;
using Engine.Interop;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// The processes that mpirun, srun, torchrun or --gpus started to train together. Rank 0 prints and writes files, and
/// receives the errors of other ranks. A rank that is gone or hangs ends all ranks.
/// </summary>
internal sealed class Ranks : IDisposable
{
    /// <summary>The seconds within which a rank must answer; 0 for no limit.</summary>
    public const string TimeoutVariable = "ENGINE_RANK_TIMEOUT";

    private const int DefaultTimeout = 20;

    /// <summary>The time to join, as a multiple of the time to answer: machines start at different speeds.</summary>
    private const int JoinLimits = 6;

    /// <summary>The additional time that a step may take.</summary>
    private static readonly TimeSpan s_stepLonger = TimeSpan.FromSeconds(5);

    private readonly RankLaunch _launch;
    private readonly TextWriter _errors = Console.Error;
    private readonly RankWatch? _watch;
    private readonly MpiCommunicator? _mpi;
    private readonly Communicator _communicator;
    private readonly int? _gpu;
    private int _hasFailed;

    private Ranks(RankLaunch launch, TrainingOptions options)
    {
        _launch = launch;
        if (options.Gpus is { } gpus && gpus != launch.LocalSize)
        {
            throw new EngineException(
                $"--gpus starts processes by itself, and {launch.LauncherName} has started {launch.LocalSize} on this "
                + "machine: leave --gpus out.");
        }

        TimeSpan? limit = Timeout();
        using Timer? joining = limit is null ? null : LimitJoining(limit.Value * JoinLimits);
        _mpi = launch.Launcher == Launcher.Torchrun ? null : MpiCommunicator.Open(launch);
        _gpu = ChooseGpu(options);
        _communicator = (_gpu, _mpi) switch
        {
            (null, { } mpi) => mpi,
            (int gpu, { } mpi) => NcclCommunicator.Open(mpi, gpu),
            _ => NcclCommunicator.Open(launch, _gpu),
        };
        Parallel = new DataParallel(_communicator)
        {
            Shards = options.Shards,
            IsDeterministic = options.IsDeterministic,
            IsBatchNormSynchronized = options.IsBatchNormSynchronized,
            IsOptimizerSharded = options.IsOptimizerSharded,
        };
        _communicator.StepLimit = limit + s_stepLonger;
        if (launch.Size > 1)
        {
            _watch = RankWatch.Start(
                _communicator, limit ?? System.Threading.Timeout.InfiniteTimeSpan, failure => End(failure.Message));
        }
    }

    /// <summary>Whether this is the rank that prints and writes.</summary>
    public bool IsFirst => _launch.Rank == 0;

    /// <summary>The parallel training of the network.</summary>
    public DataParallel Parallel { get; }

    /// <summary>The default number of threads of a rank: the ranks of a machine divide its processors.</summary>
    public int Threads => Math.Max(1, Math.Min(Environment.ProcessorCount, Processors / _launch.LocalSize));

    private static int Processors
    {
        get
        {
            // Environment.ProcessorCount counts only the processors that a launcher bound this rank to; the machine's
            // are needed.
            const string Online = "/sys/devices/system/cpu/online";
            try
            {
                return File.Exists(Online)
                    ? File.ReadAllText(Online).Trim().Split(',')
                        .Sum(range => range.Split('-') is [string first, string last]
                        ? int.Parse(last, CultureInfo.InvariantCulture) - int.Parse(first, CultureInfo.InvariantCulture)
                            + 1
                        : 1)
                    : Environment.ProcessorCount;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
            {
                return Environment.ProcessorCount;
            }
        }
    }

    /// <summary>Joins the other ranks, and prints a line about it.</summary>
    /// <exception cref="EngineException">They cannot be joined.</exception>
    public static Ranks Open(RankLaunch launch, TrainingOptions options)
    {
        var ranks = new Ranks(launch, options);
        try
        {
            ranks.Describe(options);
            return ranks;
        }
        catch (EngineException error)
        {
            throw ranks.End(error);
        }
    }

    /// <summary>
    /// Ends this rank, and with it all, if the ranks have not joined in time: until then nobody watches them, and MPI
    /// waits forever. One rank reports it; the next one only if the ranks before it do not end.
    /// </summary>
    private Timer LimitJoining(TimeSpan limit) => new(
        _ => End(FormattableString.Invariant(
            $"The ranks have not all joined after {limit.TotalSeconds:F0} s: a process or machine among them hangs, ")
            + $"did not start or cannot be reached ({TimeoutVariable} times {JoinLimits} is the limit)."),
        state: null, limit + (Math.Min(_launch.Rank, 2) * s_stepLonger), System.Threading.Timeout.InfiniteTimeSpan);

    /// <summary>
    /// Returns this rank's GPU; null if the ranks compute on CPUs. All ranks choose the same: GPUs if the user asked
    /// for one, or if each rank has one.
    /// </summary>
    private int? ChooseGpu(TrainingOptions options)
    {
        EngineOptions configuration = CommonOptions.Configure(options.Device, threads: null);
        DeviceFamily family = configuration.Device.Family;
        string? lacks = (Driver.Failure ?? Nvrtc.Failure)?.Reason
            ?? (_launch.LocalRank < Driver.DeviceCount ? null
                : $"this machine has {Driver.DeviceCount} GPU{(Driver.DeviceCount == 1 ? "" : "s")} "
                    + $"for {_launch.LocalSize} ranks");
        if (_mpi is null)
        {
            return family == DeviceFamily.Cpu
                ? throw new EngineException(
                    $"The processes that {Starter(options)} starts speak by NCCL, from GPU to GPU: "
                    + "on CPUs start them with mpirun or srun.")
                : lacks is null ? _launch.LocalRank
                : throw new EngineException(
                    $"The processes that {Starter(options)} starts have a GPU each, and {lacks}: "
                    + "start them with mpirun or srun, on CPUs.");
        }

        if (family == DeviceFamily.Cpu)
        {
            return null;
        }

        Tensor lacking = Tensor.Scalar(lacks is null ? 0 : 1);
        _mpi.AllReduce(lacking, Reduction.Max);
        return lacking.AsSpan<int>()[0] == 0 ? _launch.LocalRank
            : family == DeviceFamily.Auto ? null
            : throw new EngineException(
                $"The ranks were told to train on GPUs, and {lacks ?? "another rank has none"}.");
    }

    private string Starter(TrainingOptions options) => options.Gpus is null ? _launch.LauncherName : "--gpus";

    /// <summary>Returns the options for this rank; all ranks except rank 0 are silent from now on.</summary>
    public TrainingOptions Own(TrainingOptions options)
    {
        options = options with
        {
            Device = _gpu is null ? new DeviceChoice(DeviceFamily.Cpu) : new DeviceChoice(DeviceFamily.Cuda, _gpu),
        };
        if (IsFirst)
        {
            return options;
        }

        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        return options.WithoutFiles();
    }

    /// <summary>Lets one rank of each machine do work for the others, such as downloading files.</summary>
    public async Task<T> OneFirst<T>(Func<Task<T>> work)
    {
        bool goesFirst = _launch.LocalRank == 0;
        T? result = goesFirst ? await work() : default;
        _communicator.Barrier();
        return goesFirst ? result! : await work();
    }

    /// <summary>Ends all ranks because of an error on this one; it does not return.</summary>
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

            // Rank 0 ends this rank; if it cannot, no process is left to receive the message.
            Thread.Sleep(TimeSpan.FromSeconds(5));
            End($"Rank {_launch.Rank} on {RankWatch.Host}: {message}");
        }

        return error;
    }

    public void Dispose()
    {
        _watch?.Dispose();
        _communicator.Dispose();
        _mpi?.Dispose();
    }

    private void End(string message)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 1)
        {
            // Another thread is ending the process.
            Thread.Sleep(System.Threading.Timeout.Infinite);
        }

        if (message.Length > 0)
        {
            _errors.WriteLine(message);
            _errors.Flush();
        }

        // If this rank waits for others, it cannot answer; then the process ends by itself, and the launcher notices
        // it.
        new Thread(() =>
        {
            Thread.Sleep(TimeSpan.FromSeconds(3));
            Process.GetCurrentProcess().Kill();
        })
        { IsBackground = true }.Start();
        // Before MPI ends them, because they would report that this rank has ended.
        _watch?.EndOthers();
        if (_mpi is not null)
        {
            MpiCommunicator.Abort(CommandLine.Failed);
        }

        Environment.Exit(CommandLine.Failed);
    }

    private void Describe(TrainingOptions options)
    {
        // The ways to load data exchange different things, so this is compared before.
        Agreement.Require(_communicator, [("the kind of data", options.Own is null ? "CIFAR-10" : "own data")]);
        string[] hosts = RankWatch.HostsOf(_communicator);
        if (!IsFirst || options.Quiet)
        {
            return;
        }

        int machines = hosts.Distinct().Count();
        string shards = options.IsDeterministic
            ? $"{Parallel.ShardCount} shards a batch, summed pairwise"
            : $"{Parallel.ShardCount} shards a batch, summed as {(_gpu is null ? "MPI" : "NCCL")} does it fastest";
        int threads = options.Threads ?? Threads;
        string each = _gpu is not null ? "1 GPU" : $"{threads} thread{(threads == 1 ? "" : "s")}";
        Console.WriteLine(
            $"Ranks: {_launch.Size} on {machines} machine{(machines == 1 ? "" : "s")}, started by {Starter(options)}, "
            + $"connected by {_communicator.Name}; {shards}; {each} a rank.");
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
            : throw new EngineException(
                $"{TimeoutVariable} is a whole number of seconds, 0 for no limit, not '{text}'.");
    }
}
