using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Engine.Distributed;

/// <summary>
/// Connects processes without MPI: rank 0 listens at MASTER_ADDR and MASTER_PORT, the others connect, and each gets the
/// few bytes with which a library then connects them.
/// </summary>
internal static class Rendezvous
{
    private const string Address = "MASTER_ADDR", Port = "MASTER_PORT";

    /// <summary>The port if none is given, as in torchrun.</summary>
    private const int DefaultPort = 29500;

    private static readonly byte[] s_greeting = Encoding.ASCII.GetBytes("engine rank ");
    private static readonly TimeSpan s_arrival = TimeSpan.FromMinutes(2), s_pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_word = TimeSpan.FromSeconds(10);

    /// <summary>Sends rank 0's bytes to all ranks. All ranks must call it.</summary>
    /// <param name="launch">The number of this rank, and how many there are.</param>
    /// <param name="variable">The environment variables.</param>
    /// <param name="own">Rank 0's bytes; on other ranks, only the length is used.</param>
    /// <exception cref="EngineException">The ranks do not find each other.</exception>
    public static byte[] Share(RankLaunch launch, Func<string, string?> variable, byte[] own)
    {
        if (launch.Size == 1)
        {
            return own;
        }

        int port = PortOf(variable);
        if (launch.Rank == 0)
        {
            GiveToAll(own, launch.Size, port);
            return own;
        }

        string host = variable(Address) ?? IPAddress.Loopback.ToString();
        return Ask(launch.Rank, own.Length, host, port);
    }

    /// <summary>Returns a free port of this machine.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static int PortOf(Func<string, string?> variable)
    {
        int port = DefaultPort;
        if (variable(Port) is { } text
            && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port)
                || port is 0 or > ushort.MaxValue))
        {
            throw new EngineException(
                $"The variable {Port} is a launcher's and should be a port from 1 to 65535, not '{text}'.");
        }

        // torchrun's own store may listen at that port; then the engine uses the next one.
        return variable("TORCHELASTIC_USE_AGENT_STORE") == "True" && port < ushort.MaxValue ? port + 1 : port;
    }

    private static void GiveToAll(byte[] own, int size, int port)
    {
        using var listener = new TcpListener(IPAddress.Any, port);
        try
        {
            listener.Start(size);
        }
        catch (SocketException error)
        {
            throw new EngineException(
                $"Rank 0 cannot wait for the others at port {port} ({error.Message}): name a free one in {Port}.",
                error);
        }

        var given = new HashSet<int>();
        long start = Stopwatch.GetTimestamp();
        while (given.Count < size - 1)
        {
            TimeSpan left = s_arrival - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !listener.AcceptTcpClientAsync().Wait(left, out TcpClient? client))
            {
                IEnumerable<int> missing = Enumerable.Range(1, size - 1).Where(rank => !given.Contains(rank));
                throw new EngineException(
                    FormattableString.Invariant(
                        $"Rank 0 waited {s_arrival.TotalMinutes:F0} minutes at port {port}, and rank ")
                    + $"{string.Join(", ", missing)} did not come: see whether it ended, "
                    + "and whether a firewall is in between.");
            }

            using (client)
            {
                if (Serve(client, own) is { } rank)
                {
                    given.Add(rank);
                }
            }
        }
    }

    /// <summary>
    /// Sends the bytes to a client that identifies itself as a rank, and returns its number; null if it is not a rank.
    /// </summary>
    private static int? Serve(TcpClient client, byte[] own)
    {
        try
        {
            client.ReceiveTimeout = client.SendTimeout = (int)s_word.TotalMilliseconds;
            NetworkStream stream = client.GetStream();
            byte[] word = new byte[s_greeting.Length + sizeof(int)];
            stream.ReadExactly(word);
            if (!word.AsSpan().StartsWith(s_greeting))
            {
                return null;
            }

            stream.Write(own);
            return BitConverter.ToInt32(word, s_greeting.Length);
        }
        catch (IOException)
        {
            // A rank that lost the connection connects again.
            return null;
        }
    }

    private static byte[] Ask(int rank, int length, string host, int port)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                client.Connect(host, port);
                client.ReceiveTimeout = (int)s_arrival.TotalMilliseconds;
                NetworkStream stream = client.GetStream();
                stream.Write([.. s_greeting, .. BitConverter.GetBytes(rank)]);
                byte[] bytes = new byte[length];
                stream.ReadExactly(bytes);
                return bytes;
            }
            catch (Exception error) when (error is SocketException or IOException)
            {
                if (Stopwatch.GetElapsedTime(start) > s_arrival)
                {
                    throw new EngineException(
                        $"Rank {rank} cannot reach rank 0 at {host}, port {port} ({error.Message}): "
                        + $"see whether it runs, and whether a firewall is in between; {Address} and {Port} say where "
                        + "it is.",
                        error);
                }

                // Rank 0 may not listen yet.
                Thread.Sleep(s_pause);
            }
        }
    }
}
