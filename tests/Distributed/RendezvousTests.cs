using System.Net;
using System.Net.Sockets;
using Engine.Distributed;

namespace Engine.Tests.Distributed;

/// <summary>Processes without MPI find each other.</summary>
public class RendezvousTests
{
    private static readonly byte[] s_word = [1, 2, 3, 250];

    [Test]
    public void Each_rank_gets_what_rank_0_has_whoever_else_calls([Values(null, "True")] string? agentStore)
    {
        int own = Rendezvous.FreePort();
        Func<string, string?> variables = Variables(agentStore is null ? own : own - 1, agentStore);
        Task<byte[]> first = Task.Run(() => Rendezvous.Share(Launch(0, 4), variables, s_word));
        CallAsStranger(own, first);
        Task<byte[]>[] others = [.. Enumerable.Range(1, 3)
            .Select(rank => Task.Run(() => Rendezvous.Share(Launch(rank, 4), variables, new byte[4])))];

        Assert.That(Task.WhenAll([first, .. others]).GetAwaiter().GetResult(), Is.All.EqualTo(s_word));
    }

    [Test]
    public void A_rank_alone_meets_nobody() =>
        Assert.That(Rendezvous.Share(Launch(0, 1), _ => "x", s_word), Is.EqualTo(s_word));

    [TestCase("x")]
    [TestCase("0")]
    [TestCase("65536")]
    public void What_is_no_port_is_refused(string port) => Assert.That(
        () => Rendezvous.Share(Launch(0, 2), name => name == "MASTER_PORT" ? port : null, s_word),
        Throws.TypeOf<EngineException>().With.Message.Contains($"should be a port from 1 to 65535, not '{port}'"));

    [Test]
    public void A_port_that_another_has_is_named()
    {
        using var taken = new TcpListener(IPAddress.Any, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;

        Assert.That(
            () => Rendezvous.Share(Launch(0, 2), Variables(port, null), s_word),
            Throws.TypeOf<EngineException>().With.Message
                .StartsWith($"Rank 0 cannot wait for the others at port {port}"));
    }

    /// <summary>Connects once rank 0 listens, like a stranger who scans ports.</summary>
    private static void CallAsStranger(int port, Task waiting)
    {
        while (!waiting.IsCompleted)
        {
            try
            {
                using var client = new TcpClient();
                client.Connect(IPAddress.Loopback, port);
                client.GetStream().Write(new byte[64]);
                return;
            }
            catch (SocketException)
            {
                Thread.Yield();
            }
        }
    }

    private static RankLaunch Launch(int rank, int size) => new(Launcher.Torchrun, rank, size, rank, size);

    private static Func<string, string?> Variables(int port, string? agentStore) => name => name switch
    {
        "MASTER_ADDR" => "127.0.0.1",
        "MASTER_PORT" => $"{port}",
        "TORCHELASTIC_USE_AGENT_STORE" => agentStore,
        _ => null,
    };
}
