using static Engine.TextTable;

namespace Engine.Data;

/// <summary>Specifies which labels of a file to read.</summary>
/// <param name="Set">The data set's name in messages.</param>
/// <param name="Key">Their key in the Python version.</param>
/// <param name="Classes">The number of classes.</param>
/// <param name="Bytes">The number of bytes before the pixels in the binary version.</param>
/// <param name="At">The index of the label among these bytes.</param>
internal sealed record CifarLabels(string Set, string Key, int Classes, int Bytes, int At)
{
    /// <summary>Gets CIFAR-10's labels.</summary>
    public static CifarLabels Ten => new("CIFAR-10", "labels", 10, 1, 0);

    /// <summary>Gets the labels of CIFAR-100's hundred classes.</summary>
    public static CifarLabels Fine => new("CIFAR-100", "fine_labels", 100, 2, 1);

    /// <summary>Gets the labels of CIFAR-100's twenty classes, each of five of the hundred.</summary>
    public static CifarLabels Coarse => new("CIFAR-100", "coarse_labels", 20, 2, 0);
}

/// <summary>
/// Represents one file of CIFAR-10 or CIFAR-100. Its format is checked, but its pixels are not read yet.
/// </summary>
internal abstract class CifarBatch(ByteSource source, CifarLabels kind) : IDisposable
{
    public const int ImageBytes = 3 * 32 * 32;

    public abstract int Count { get; }

    protected ByteSource Source { get; } = source;

    protected CifarLabels Kind { get; } = kind;

    /// <summary>Reads the binary version: rows of one or two labels and 3,072 pixels.</summary>
    public static CifarBatch FromBinary(ByteSource source, CifarLabels kind) => new Binary(source, kind);

    /// <summary>
    /// Reads the Python version: a pickled dictionary with <c>data</c>, uint8 (n, 3072), and <c>labels</c>.
    /// </summary>
    public static CifarBatch FromPickle(ByteSource source, CifarLabels kind) => new Pickle(source, kind);

    /// <summary>Reads the images, one after the other with the planes red, green and blue, and their labels.</summary>
    /// <exception cref="DataFormatException">A label is out of range.</exception>
    public abstract void Read(Span<byte> pixels, Span<int> labels);

    public void Dispose() => Source.Dispose();

    protected int Label(long label, int index) => label >= 0 && label < Kind.Classes
        ? (int)label
        : throw new DataFormatException(
            $"{Source.Name}: image {Digits(index)} has the label {label}; {Kind.Set}'s are 0 to {Kind.Classes - 1}. "
            + "The file is damaged "
            + (Kind.Classes == 10
                ? "or of another data set (CIFAR-100?); take CIFAR-10, or number your own classes from 0 to 9."
                : "or of another data set."));

    private sealed class Binary : CifarBatch
    {
        private const int RowsAtOnce = 256;

        public Binary(ByteSource source, CifarLabels kind) : base(source, kind)
        {
            (Count, int rest) = Math.DivRem(source.Length, RowBytes);
            if (rest != 0 || Count == 0)
            {
                throw new DataFormatException(
                    $"{source.Name}: {Digits(source.Length)} bytes are not a whole number of images of " +
                    $"{Digits(RowBytes)} bytes ({(Kind.Bytes == 1 ? "a label" : "two labels")} and 3,072 pixels) "
                    + $"but {Digits(Count)} and {Digits(rest)} bytes. " +
                    "The file is cut off or another; copy or unpack it again.");
            }
        }

        public override int Count { get; }

        private int RowBytes => Kind.Bytes + ImageBytes;

        public override void Read(Span<byte> pixels, Span<int> labels)
        {
            byte[] rows = new byte[Math.Min(Count, RowsAtOnce) * RowBytes];
            for (int first = 0; first < Count; first += RowsAtOnce)
            {
                int count = Math.Min(RowsAtOnce, Count - first);
                Source.Read(rows.AsSpan(0, count * RowBytes), first * RowBytes);
                for (int i = 0; i < count; i++)
                {
                    labels[first + i] = Label(rows[(i * RowBytes) + Kind.At], first + i);
                    rows.AsSpan((i * RowBytes) + Kind.Bytes, ImageBytes).CopyTo(pixels[((first + i) * ImageBytes)..]);
                }
            }
        }
    }

    private sealed class Pickle : CifarBatch
    {
        private readonly PickleReader _reader;
        private readonly PickleArray _pixels;
        private readonly PickleValue _labels;

        public Pickle(ByteSource source, CifarLabels kind) : base(source, kind)
        {
            (PickleValue root, _reader) = PickleReader.Read(source);
            if (root.Reference is not PickleDictionary dictionary)
            {
                throw Error($"it holds a value of kind {root.Kind} instead of a dictionary");
            }

            if (!_reader.TryGet(dictionary, "data"u8, out PickleValue data) ||
                !_reader.TryGet(dictionary, System.Text.Encoding.UTF8.GetBytes(kind.Key), out _labels))
            {
                throw Error(kind.Classes == 10 && _reader.TryGet(dictionary, "fine_labels"u8, out _)
                    ? "this is CIFAR-100; take CIFAR-10"
                    : $"its dictionary lacks 'data' or '{kind.Key}'");
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
                PickleArray { Shape: [var dimension], DType: not null } => dimension,
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
            $"{Source.Name}: {what}. A {Kind.Set} batch is a pickled dictionary {{'data': uint8 array of shape " +
            $"(n, 3072), '{Kind.Key}': list of n integers from 0 to {Kind.Classes - 1}}}; "
            + "take the file from the published archive, or write " +
            "your own like this.");
    }
}
