using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;

namespace Engine.Distributed;

/// <summary>Represents a rank that failed.</summary>
/// <param name="Rank">Its number.</param>
/// <param name="Host">Its machine.</param>
/// <param name="Message">What is wrong with it, in a sentence; empty if another rank reports it.</param>
public sealed record RankFailure(int Rank, string Host, string Message);

/// <summary>
/// Watches whether the other ranks are alive. Once a second, each rank tells rank 0 its progress, and rank 0 tells each
/// that it is alive, over connections that the system closes when a process ends. MPI itself waits forever for a dead
/// rank.
/// </summary>
public sealed class RankWatch : IDisposable
{
    private const string Alive = "alive ", Failed = "failed ", Leaving = "leaving", Ending = "ending";

    /// <summary>The rank that reports the loss of rank 0 for all others.</summary>
    private const int Second = 1;

    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_arrival = TimeSpan.FromMinutes(2);

    private readonly Communicator _communicator;
    private readonly TimeSpan _silence;
    private readonly Action<RankFailure> _onFailure;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Peer?[] _peers;
    private readonly Thread[] _threads;
    private bool _hasFailed;
    private long _lastBeat = Stopwatch.GetTimestamp();
    private volatile bool _wasStopped;

    private RankWatch(Communicator communicator, TimeSpan silence, Action<RankFailure> onFailure)
    {
        (_communicator, _silence, _onFailure) = (communicator, silence, onFailure);
        _peers = new Peer?[communicator.Size];
        Connect();
        communicator.Missing = Missing;
        _threads =
        [
            .. _peers.OfType<Peer>().Select(peer =>
                new Thread(() => Listen(peer)) { IsBackground = true, Name = $"rank {peer.Rank}" }),
            new Thread(Beat) { IsBackground = true, Name = "heartbeat" },
        ];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>Gets the name of this machine.</summary>
    public static string Host => Dns.GetHostName();

    /// <summary>Returns the machines of all ranks, in the order of the ranks. All ranks must call it.</summary>
    public static string[] HostsOf(Communicator communicator)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        return Tell(communicator, Host);
    }

    /// <summary>Starts to watch. All ranks must call it.</summary>
    /// <param name="communicator">The ranks.</param>
    /// <param name="silence">The time without a message after which a rank counts as failed.</param>
    /// <param name="onFailure">
    /// Called once, on a thread of the watch: on rank 0 for any rank, on the others for rank 0.
    /// </param>
    /// <exception cref="EngineException">The ranks cannot connect to rank 0.</exception>
    public static RankWatch Start(Communicator communicator, TimeSpan silence, Action<RankFailure> onFailure)
    {
        ArgumentNullException.ThrowIfNull(communicator);
        ArgumentNullException.ThrowIfNull(onFailure);
        return new RankWatch(communicator, silence, onFailure);
    }

    /// <summary>Tells rank 0 what failed on this rank. On rank 0 itself it does nothing.</summary>
    public void Tell(string message)
    {
        if (_communicator.Rank > 0)
        {
            _peers[0]?.TrySend(Failed + message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>
    /// Ends all other ranks without a message, for runs without a launcher that does it; rank 0 has already reported
    /// the error. On ranks other than 0 it does nothing.
    /// </summary>
    public void EndOthers()
    {
        foreach (Peer peer in _peers.OfType<Peer>().Where(peer => peer.Rank > 0))
        {
            peer.TrySend(Ending);
        }
    }

    /// <summary>
    /// Ends the watch in an orderly way: from now on the other ranks do not report that this rank is gone.
    /// </summary>
    public void Dispose()
    {
        if (_end.IsCancellationRequested)
        {
            return;
        }

        _end.Cancel();
        foreach (Peer peer in _peers.OfType<Peer>())
        {
            peer.TrySend(Leaving);
            peer.Dispose();
        }
    }

    /// <summary>Describes the progress of the ranks that are not at the same point as this one.</summary>
    private string? Missing()
    {
        string own = _communicator.Progress;
        string[] behind = [.. _peers.OfType<Peer>().Where(peer => peer.Progress != own)
            .Select(peer => $"rank {peer.Rank} on {peer.Host} is at {peer.Progress}")];
        return behind.Length > 0 ? string.Join(", ", behind) : null;
    }

    private void Connect()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        if (_communicator.Rank == 0)
        {
            listener.Start(_communicator.Size);
        }

        string[] endpoints = Tell(_communicator, _communicator.Rank == 0
            ? string.Join(
                ' ', [((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture), .. Addresses()])
            : "");
        string[] hosts = Tell(_communicator, Host);
        if (_communicator.Rank > 0)
        {
            string[] words = endpoints[0].Split(' ');
            int port = int.Parse(words[0], CultureInfo.InvariantCulture);
            TcpClient client = Reach(words[1..], port, hosts[0]);
            _peers[0] = new Peer(0, hosts[0], client);
            _peers[0]!.TrySend(_communicator.Rank.ToString(CultureInfo.InvariantCulture));
            return;
        }

        for (int i = 1; i < _communicator.Size; i++)
        {
            if (!listener.AcceptTcpClientAsync().Wait(s_arrival, out TcpClient? client))
            {
                throw new EngineException(
                    "Not all ranks connected to rank 0 in time: see whether a firewall is in between.");
            }

            var peer = new Peer(client, line => (int.Parse(line, CultureInfo.InvariantCulture), hosts));
            _peers[peer.Rank] = peer;
        }
    }

    private static TcpClient Reach(string[] addresses, int port, string host)
    {
        foreach (string address in addresses)
        {
            var client = new TcpClient();
            try
            {
                if (client.ConnectAsync(IPAddress.Parse(address), port).Wait(TimeSpan.FromSeconds(3)))
                {
                    return client;
                }
            }
            catch (AggregateException)
            {
                // This machine may be able to reach the next address.
            }

            client.Dispose();
        }

        throw new EngineException(
            $"Rank 0 on {host} cannot be reached at port {port} of {string.Join(", ", addresses)}: "
            + "see whether a firewall is in between.");
    }

    /// <summary>Exchanges a text of each rank; all ranks get all texts.</summary>
    internal static string[] Tell(Communicator communicator, string text)
    {
        const int Max = 1024;
        byte[] bytes = new byte[Max];
        Encoding.UTF8.GetBytes(text.Length > Max / 4 ? text[..(Max / 4)] : text, bytes);
        Tensor all = communicator.AllGather(Tensor.From(bytes));
        return [.. Enumerable.Range(0, communicator.Size)
            .Select(rank => Encoding.UTF8.GetString(all.AsSpan<byte>().Slice(rank * Max, Max)).TrimEnd('\0'))];
    }

    /// <summary>Returns the addresses at which this machine can be reached, its loopback address last.</summary>
    private static IEnumerable<string> Addresses() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(card => card.OperationalStatus == OperationalStatus.Up)
        .SelectMany(card => card.GetIPProperties().UnicastAddresses)
        .Select(unicast => unicast.Address)
        .Where(address => address.AddressFamily == AddressFamily.InterNetwork)
        .OrderBy(IPAddress.IsLoopback)
        .Select(address => address.ToString())
        .Append(IPAddress.Loopback.ToString())
        .Distinct()
        .Take(8);

    private void Beat()
    {
        while (!_end.Token.WaitHandle.WaitOne(s_beat))
        {
            _wasStopped |= HasBeenStill;
            Volatile.Write(ref _lastBeat, Stopwatch.GetTimestamp());
            foreach (Peer peer in _peers.OfType<Peer>())
            {
                peer.TrySend(Alive + _communicator.Progress);
            }
        }
    }

    /// <summary>
    /// Gets whether this process was stopped for so long that the others have given it up and reported it.
    /// </summary>
    private bool HasBeenStill => _silence != Timeout.InfiniteTimeSpan
        && Stopwatch.GetElapsedTime(Volatile.Read(ref _lastBeat)) > _silence;

    private void Listen(Peer peer)
    {
        string why;
        try
        {
            peer.Client.ReceiveTimeout = _silence == Timeout.InfiniteTimeSpan ? 0 : (int)_silence.TotalMilliseconds;
            while (true)
            {
                string? line = peer.Reader.ReadLine();
                if (line == Leaving || _end.IsCancellationRequested)
                {
                    return;
                }

                if (line == Ending)
                {
                    Report(peer, "");
                    return;
                }

                if (line is null)
                {
                    why = "has ended";
                    break;
                }

                if (line.StartsWith(Failed, StringComparison.Ordinal))
                {
                    // Rank 0 itself reports an error that occurs on all ranks.
                    Thread.Sleep(s_beat);
                    Report(peer, $"Rank {peer.Rank} on {peer.Host}: {line[Failed.Length..]}");
                    return;
                }

                peer.Progress = line[Math.Min(Alive.Length, line.Length)..];
            }
        }
        catch (IOException error)
        {
            why = error.InnerException is SocketException socket
                && socket.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
                ? FormattableString.Invariant($"has not answered for {_silence.TotalSeconds:F0} s")
                : "has ended";
        }
        catch (ObjectDisposedException)
        {
            return;
        }

        if (!_end.IsCancellationRequested)
        {
            // In its first second it has told nothing, but it has taken part in the sums of all steps before this one.
            string seen = peer.Progress == Peer.Start ? _communicator.Progress : peer.Progress;
            Report(peer, $"Rank {peer.Rank} on {peer.Host} {why}; it was last heard of at {seen}.");
        }
    }

    private void Report(Peer peer, string message)
    {
        if (_communicator.Rank > Second && message.Length > 0)
        {
            // Rank 1 reports it, if it can. Open MPI needs more than two seconds to end all.
            Thread.Sleep(5 * s_beat);
        }

        lock (_lock)
        {
            if (_hasFailed || _end.IsCancellationRequested)
            {
                return;
            }

            _hasFailed = true;
        }

        _onFailure(new RankFailure(peer.Rank, peer.Host, _wasStopped || HasBeenStill ? "" : message));
    }

    private sealed class Peer : IDisposable
    {
        public const string Start = "the start";

        private readonly Lock _writing = new();
        private readonly NetworkStream _stream;
        private volatile string _progress = Start;

        public Peer(int rank, string host, TcpClient client)
        {
            client.NoDelay = true;
            client.SendTimeout = (int)s_beat.TotalMilliseconds;
            (Rank, Host, Client) = (rank, host, client);
            _stream = client.GetStream();
            Reader = new StreamReader(_stream, Encoding.UTF8);
        }

        /// <summary>Creates a peer whose first line says who it is.</summary>
        public Peer(TcpClient client, Func<string, (int Rank, string[] Hosts)> who) : this(0, "", client)
        {
            client.ReceiveTimeout = (int)s_arrival.TotalMilliseconds;
            (int rank, string[] hosts) =
                who(Reader.ReadLine() ?? throw new EngineException("A rank ended while it connected."));
            (Rank, Host) = (rank, hosts[rank]);
        }

        public int Rank { get; }

        public string Host { get; }

        public TcpClient Client { get; }

        public StreamReader Reader { get; }

        public string Progress
        {
            get => _progress;
            set => _progress = value;
        }

        public void TrySend(string line)
        {
            lock (_writing)
            {
                try
                {
                    _stream.Write(Encoding.UTF8.GetBytes(line + '\n'));
                }
                catch (Exception error) when (error is IOException or ObjectDisposedException)
                {
                    // The thread that reads from it finds out.
                }
            }
        }

        public void Dispose() => Client.Dispose();
    }
}

internal static class TaskWaiting
{
    /// <summary>Returns whether a task ends in time, and its result.</summary>
    public static bool Wait<T>(this Task<T> task, TimeSpan limit, [NotNullWhen(true)] out T? result)
        where T : class
    {
        result = task.Wait(limit) ? task.Result : null;
        return result is not null;
    }
}
