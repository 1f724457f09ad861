namespace Engine.Graph;

/// <summary>
/// Represents a variable that keeps its value between calls and may be updated by them: a parameter, a velocity, a
/// counter, a data set. Its value lies in host memory until a function that uses it is called, and on that function's
/// device from then on. Any number of threads may use it: who reads the value waits for who changes it, and gets all of
/// one value.
/// </summary>
public sealed class SharedVariable : Variable, IDisposable
{
    /// <summary>Of a value taken from rows of another, how many are brought to the device at once, and how many bytes.</summary>
    private const int RowsAtOnce = 512, BytesAtOnce = 64 << 20;

    // Where the value lies. The gate is for the value itself, which functions read and change without this lock.
    private readonly Lock _placing = new();
    private Gate? _gate;
    private Tensor? _host;
    private (Tensor From, int[] Rows)? _selection;
    private Tensor? _lent;
    private Storage? _storage;
    private bool _isDisposed;

    // The sides that the value has: the type's, but for those that the type leaves open.
    private Shape _shape;

    // Whose value it is, for one that stands for another in a plan.
    private readonly SharedVariable? _of;

    /// <summary>
    /// Creates a shared variable whose first value is a copy of this one, and whose shape stays as it is.
    /// </summary>
    public SharedVariable(Tensor value, string? name = null) : this(TypeOf(value), name) => _host = value.Clone();

    /// <summary>Creates a shared variable whose first value is a copy of this one.</summary>
    /// <param name="value">The first value.</param>
    /// <param name="shape">
    /// Its shape. Sides that are <see cref="Engine.Shape.Unknown"/> there may change: <see cref="SetValue"/> takes values of any.
    /// Functions that use the variable make a plan for each shape that it has when they are called.
    /// </param>
    /// <param name="name">Its name.</param>
    /// <exception cref="EngineException">The value is not of that shape.</exception>
    public SharedVariable(Tensor value, Shape shape, string? name = null) : this(TypeOf(value) with { Shape = shape }, name)
    {
        ThrowUnlessAdmitted(value);
        (_host, _shape) = (value.Clone(), value.Shape);
    }

    /// <summary>
    /// A shared variable whose first value is some rows of a tensor. They go to the device a few at a time, so that there
    /// is no second copy of a data set in host memory.
    /// </summary>
    internal SharedVariable(Tensor from, int[] rows, string? name)
        : this(new TensorType(from.DType, from.Shape.With(0, rows.Length)), name) => _selection = (from, rows);

    private SharedVariable(TensorType type, string? name) : base(type, name) => _shape = type.Shape;

    private SharedVariable(SharedVariable of) : this(of.Type with { Shape = of._shape }, of.Name) => _of = of;

    /// <summary>A shared variable whose first value nobody else changes until it is on the device: it is not copied.</summary>
    internal static SharedVariable Of(Tensor value, string? name) => new(TypeOf(value), name) { _host = value };

    /// <summary>
    /// A shared variable that is never set or updated: a device that can reads it where the tensor lies.
    /// </summary>
    internal static SharedVariable InPlace(Tensor value, string? name) => new(TypeOf(value), name) { _lent = value };

    /// <summary>A variable for a value whose place is given by the plan around: it has none of its own.</summary>
    internal static SharedVariable Outside(TensorType type, string? name) => new(type, name);

    /// <summary>A variable whose value another rank keeps: here it has neither a value nor memory.</summary>
    internal static SharedVariable Elsewhere(TensorType type, string? name) => new(type, name) { IsElsewhere = true };

    /// <summary>
    /// Gets or sets what every function that uses this variable updates it to, unless told otherwise: how random
    /// streams move on.
    /// </summary>
    public Variable? DefaultUpdate { get; set; }

    /// <summary>Whether another rank keeps the value.</summary>
    internal bool IsElsewhere { get; private init; }

    /// <summary>Whether it is where a stream of random numbers stands, so that a loop moves it on from step to step.</summary>
    internal bool IsRandomState { get; init; }

    /// <summary>What reads and changes of the value wait at: of this variable, or of several that change together.</summary>
    internal Gate Gate
    {
        get => _gate ?? Interlocked.CompareExchange(ref _gate, new Gate(Id), null) ?? _gate;
        set => _gate = value;
    }

    /// <summary>
    /// What stands for this variable in a plan for the shape that its value has now; itself where the type tells the shape.
    /// </summary>
    internal SharedVariable OfPresentShape() => Shape.IsKnown ? this : new SharedVariable(this);

    /// <summary>Whether it stands for another, in a plan for one of the shapes that that may have.</summary>
    internal bool StandsIn => _of is not null;

    /// <summary>Whether the value of the variable that it stands for lies where the plan found it, if it looked.</summary>
    internal bool IsInPlace => _storage is null || _of?._storage == _storage;

    /// <summary>The same, and whether the value is of the shape that the plan is for.</summary>
    internal bool IsPresent => IsInPlace && _of?._shape == Shape;

    /// <summary>Returns a copy of the value.</summary>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public Tensor GetValue()
    {
        using Gate.Reading reading = Gate.Read();
        lock (_placing)
        {
            ThrowIfDisposed();
            var value = new Tensor(DType, _shape);
            if (_storage is not null)
            {
                value.CopyFrom(_storage);
            }
            else
            {
                Host.CopyTo(value);
            }

            return value;
        }
    }

    /// <summary>Returns the value of a scalar.</summary>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public T GetScalar<T>() where T : unmanaged
    {
        Span<T> value = stackalloc T[1];
        ReadValue(System.Runtime.InteropServices.MemoryMarshal.AsBytes(value));
        return value[0];
    }

    /// <summary>Copies the value's bytes.</summary>
    /// <exception cref="EngineException">It has fewer.</exception>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public void ReadValue(Span<byte> destination)
    {
        using Gate.Reading reading = Gate.Read();
        lock (_placing)
        {
            ThrowIfDisposed();
            if (destination.Length > Bytes)
            {
                throw new EngineException(
                    $"The value of the shared variable '{Name}', {DType.Name()} {_shape}, has {Bytes} bytes, not {destination.Length}.");
            }

            if (_storage is not null)
            {
                _storage.Read(destination);
            }
            else
            {
                Host.Bytes.CopyTo(destination);
            }
        }
    }

    /// <summary>
    /// Replaces the value by a copy of this one, which may have other sides where the type leaves them open
    /// (<see cref="SharedVariable(Tensor, Shape, string?)"/>).
    /// </summary>
    /// <exception cref="EngineException">The dtype or the shape is another than the type's.</exception>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public void SetValue(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        ThrowIfDisposed();
        ThrowUnlessAdmitted(value);
        using Gate.Changing changing = Gate.Change();
        lock (_placing)
        {
            ThrowIfDisposed();
            _shape = value.Shape;
            if (_storage is not null && value.ByteCount <= _storage.Bytes)
            {
                value.CopyTo(_storage);
            }
            else
            {
                // What lies there may be lent, or read from elsewhere: it is left as it is. Memory that is too small makes way.
                _storage?.Dispose();
                (_storage, _host, _selection, _lent) = (null, value.Clone(), null, null);
            }
        }
    }

    /// <summary>Replaces the value of a scalar.</summary>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public void SetScalar<T>(T value) where T : unmanaged => SetValue(Tensor.Scalar(value));

    /// <summary>Frees the memory that holds the value, once nobody reads it. The variable cannot be used any more.</summary>
    public void Dispose()
    {
        using Gate.Changing changing = Gate.Change();
        lock (_placing)
        {
            _isDisposed = true;
            _storage?.Dispose();
            (_storage, _host, _selection, _lent) = (null, null, null, null);
        }
    }

    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    internal void ThrowIfDisposed()
    {
        if (Volatile.Read(ref _isDisposed))
        {
            string name = Name is null ? $"a shared variable, {Type}," : $"the shared variable '{Name}'";
            throw new ObjectDisposedException(
                Name,
                $"The value of {name} is gone: it was disposed of, or the network was that it belongs to. Dispose of "
                + "variables and networks when no function and no thread uses them any more.");
        }
    }

    /// <summary>The memory on the device, where the value is moved by the first call.</summary>
    /// <exception cref="EngineException">The value lies on another device.</exception>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    internal Storage Place(object device, Func<long, Storage> allocate, Func<Tensor, Storage?> borrow)
    {
        if (_of is not null)
        {
            return _storage = _of.Place(device, allocate, borrow);
        }

        lock (_placing)
        {
            ThrowIfDisposed();
            if (_storage is null)
            {
                _storage = (_lent is null ? null : borrow(_lent)) ?? Move(allocate(Bytes));
            }
            else if (_storage.Device != device)
            {
                throw new EngineException(
                    $"The shared variable '{Name}' lies on {_storage.Device} and cannot be used by a function on {device}.");
            }

            return _storage;
        }
    }

    /// <summary>The bytes of the value that there is now.</summary>
    private long Bytes => _shape.Count * DType.Size();

    private void ThrowUnlessAdmitted(Tensor value)
    {
        if (value.DType != DType || !Shape.Admits(value.Shape))
        {
            throw new EngineException($"The shared variable '{Name}' is {Type} and cannot take a {value.TypeText}.");
        }
    }

    private Tensor Host => IsElsewhere
        ? throw new EngineException($"The value of '{Name}' is on another rank (the update rule's state is sharded).")
        : _host ??= _lent ?? _selection!.Value.From.Rows(_selection.Value.Rows);

    private Storage Move(Storage storage)
    {
        if (_host is null && _selection is { } selection)
        {
            long row = (long)selection.From.Shape.Product(1, Rank) * DType.Size(), offset = 0;
            Tensor? part = null;
            foreach (int[] rows in selection.Rows.Chunk((int)Math.Clamp(BytesAtOnce / Math.Max(row, 1), 1, RowsAtOnce)))
            {
                part = part?.Shape[0] == rows.Length ? part : new Tensor(DType, Shape.With(0, rows.Length));
                selection.From.CopyRows(rows, part);
                part.CopyTo(storage, offset);
                offset += part.ByteCount;
            }
        }
        else
        {
            Host.CopyTo(storage);
        }

        _host = null;
        _selection = null;
        return storage;
    }

    private static TensorType TypeOf(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new TensorType(value.DType, value.Shape);
    }
}
