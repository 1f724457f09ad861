using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Engine.Server;

/// <summary>
/// Listens as Kestrel does. When it stops, it first takes over the connections that the system has accepted and the
/// server has not, and lets each send its request: otherwise the system resets them.
/// </summary>
internal sealed class DrainingListeners(IOptions<SocketTransportOptions> options, ILoggerFactory logs)
    : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(
        EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket? socket = null;
        SocketTransportOptions own = options.Value;
        own.CreateBoundListenSocket = at => socket = SocketTransportOptions.CreateDefaultBoundListenSocket(at);
        IConnectionListener listener =
            await new SocketTransportFactory(Options.Create(own), logs).BindAsync(endpoint, cancellationToken);
        return new Draining(listener, socket!);
    }

    private sealed class Draining(IConnectionListener inner, Socket socket) : IConnectionListener
    {
        /// <summary>How long connections that keep arriving can delay the end.</summary>
        private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);

        /// <summary>
        /// How long a client that has just connected may take to send the first bytes of its request.
        /// </summary>
        private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);

        public EndPoint EndPoint => inner.EndPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            inner.AcceptAsync(cancellationToken);

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            // With no backlog, the system takes in no more than one connection at a time.
            socket.Listen(0);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_longest);
            while (!limit.IsCancellationRequested && socket.Poll(0, SelectMode.SelectRead))
            {
                await Task.Yield();
            }

            await inner.UnbindAsync(cancellationToken);
            await Task.Delay(s_patience, CancellationToken.None);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
