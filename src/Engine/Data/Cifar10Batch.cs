using static Engine.TextTable;

namespace Engine.Data;

/// <summary>One file of CIFAR-10: its form is checked, its pixels are still where they lie.</summary>
internal abstract class Cifar10Batch(ByteSource source) : IDisposable
{
    public const int ImageBytes = 3 * 32 * 32;

    public abstract int Count { get; }

    protected ByteSource Source { get; } = source;

    /// <summary>Reads the binary version: rows of a label and 3,072 pixels.</summary>
    public static Cifar10Batch FromBinary(ByteSource source) => new Binary(source);

    /// <summary>
    /// Reads the Python version: a pickled dictionary with <c>data</c>, uint8 (n, 3072), and <c>labels</c>.
    /// </summary>
    public static Cifar10Batch FromPickle(ByteSource source) => new Pickle(source);

    /// <summary>Reads the images, planes red, green and blue, one after the other, and their labels.</summary>
    /// <exception cref="DataFormatException">A label is not one of 0 to 9.</exception>
    public abstract void Read(Span<byte> pixels, Span<int> labels);

    public void Dispose() => Source.Dispose();

    protected int Label(long label, int index) => label is >= 0 and <= 9
        ? (int)label
        : throw new DataFormatException(
            $"{Source.Name}: image {Digits(index)} has the label {label}; CIFAR-10's are 0 to 9. The file is damaged " +
            "or of another data set (CIFAR-100?); take CIFAR-10, or number your own classes from 0 to 9.");

    private sealed class Binary : Cifar10Batch
    {
        private const int RowBytes = 1 + ImageBytes;
        private const int RowsAtOnce = 256;

        public Binary(ByteSource source) : base(source)
        {
            (Count, int rest) = Math.DivRem(source.Length, RowBytes);
            if (rest != 0 || Count == 0)
            {
                throw new DataFormatException(
                    $"{source.Name}: {Digits(source.Length)} bytes are not a whole number of images of " +
                    $"{Digits(RowBytes)} bytes (a label and 3,072 pixels) but {Digits(Count)} and {Digits(rest)} bytes. " +
                    "The file is cut off or another; copy or unpack it again.");
            }
        }

        public override int Count { get; }

        public override void Read(Span<byte> pixels, Span<int> labels)
        {
            byte[] rows = new byte[Math.Min(Count, RowsAtOnce) * RowBytes];
            for (int first = 0; first < Count; first += RowsAtOnce)
            {
                int count = Math.Min(RowsAtOnce, Count - first);
                Source.Read(rows.AsSpan(0, count * RowBytes), first * RowBytes);
                for (int i = 0; i < count; i++)
                {
                    labels[first + i] = Label(rows[i * RowBytes], first + i);
                    rows.AsSpan((i * RowBytes) + 1, ImageBytes).CopyTo(pixels[((first + i) * ImageBytes)..]);
                }
            }
        }
    }

    private sealed class Pickle : Cifar10Batch
    {
        private readonly PickleReader _reader;
        private readonly PickleArray _pixels;
        private readonly PickleValue _labels;

        public Pickle(ByteSource source) : base(source)
        {
            (PickleValue root, _reader) = PickleReader.Read(source);
            if (root.Reference is not PickleDictionary dictionary)
            {
                throw Error($"it holds a value of kind {root.Kind} instead of a dictionary");
            }

            if (!_reader.TryGet(dictionary, "data"u8, out PickleValue data) ||
                !_reader.TryGet(dictionary, "labels"u8, out _labels))
            {
                throw Error(_reader.TryGet(dictionary, "fine_labels"u8, out _)
                    ? "this is CIFAR-100; take CIFAR-10"
                    : "its dictionary lacks 'data' or 'labels'");
            }

            _pixels = data.Reference as PickleArray
                ?? throw Error($"'data' is a value of kind {data.Kind} instead of a uint8 array of shape (n, 3072)");
            if (_pixels is not { DType.IsUInt8: true, Shape: [> 0, ImageBytes] })
            {
                throw Error($"'data' is an array of {_pixels.DType?.ToString() ?? "nothing"} and shape " +
                    $"({string.Join(", ", _pixels.Shape)}) instead of uint8 and (n, 3072)");
            }

            int labels = _labels.Reference switch
            {
                IReadOnlyList<PickleValue> list => list.Count,
                PickleArray { Shape: [var side], DType: not null } => side,
                _ => throw Error("'labels' is neither a list nor a one-dimensional array of integers"),
            };
            if (labels != Count)
            {
                throw Error($"{Digits(labels)} labels for {Digits(Count)} images");
            }
        }

        public override int Count => _pixels.Shape[0];

        public override void Read(Span<byte> pixels, Span<int> labels)
        {
            ReadLabels(labels);
            if (!_pixels.IsFortran)
            {
                _reader.CopyTo(_pixels.Data, pixels);
                return;
            }

            byte[] columns = _reader.BytesOf(_pixels.Data);
            for (int i = 0; i < columns.Length; i++)
            {
                pixels[(i % Count * ImageBytes) + (i / Count)] = columns[i];
            }
        }

        private void ReadLabels(Span<int> labels)
        {
            if (_labels.Reference is PickleArray { DType: { } type } array)
            {
                ReadOnlySpan<byte> numbers = _reader.BytesOf(array.Data);
                for (int i = 0; i < Count; i++)
                {
                    labels[i] = Label(type.Read(numbers.Slice(i * type.Size, type.Size)), i);
                }

                return;
            }

            var items = (IReadOnlyList<PickleValue>)_labels.Reference!;
            for (int i = 0; i < Count; i++)
            {
                labels[i] = items[i].Kind == PickleKind.Integer
                    ? Label(items[i].Integer, i)
                    : throw Error($"label {Digits(i)} is of kind {items[i].Kind} instead of an integer");
            }
        }

        private DataFormatException Error(string what) => new(
            $"{Source.Name}: {what}. A CIFAR-10 batch is a pickled dictionary {{'data': uint8 array of shape " +
            "(n, 3072), 'labels': list of n integers from 0 to 9}; take the file from the published archive, or write " +
            "your own like this.");
    }
}
