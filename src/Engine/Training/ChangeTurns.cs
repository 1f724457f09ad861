namespace Engine.Training;

/// <summary>
/// Lets one thread at a time change an object. Another thread waits for a short change, and is refused beside a
/// training; a disposal ends the training and waits for it. Readers take no turns.
/// </summary>
/// <param name="name">The name of the class.</param>
/// <param name="thing">The object, in messages: <c>network</c>.</param>
/// <param name="reader">A method that only reads, for messages.</param>
/// <param name="disposed">Returns the sentence that it was disposed of.</param>
/// <param name="stop">
/// The method that ends a training, if there is one besides the training's CancellationToken.
/// </param>
internal sealed class ChangeTurns(string name, string thing, string reader, Func<string> disposed, string? stop = null)
{
    private readonly object _lock = new();
    private Change? _change;
    private volatile bool _isDisposed;

    /// <summary>Gets whether it was disposed of: a training must end.</summary>
    public bool IsDisposed => _isDisposed;

    /// <summary>Gets whether a thread is training.</summary>
    public bool IsTraining => Volatile.Read(ref _change) is { IsTraining: true };

    /// <summary>Gets whether it was disposed of, and this is not the thread whose training has still to end.</summary>
    public bool MayNotUse => _isDisposed && Volatile.Read(ref _change) is not { IsMine: true };

    /// <summary>Begins a change: until the result is disposed of, no other thread changes the object.</summary>
    /// <param name="what">The method that changes it, for messages to other threads.</param>
    /// <param name="isTraining">
    /// Whether it takes so long that other threads are refused instead of kept waiting.
    /// </param>
    /// <exception cref="EngineException">Another thread is training the object.</exception>
    /// <exception cref="ObjectDisposedException">The object was disposed of.</exception>
    public Scope Begin(string what, bool isTraining = false)
    {
        lock (_lock)
        {
            if (_change is { IsMine: true } mine)
            {
                if (isTraining)
                {
                    throw new EngineException(
                        $"{what} was called within {mine.What}, by a callback say: call it when {mine.What} has "
                        + "returned.");
                }

                mine.Depth++;
                return new Scope(this);
            }

            while (_change is { } other)
            {
                if (other.IsTraining)
                {
                    throw new EngineException(
                        $"{what} would change the {thing}, which {other} is training, by {other.What}: wait until "
                        + $"{other.What} has returned, "
                        + $"or end it by its CancellationToken{(stop is null ? "" : $" or {stop}")}. {reader} and all "
                        + "else that only reads may be called meanwhile.");
                }

                Monitor.Wait(_lock);
            }

            ThrowIfDisposed();
            _change = new Change(what, isTraining, Thread.CurrentThread);
            return new Scope(this);
        }
    }

    /// <summary>
    /// Begins the disposal, which waits for a change of another thread. Returns false if there was one before;
    /// otherwise the caller ends the change by <see cref="Scope"/>.
    /// </summary>
    /// <param name="end">Has a training of another thread end; called once.</param>
    /// <exception cref="EngineException">It is called within a change, by a callback.</exception>
    public bool BeginDisposal(Action? end = null)
    {
        lock (_lock)
        {
            if (_change is { IsMine: true } mine)
            {
                string how = stop is null ? "cancel the training there" : $"call {stop} there";
                throw new EngineException(
                    $"Dispose was called within {mine.What}, by a callback say: {how}, and Dispose when {mine.What} "
                    + "has returned.");
            }

            bool isFirst = !_isDisposed;
            _isDisposed = true;
            if (isFirst)
            {
                end?.Invoke();
            }

            while (_change is not null)
            {
                Monitor.Wait(_lock);
            }

            if (isFirst)
            {
                _change = new Change("Dispose", IsTraining: false, Thread.CurrentThread);
            }

            return isFirst;
        }
    }

    /// <summary>Waits until a condition holds, as long as another thread changes the object.</summary>
    public void WaitFor(Func<bool> condition)
    {
        lock (_lock)
        {
            while (!condition() && _change is { IsMine: false })
            {
                Monitor.Wait(_lock);
            }
        }
    }

    /// <summary>Has the threads that wait look again.</summary>
    public void Notify()
    {
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }

    /// <exception cref="ObjectDisposedException">The object was disposed of.</exception>
    public void ThrowIfDisposed()
    {
        if (MayNotUse)
        {
            throw new ObjectDisposedException(name, disposed());
        }
    }

    private void End()
    {
        lock (_lock)
        {
            if (--_change!.Depth == 0)
            {
                _change = null;
                Monitor.PulseAll(_lock);
            }
        }
    }

    internal readonly ref struct Scope(ChangeTurns turns)
    {
        public void Dispose() => turns.End();
    }

    /// <summary>Represents a change by a thread.</summary>
    private sealed record Change(string What, bool IsTraining, Thread Thread)
    {
        public int Depth { get; set; } = 1;

        public bool IsMine => Thread == Thread.CurrentThread;

        public override string ToString() => Thread.Name is { Length: > 0 } name
            ? $"thread {Thread.ManagedThreadId} ('{name}')"
            : $"thread {Thread.ManagedThreadId}";
    }
}
