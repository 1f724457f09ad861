using System.Globalization;
using System.Numerics;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Represents a folder with the idx files of MNIST or Fashion-MNIST (<c>train-images-idx3-ubyte</c>,
/// <c>train-labels-idx1-ubyte</c>, and the same with <c>t10k</c> or <c>test</c>, with or without <c>.gz</c>), or arrays
/// of NumPy. The arrays are in an npz file, or in npy files of these names: <c>x_train</c>, <c>y_train</c>,
/// <c>x_test</c>, <c>y_test</c>, or <c>x</c> and <c>y</c>; also <c>x_val</c> and <c>y_val</c>. Labels are numbers,
/// texts, or one-hot, with a column for each class. Pictures of bytes with a fourth channel, opacity, are put on white.
/// </summary>
/// <param name="Path">The folder or the file; of several npy files, that of the samples to train on.</param>
public sealed record ArrayFiles(string Path) : IDataSource
{
    /// <summary>Specifies the names of the columns of samples and labels.</summary>
    public const string Samples = "x", Labels = "class";

    /// <summary>The names that the array of samples to predict may have, the likeliest first.</summary>
    private static readonly string[] s_samples = ["x", "X", "x_test", "X_test", "images", "data"];

    /// <summary>The names of samples and labels to train, to validate and to test with, the likeliest first.</summary>
    private static readonly (string X, string Y)[] s_train =
        [("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y"), ("X", "Y"), ("images", "labels"),
            ("data", "target")],
        s_validation = [
            ("x_val", "y_val"), ("X_val", "y_val"), ("x_valid", "y_valid"), ("x_validation", "y_validation")],
        s_test = [("x_test", "y_test"), ("X_test", "y_test")];

    /// <summary>Returns whether there is something of this kind.</summary>
    public static bool IsMatch(string path) =>
        HasEnding(path, ".npz") || HasEnding(path, ".npy")
        || (Directory.Exists(path)
            && (IdxFiles(path).Length > 0 || s_train.Any(pair => NpyFile(path, pair.X) is not null)));

    /// <summary>Returns whether a path has such samples; a single idx file counts too.</summary>
    internal static bool AreSamples(string path) => IsMatch(path)
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
        if (HasEnding(path, ".npy"))
        {
            samples = NpyArray.Load(path) is { Texts: null } array ? array.Numbers : throw new DataFormatException(
                $"{path} has texts, and samples are numbers.");
        }
        else if ((Directory.Exists(path) && IdxFiles(path).Length > 0) || !IsMatch(path))
        {
            string[] files = Directory.Exists(path)
                ? [.. IdxFiles(path).Where(file => file.Contains("images", StringComparison.Ordinal))]
                : [path];
            samples = files.Length > 0
                ? Idx.Read(
                    files.FirstOrDefault(file =>
                        !System.IO.Path.GetFileName(file).StartsWith("train", StringComparison.Ordinal)) ?? files[0])
                : throw new DataFormatException($"{path} has no file of images, t10k-images-idx3-ubyte say.");
        }
        else
        {
            OrderedDictionary<string, NpyArray> arrays = Arrays(path);
            string? name = s_samples.FirstOrDefault(arrays.ContainsKey)
                ?? (arrays.Count == 1 ? arrays.Keys.First() : null);
            samples = name is not null && arrays[name].Texts is null
                ? arrays[name].Numbers
                : throw new DataFormatException(
                $"{path} has no array {string.Join(" or ", s_samples.Select(one => $"'{one}'"))} to predict: "
                + $"it has {Table.Some(arrays.Keys)}.");
        }

        return samples.Shape.Rank is >= 2 and <= 4
            ? new Table(new TensorColumn(column, new ArrayFiles(path).Ordered(samples)))
            : throw new DataFormatException(
            $"{path}: samples are (n, length), (n, height, width) or (n, channels, height, width), "
            + $"not {samples.TypeText}.");
    }

    /// <inheritdoc/>
    public DataSet Load()
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(
            System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path)));
        bool isIdx = Directory.Exists(Path) && IdxFiles(Path).Length > 0;
        ((Tensor X, NpyArray Y)? train, (Tensor X, NpyArray Y)? validation, (Tensor X, NpyArray Y)? test) = isIdx
            ? FromFolder()
            : FromArrays();
        if ((train ?? test) is not { } first)
        {
            throw new DataFormatException(
                isIdx ? $"{Path} has no file of images with one of labels beside it: "
                    + "train-images-idx3-ubyte and train-labels-idx1-ubyte."
                : HasEnding(Path, ".npz") ? $"{Path} has no arrays x_train and y_train, nor x and y."
                : $"{Path} has no labels beside it: samples are in x.npy and their labels in y.npy, "
                    + "or in x_train.npy and y_train.npy.");
        }

        Table table = ToTable(first);
        return new DataSet(name, table, Labels)
        {
            Validation = train is not null && validation is { } held ? ToTable(held) : null,
            Test = train is not null && test is { } rest ? ToTable(rest) : null,
            Warnings = [.. TargetWarnings.Of(table[Labels])],
            Notes =
            [
                FormattableString.Invariant(
                    $"{Path}: {first.X.Shape[0]:N0} samples of {string.Join('x', first.X.Shape.Skip(1))}")
                    + (train is not null && test is { } other
                        ? FormattableString.Invariant($" to train with, {other.X.Shape[0]:N0} to test with.") : ".")
                    + (((TensorColumn)table[Samples]).Values.Shape.Count < first.X.Shape.Count
                        ? " Their fourth channel is opacity: they are put on white."
                        : ""),
            ],
        };
    }

    private static string[] IdxFiles(string folder) =>
    [
        .. Directory.GetFiles(folder)
            .Where(file => System.IO.Path.GetFileName(file).Contains("idx", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal),
    ];

    private static bool HasEnding(string path, string ending) =>
        System.IO.Path.GetExtension(path).Equals(ending, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Returns the npy file of an array in a folder; null if there is none. Letter case counts everywhere.
    /// </summary>
    private static string? NpyFile(string folder, string name) =>
        Directory.GetFiles(folder, $"{name}.npy")
            .FirstOrDefault(file => System.IO.Path.GetFileName(file) == $"{name}.npy");

    /// <summary>Reads the arrays of an npz file, or the npy files with known names of a folder.</summary>
    private static OrderedDictionary<string, NpyArray> Arrays(string path)
    {
        if (HasEnding(path, ".npz"))
        {
            return Npz.LoadArrays(path);
        }

        string folder = Directory.Exists(path)
            ? path
            : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var arrays = new OrderedDictionary<string, NpyArray>();
        foreach (string name in s_train.Concat(s_validation).Concat(s_test)
            .SelectMany(pair => (string[])[pair.X, pair.Y]).Distinct())
        {
            if (NpyFile(folder, name) is { } file)
            {
                arrays[name] = NpyArray.Load(file);
            }
        }

        return arrays;
    }

    private ((Tensor, NpyArray)? Train, (Tensor, NpyArray)? Validation, (Tensor, NpyArray)? Test) FromFolder()
    {
        string[] files = IdxFiles(Path);
        return (Pair("train"), null, Pair("t10k") ?? Pair("test"));

        (Tensor, NpyArray)? Pair(string part) => (Named(part, "images"), Named(part, "labels")) switch
        {
            ({ } images, { } labels) => (Idx.Read(images), new NpyArray(Idx.Read(labels))),
            (null, null) => null,
            ({ } images, null) => throw new DataFormatException(
                $"{images} has no labels beside it: {part}-labels-idx1-ubyte is missing."),
            (null, { } labels) => throw new DataFormatException(
                $"{labels} has no images beside it: {part}-images-idx3-ubyte is missing."),
        };

        string? Named(string part, string what) => files.FirstOrDefault(file =>
            System.IO.Path.GetFileName(file).StartsWith(part, StringComparison.Ordinal)
                && file.Contains(what, StringComparison.Ordinal));
    }

    private ((Tensor, NpyArray)? Train, (Tensor, NpyArray)? Validation, (Tensor, NpyArray)? Test) FromArrays()
    {
        if (HasEnding(Path, ".npy") && !File.Exists(Path))
        {
            throw new EngineException($"There is no file {Path}.");
        }

        OrderedDictionary<string, NpyArray> arrays = Arrays(Path);
        string given = System.IO.Path.GetFileNameWithoutExtension(Path);
        (string X, string Y)[] named = [.. s_train.Where(pair => HasEnding(Path, ".npy") && pair.X == given)];
        if (HasEnding(Path, ".npy") && named.Length == 0)
        {
            return (null, null, null);
        }

        bool isAlone = named is [{ Y: not "y_train" }, ..];
        return (First(named.Length > 0 ? named : s_train), isAlone ? null : First(s_validation),
            isAlone ? null : First(s_test));

        (Tensor, NpyArray)? First((string X, string Y)[] pairs)
        {
            foreach ((string x, string y) in pairs)
            {
                if (arrays.TryGetValue(x, out NpyArray? samples) && arrays.TryGetValue(y, out NpyArray? labels))
                {
                    return samples.Texts is null ? (samples.Numbers, labels)
                        : throw new DataFormatException($"{Path}: the samples '{x}' are texts.");
                }
            }

            return null;
        }
    }

    private Table ToTable((Tensor X, NpyArray Y) pair)
    {
        (Tensor x, NpyArray y) = pair;
        int samples = x.Shape.Rank is < 2 or > 4 ? -1 : x.Shape[0];
        bool isOneHot = y.Shape.Rank == 2 && y.Shape[0] == samples && y.Shape[1] > 1;
        if (samples < 0
            || !(isOneHot
                || (y.Shape.Count == samples && y.Shape.All(dimension => dimension == 1 || dimension == samples))))
        {
            throw new DataFormatException(
                $"{Path}: samples are (n, length), (n, height, width) or (n, channels, height, width) with n labels, "
                + $"not {x.TypeText} with {(y.Texts is null ? y.Numbers.TypeText : $"texts {y.Shape}")}.");
        }

        return new Table(new TensorColumn(Samples, Ordered(x)), isOneHot ? OfOneHot(y) : LabelsOf(y));
    }

    private Column LabelsOf(NpyArray labels)
    {
        if (labels.Texts is { } texts)
        {
            return new TextColumn(Labels, texts.Select(text => text.Length > 0 ? text : null));
        }

        Tensor y = labels.Numbers;
        RequireFinite(y, "the labels");
        double[] values = y.Cast(DType.Float64).AsSpan<double>().ToArray();
        IEnumerable<string>? written = y.DType == DType.Bool ? values.Select(value => value != 0 ? "True" : "False")
            : y.DType == DType.Int64
            ? y.AsSpan<long>().ToArray().Select(value => value.ToString(CultureInfo.InvariantCulture))
            : null;
        return new NumberColumn(Labels, values)
        {
            Written = written is null ? null : NumberNames.Of(Labels, written, values),
        };
    }

    /// <summary>
    /// Returns the numbers of classes from a row for each sample, with a 1 for its class and 0 for all others.
    /// </summary>
    private NumberColumn OfOneHot(NpyArray labels)
    {
        int classes = labels.Shape[1];
        double[] rows = labels.Texts is null ? labels.Numbers.Cast(DType.Float64).AsSpan<double>().ToArray() : [];
        double[] numbers = new double[rows.Length / classes];
        for (int i = 0; i < numbers.Length; i++)
        {
            ReadOnlySpan<double> row = rows.AsSpan(i * classes, classes);
            numbers[i] = row.IndexOf(1);
        }

        int wrong = Array.FindIndex(numbers, label => label < 0);
        return wrong < 0 && rows.Length > 0 && rows.Count(x => x != 0) == numbers.Length
            ? new NumberColumn(Labels, numbers)
            : throw new DataFormatException(
                $"{Path}: a sample has one label, or a row of {classes} numbers of which one is 1 and the others 0. "
                + "Give the labels as an array (n).");
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
        int wrong = values.DType switch
        {
            DType.Float32 => FirstNotFinite<float>(values.AsSpan<float>()),
            DType.Float64 => FirstNotFinite<double>(values.AsSpan<double>()),
            DType.Float16 => FirstNotFinite<Half>(values.AsSpan<Half>()),
            _ => -1,
        };
        if (wrong >= 0)
        {
            int each = Math.Max((int)(values.Shape.Count / values.Shape[0]), 1);
            throw new DataFormatException(FormattableString.Invariant(
                $"{Path}: {what} have no finite number in sample {wrong / each} at index {wrong % each}: leave such samples out, or put a number there."));
        }

        static int FirstNotFinite<T>(ReadOnlySpan<T> all) where T : IFloatingPoint<T>
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
