using System.Numerics;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Represents a folder with the idx files of MNIST or Fashion-MNIST (<c>train-images-idx3-ubyte</c>,
/// <c>train-labels-idx1-ubyte</c>, and the same with <c>t10k</c> or <c>test</c>, with or without <c>.gz</c>), or an npz
/// file with <c>x_train</c>, <c>y_train</c>, <c>x_test</c>, <c>y_test</c>, or <c>x</c> and <c>y</c>, and also
/// <c>x_val</c> and <c>y_val</c>. Pictures of bytes with a fourth channel, opacity, are put on white.
/// </summary>
/// <param name="Path">The folder or the file.</param>
public sealed record ArrayFiles(string Path) : IDataSource
{
    /// <summary>Specifies the names of the columns of samples and labels.</summary>
    public const string Samples = "x", Labels = "class";

    /// <summary>The names that the array of samples to predict may have, the likeliest first.</summary>
    private static readonly string[] s_samples = ["x", "X", "x_test", "images"];

    /// <summary>Returns whether there is something of this kind.</summary>
    public static bool IsOne(string path) =>
        System.IO.Path.GetExtension(path).Equals(".npz", StringComparison.OrdinalIgnoreCase)
        || (Directory.Exists(path) && IdxFiles(path).Length > 0);

    /// <summary>Returns whether a path has such samples; a single idx file counts too.</summary>
    internal static bool AreSamples(string path) => IsOne(path)
        || (File.Exists(path) && System.IO.Path.GetFileName(path).Contains("-idx", StringComparison.Ordinal));

    /// <summary>
    /// Reads only the samples, to predict them: <c>x</c>, <c>x_test</c> or the only array of an npz file, the test part
    /// of a folder, or a single idx file.
    /// </summary>
    /// <param name="path">The folder or the file.</param>
    /// <param name="column">The name of the column.</param>
    /// <exception cref="EngineException">There are none, or they cannot be read.</exception>
    internal static Table ReadSamples(string path, string column)
    {
        Tensor samples;
        if (Directory.Exists(path) || !IsOne(path))
        {
            string[] files = Directory.Exists(path) ? [.. IdxFiles(path).Where(file => file.Contains("images", StringComparison.Ordinal))] : [path];
            samples = files.Length > 0
                ? Idx.Read(files.FirstOrDefault(file => !System.IO.Path.GetFileName(file).StartsWith("train", StringComparison.Ordinal)) ?? files[0])
                : throw new DataFormatException($"{path} has no file of images, t10k-images-idx3-ubyte say.");
        }
        else
        {
            OrderedDictionary<string, Tensor> arrays = Npz.Load(path);
            string? name = s_samples.FirstOrDefault(arrays.ContainsKey) ?? (arrays.Count == 1 ? arrays.Keys.First() : null);
            samples = name is not null ? arrays[name] : throw new DataFormatException(
                $"{path} has no array {string.Join(" or ", s_samples.Select(one => $"'{one}'"))} to predict: it has {Table.Some(arrays.Keys)}.");
        }

        return samples.Shape.Rank is >= 2 and <= 4 ? new Table(new TensorColumn(column, new ArrayFiles(path).Ordered(samples))) : throw new DataFormatException(
            $"{path}: samples are (n, length), (n, height, width) or (n, channels, height, width), not {samples.TypeText}.");
    }

    /// <inheritdoc/>
    public DataSet Load()
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)));
        bool isFolder = Directory.Exists(Path);
        ((Tensor X, Tensor Y)? train, (Tensor X, Tensor Y)? validation, (Tensor X, Tensor Y)? test) = isFolder ? FromFolder() : FromNpz();
        if ((train ?? test) is not { } first)
        {
            throw new DataFormatException(isFolder
                ? $"{Path} has no file of images with one of labels beside it: train-images-idx3-ubyte and train-labels-idx1-ubyte."
                : $"{Path} has no arrays x_train and y_train, nor x and y.");
        }

        Table table = ToTable(first);
        return new DataSet(name, table, Labels)
        {
            Validation = train is not null && validation is { } held ? ToTable(held) : null,
            Test = train is not null && test is { } rest ? ToTable(rest) : null,
            Notes =
            [
                FormattableString.Invariant($"{Path}: {first.X.Shape[0]:N0} samples of {string.Join('x', first.X.Shape.Skip(1))}")
                    + (train is not null && test is { } other
                        ? FormattableString.Invariant($" to train with, {other.X.Shape[0]:N0} to test with.") : ".")
                    + (((TensorColumn)table[Samples]).Values.Shape.Count < first.X.Shape.Count ? " Their fourth channel is opacity: they are put on white." : ""),
            ],
        };
    }

    private static string[] IdxFiles(string folder) =>
    [
        .. Directory.GetFiles(folder)
            .Where(file => System.IO.Path.GetFileName(file).Contains("idx", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private ((Tensor, Tensor)? Train, (Tensor, Tensor)? Validation, (Tensor, Tensor)? Test) FromFolder()
    {
        string[] files = IdxFiles(Path);
        return (Pair("train"), null, Pair("t10k") ?? Pair("test"));

        (Tensor, Tensor)? Pair(string part) => (Named(part, "images"), Named(part, "labels")) switch
        {
            ({ } images, { } labels) => (Idx.Read(images), Idx.Read(labels)),
            (null, null) => null,
            ({ } images, null) => throw new DataFormatException($"{images} has no labels beside it: {part}-labels-idx1-ubyte is missing."),
            (null, { } labels) => throw new DataFormatException($"{labels} has no images beside it: {part}-images-idx3-ubyte is missing."),
        };

        string? Named(string part, string what) => files.FirstOrDefault(file =>
            System.IO.Path.GetFileName(file).StartsWith(part, StringComparison.Ordinal) && file.Contains(what, StringComparison.Ordinal));
    }

    private ((Tensor, Tensor)? Train, (Tensor, Tensor)? Validation, (Tensor, Tensor)? Test) FromNpz()
    {
        OrderedDictionary<string, Tensor> arrays = Npz.Load(Path);
        return (Pair("x_train", "y_train") ?? Pair("x", "y") ?? Pair("X", "y") ?? Pair("images", "labels"),
            Pair("x_val", "y_val") ?? Pair("x_valid", "y_valid") ?? Pair("x_validation", "y_validation"), Pair("x_test", "y_test"));

        (Tensor, Tensor)? Pair(string x, string y) =>
            arrays.TryGetValue(x, out Tensor? samples) && arrays.TryGetValue(y, out Tensor? labels) ? (samples, labels) : null;
    }

    private Table ToTable((Tensor X, Tensor Y) pair)
    {
        (Tensor x, Tensor y) = pair;
        if (x.Shape.Rank is < 2 or > 4 || y.Shape.Count != x.Shape[0])
        {
            throw new DataFormatException(
                $"{Path}: samples are (n, length), (n, height, width) or (n, channels, height, width) with n labels, not {x.TypeText} with "
                + $"{y.TypeText}.");
        }

        RequireFinite(y, "the labels");
        return new Table(
            new TensorColumn(Samples, Ordered(x)), new NumberColumn(Labels, y.Cast(DType.Float64).AsSpan<double>().ToArray()));
    }

    /// <summary>
    /// Returns samples in the shape that networks take: gray pictures get an axis of one channel, and channels that
    /// come last, as in Keras, come first. Opacity is no channel.
    /// </summary>
    private Tensor Ordered(Tensor x)
    {
        RequireFinite(x, "the samples");
        x = x.Shape.Rank == 3 ? x.Reshape(x.Shape[0], 1, x.Shape[1], x.Shape[2])
            : x.Shape.Rank == 4 && x.Shape[3] <= 4 && x.Shape[1] > 4 ? PlanesFirst(x) : x;
        return x.DType == DType.UInt8 && x.Shape.Rank == 4 && x.Shape[1] == 4 ? OnWhite(x) : x;
    }

    /// <summary>Returns pictures without their opacity, as they look on white.</summary>
    private static Tensor OnWhite(Tensor x)
    {
        const int Colors = 3;
        int area = x.Shape[2] * x.Shape[3];
        ReadOnlySpan<byte> from = x.AsSpan<byte>();
        byte[] to = new byte[x.Shape[0] * Colors * area];
        for (int i = 0; i < to.Length; i++)
        {
            int at = i / (Colors * area) * (Colors + 1) * area;
            byte value = from[at + (i % (Colors * area))], opacity = from[at + (Colors * area) + (i % area)];
            to[i] = (byte)(255.5 + ((value - 255) * (opacity / 255.0)));
        }

        return Tensor.From(to, x.Shape[0], Colors, x.Shape[2], x.Shape[3]);
    }

    private void RequireFinite(Tensor values, string what)
    {
        int odd = values.DType switch
        {
            DType.Float32 => FirstOdd<float>(values.AsSpan<float>()),
            DType.Float64 => FirstOdd<double>(values.AsSpan<double>()),
            _ => -1,
        };
        if (odd >= 0)
        {
            int each = Math.Max((int)(values.Shape.Count / values.Shape[0]), 1);
            throw new DataFormatException(FormattableString.Invariant(
                $"{Path}: {what} have no finite number in sample {odd / each}, place {odd % each} of it: leave such samples out, or put a number there."));
        }

        static int FirstOdd<T>(ReadOnlySpan<T> all) where T : IFloatingPoint<T>
        {
            for (int i = 0; i < all.Length; i++)
            {
                if (!T.IsFinite(all[i]))
                {
                    return i;
                }
            }

            return -1;
        }
    }

    private static Tensor PlanesFirst(Tensor x)
    {
        (int count, int height, int width, int planes) = (x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]);
        float[] from = x.Cast(DType.Float32).AsSpan<float>().ToArray(), to = new float[from.Length];
        for (int i = 0; i < from.Length; i++)
        {
            int sample = i / (height * width * planes), pixel = i / planes % (height * width), plane = i % planes;
            to[(((sample * planes) + plane) * height * width) + pixel] = from[i];
        }

        return Tensor.From(to, count, planes, height, width).Cast(x.DType);
    }
}
