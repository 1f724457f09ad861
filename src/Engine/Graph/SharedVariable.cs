namespace Engine.Graph;

/// <summary>
/// Represents a variable that keeps its value between calls, which may update it: a parameter, a velocity, a counter, a
/// data set. Its value is in host memory until a function that uses it is called, and on that function's device
/// afterward. Any number of threads may use it. A thread that reads the value waits for one that changes it, and never
/// sees parts of two values.
/// </summary>
public sealed class SharedVariable : Variable, IDisposable
{
    /// <summary>
    /// When the value is rows of another tensor: how many rows are copied to the device at once, and how many bytes.
    /// </summary>
    private const int RowsAtOnce = 512, BytesAtOnce = 64 << 20;

    // Guards the location of the value. The gate guards the value itself, which functions read and change without this
    // lock.
    private readonly Lock _placing = new();
    private Gate? _gate;
    private Tensor? _host;
    private (Tensor From, int[] Rows)? _selection;
    private Tensor? _lent;
    private Storage? _storage;
    private bool _isDisposed;

    // The dimensions of the current value, which replace unknown dimensions of the type.
    private Shape _shape;

    // The variable that this one stands for in a plan, or null.
    private readonly SharedVariable? _of;

    /// <summary>Creates a shared variable with a copy of a first value and with a fixed shape.</summary>
    public SharedVariable(Tensor value, string? name = null) : this(TypeOf(value), name) => _host = value.Clone();

    /// <summary>Creates a shared variable with a copy of a first value.</summary>
    /// <param name="value">The first value.</param>
    /// <param name="shape">
    /// Its shape. Dimensions that are <see cref="Engine.Shape.Unknown"/> may change: <see cref="SetValue"/> accepts
    /// values with any such dimensions. Functions that use the variable make a plan for each of its shapes.
    /// </param>
    /// <param name="name">Its name.</param>
    /// <exception cref="EngineException">The value does not have that shape.</exception>
    public SharedVariable(Tensor value, Shape shape, string? name = null)
        : this(TypeOf(value) with { Shape = shape }, name)
    {
        ThrowUnlessAdmitted(value);
        (_host, _shape) = (value.Clone(), value.Shape);
    }

    /// <summary>
    /// Creates a shared variable whose first value is some rows of a tensor. The rows are copied to the device a few at
    /// a time, so host memory needs no second copy of a data set.
    /// </summary>
    internal SharedVariable(Tensor from, int[] rows, string? name)
        : this(new TensorType(from.DType, from.Shape.With(0, rows.Length)), name) => _selection = (from, rows);

    private SharedVariable(TensorType type, string? name) : base(type, name) => _shape = type.Shape;

    private SharedVariable(SharedVariable of) : this(of.Type with { Shape = of._shape }, of.Name) => _of = of;

    /// <summary>
    /// Creates a shared variable without a copy: nobody may change the first value until it is on the device.
    /// </summary>
    internal static SharedVariable Of(Tensor value, string? name) => new(TypeOf(value), name) { _host = value };

    /// <summary>Creates a shared variable of zeros, which takes no memory until it is used.</summary>
    internal static SharedVariable Zeros(TensorType type, string? name) => new(type, name);

    /// <summary>
    /// Creates a shared variable that is never set or updated; a device may read the tensor in place.
    /// </summary>
    internal static SharedVariable InPlace(Tensor value, string? name) => new(TypeOf(value), name) { _lent = value };

    /// <summary>Creates a variable whose memory belongs to the outer plan.</summary>
    internal static SharedVariable Outside(TensorType type, string? name) => new(type, name);

    /// <summary>Returns a variable whose value another rank keeps: here it has no value and no memory.</summary>
    internal static SharedVariable Elsewhere(TensorType type, string? name) => new(type, name) { IsElsewhere = true };

    /// <summary>
    /// Gets or sets the update of this variable in every function that uses it and has no other update for it: this is
    /// how random streams advance.
    /// </summary>
    public Variable? DefaultUpdate { get; set; }

    /// <summary>Gets whether another rank keeps the value.</summary>
    internal bool IsElsewhere { get; private init; }

    /// <summary>
    /// Whether it is where a stream of random numbers stands, so that a loop moves it on from step to step.
    /// </summary>
    internal bool IsRandomState { get; init; }

    /// <summary>
    /// Gets or sets the gate for reads and changes of the value: of this variable, or of several that change together.
    /// </summary>
    internal Gate Gate
    {
        get => _gate ?? Interlocked.CompareExchange(ref _gate, new Gate(Id), null) ?? _gate;
        set => _gate = value;
    }

    /// <summary>
    /// Returns the variable that stands for this one in a plan for its current shape; itself if the type has a known
    /// shape.
    /// </summary>
    internal SharedVariable OfPresentShape() => Shape.IsKnown ? this : new SharedVariable(this);

    /// <summary>Whether it stands for another variable, in a plan for one of that variable's shapes.</summary>
    internal bool StandsIn => _of is not null;

    /// <summary>
    /// Whether the value of the variable that it stands for is still where the plan found it, if the plan uses it.
    /// </summary>
    internal bool IsInPlace => _storage is null || _of?._storage == _storage;

    /// <summary>The same, and whether the value has the shape that the plan is for.</summary>
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
    /// <exception cref="EngineException">The value has fewer bytes.</exception>
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
                    $"The value of the shared variable '{Name}', {DType.Name()} {_shape}, has {Bytes} bytes, "
                    + $"not {destination.Length}.");
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
    /// Replaces the value by a copy of this one, which may have other dimensions where the type has unknown ones
    /// (<see cref="SharedVariable(Tensor, Shape, string?)"/>).
    /// </summary>
    /// <exception cref="EngineException">The dtype or the shape does not fit the type.</exception>
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
                // The old value may be lent or read from elsewhere, so it is not changed. Memory that is too small is
                // freed.
                _storage?.Dispose();
                (_storage, _host, _selection, _lent) = (null, value.Clone(), null, null);
            }
        }
    }

    /// <summary>Replaces the value of a scalar.</summary>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    public void SetScalar<T>(T value) where T : unmanaged => SetValue(Tensor.Scalar(value));

    /// <summary>
    /// Frees the memory of the value after all readers are done. The variable cannot be used afterward.
    /// </summary>
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
            string name = Name is null ? $"A shared variable, {Type}," : $"The shared variable '{Name}'";
            throw new ObjectDisposedException(
                Name,
                $"{name} is disposed: somebody disposed of it or of its network. "
                + "Dispose of variables and networks when no function and no thread uses them any more.");
        }
    }

    /// <summary>Returns the memory on the device; the first call moves the value there.</summary>
    /// <exception cref="EngineException">The value lies on another device.</exception>
    /// <exception cref="ObjectDisposedException">The variable was disposed of.</exception>
    internal Storage Allocate(object device, Func<long, Storage> allocate, Func<Tensor, Storage?> borrow)
    {
        if (_of is not null)
        {
            return _storage = _of.Allocate(device, allocate, borrow);
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
                    $"The shared variable '{Name}' lies on {_storage.Device} and cannot be used by a function "
                    + $"on {device}.");
            }

            return _storage;
        }
    }

    /// <summary>The bytes of the current value.</summary>
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
        : _host ??= _lent ?? _selection?.From.Rows(_selection.Value.Rows) ?? new Tensor(DType, _shape);

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
