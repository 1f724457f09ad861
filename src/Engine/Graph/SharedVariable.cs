namespace Engine.Graph;

/// <summary>
/// A variable that keeps its value between calls and may be updated by them: a parameter, a velocity, a counter, a data
/// set. Its value lies in host memory until a function that uses it is compiled, and on that function's device from then on.
/// </summary>
public sealed class SharedVariable : Variable, IDisposable
{
    /// <summary>Of a value taken from rows of another, how many are brought to the device at once, and how many bytes.</summary>
    private const int RowsAtOnce = 512, BytesAtOnce = 64 << 20;

    private Tensor? _host;
    private (Tensor From, int[] Rows)? _selection;
    private Tensor? _lent;
    private Storage? _storage;

    /// <summary>A shared variable with this first value.</summary>
    public SharedVariable(Tensor value, string? name = null)
        : base(new TensorType(value?.DType ?? throw new ArgumentNullException(nameof(value)), value.Shape), name) =>
        _host = value;

    /// <summary>
    /// A shared variable whose first value is some rows of a tensor. They go to the device a few at a time, so that there
    /// is no second copy of a data set in host memory.
    /// </summary>
    internal SharedVariable(Tensor from, int[] rows, string? name)
        : base(new TensorType(from.DType, from.Shape.With(0, rows.Length)), name) => _selection = (from, rows);

    private SharedVariable(string? name, Tensor lent)
        : base(new TensorType(lent.DType, lent.Shape), name) => _lent = lent;

    /// <summary>
    /// A shared variable that is never set or updated: a device that can reads it where the tensor lies.
    /// </summary>
    internal static SharedVariable InPlace(Tensor value, string? name) => new(name, value);

    /// <summary>
    /// What every function that uses this variable updates it to, unless told otherwise: how random streams move on.
    /// </summary>
    public Variable? DefaultUpdate { get; set; }

    /// <summary>A copy of the value.</summary>
    public Tensor GetValue()
    {
        var value = new Tensor(DType, Shape);
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

    /// <summary>The value of a scalar.</summary>
    public T GetScalar<T>() where T : unmanaged
    {
        Span<T> value = stackalloc T[1];
        ReadValue(System.Runtime.InteropServices.MemoryMarshal.AsBytes(value));
        return value[0];
    }

    /// <summary>Copies the value's bytes.</summary>
    public void ReadValue(Span<byte> destination)
    {
        if (_storage is not null)
        {
            _storage.Read(destination);
        }
        else
        {
            Host.Bytes.CopyTo(destination);
        }
    }

    /// <summary>Replaces the value.</summary>
    /// <exception cref="EngineException">The dtype or the shape is another.</exception>
    public void SetValue(Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.DType != DType || value.Shape != Shape)
        {
            throw new EngineException($"The shared variable '{Name}' is {Type} and cannot take a {value}.");
        }

        if (_storage is not null)
        {
            value.CopyTo(_storage);
        }
        else
        {
            // The first value's tensor may be somebody's: it is left as it is.
            var host = new Tensor(DType, Shape);
            value.CopyTo(host);
            (_host, _selection, _lent) = (host, null, null);
        }
    }

    /// <summary>Replaces the value of a scalar.</summary>
    public void SetScalar<T>(T value) where T : unmanaged => SetValue(Tensor.Scalar(value));

    /// <summary>Frees the device memory that holds the value.</summary>
    public void Dispose()
    {
        _storage?.Dispose();
        _storage = null;
        _host = null;
        _selection = null;
        _lent = null;
    }

    /// <summary>The memory on the device, where the value is moved by the first call.</summary>
    /// <exception cref="EngineException">The value lies on another device.</exception>
    internal Storage Place(object device, Func<long, Storage> allocate, Func<Tensor, Storage?> borrow)
    {
        if (_storage is null)
        {
            _storage = _lent is null ? null : borrow(_lent);
            if (_storage is null)
            {
                _storage = allocate(Type.Bytes);
                MoveTo(_storage);
            }
        }
        else if (_storage.Device != device)
        {
            throw new EngineException(
                $"The shared variable '{Name}' lies on {_storage.Device} and cannot be used by a function on {device}.");
        }

        return _storage;
    }

    private Tensor Host => _host ??= _lent is not null ? _lent
        : _selection is { } selection ? selection.From.Rows(selection.Rows)
        : throw new ObjectDisposedException(Name ?? nameof(SharedVariable));

    private void MoveTo(Storage storage)
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
    }
}
