using System.Globalization;
using System.IO.Compression;
using Engine.IO;
using Engine.Onnx;
using Engine.Tests.Onnx;

namespace Engine.Tests.IO;

/// <summary>
/// Readers of untrusted files survive any of them: they read the file or report what is wrong, by one type of
/// exception, with memory in proportion to the file. 20,000 damaged files of each of seven kinds are read;
/// <c>ENGINE_DAMAGED_FILES</c> sets another number.
/// </summary>
public class DamagedFileTests
{
    private const string Count = "ENGINE_DAMAGED_FILES";
    private const int ByDefault = 20_000;

    /// <summary>
    /// The allowed memory for a file of a kilobyte: deflate can legitimately expand it a thousand times.
    /// </summary>
    private const long MaxMemory = 8 << 20;

    private static readonly KeyValuePair<string, Tensor>[] s_tensors =
    [
        new("conv1.W", Tensor.From(Enumerable.Range(0, 24).Select(i => i / 7f).ToArray(), 2, 3, 2, 2)),
        new("conv1.b", Tensor.From([1.5, -2])),
        new("labels", Tensor.From([1, 2, 3], 3, 1)),
        new("pixels", Tensor.From(new byte[] { 0, 255 })),
    ];

    private static IEnumerable<TestCaseData> Kinds()
    {
        yield return Kind("safetensors", Save("a.safetensors", path => Safetensors.Save(
            path, s_tensors, new Dictionary<string, string> { ["epoch"] = "3" })), ReadSafetensors);
        yield return Kind("safetensors of others", WithoutHash(), ReadSafetensors);
        yield return Kind("npz", Save("a.npz", path => Npz.Save(path, s_tensors)), ReadNpz);
        yield return Kind(
            "deflated npz", Save("b.npz", path => Npz.Save(path, s_tensors, isCompressed: true)), ReadNpz);
        yield return Kind("onnx", OnnxFile(), ReadOnnx);
        yield return Kind("onnx of every op", [.. OnnxBackendTests.Models], ReadOnnx);
        yield return Kind("array", ArrayFile(), bytes => ReadNpz(AsNpz(bytes)));
    }

    /// <summary>A model of ops whose settings determine the size of their outputs.</summary>
    private static byte[] OnnxFile() => new ModelMaker()
        .Input("x", OnnxType.Float, "n", 2, 5, 5).Output("y", OnnxType.Float, "n", 4)
        .Floats("w", [.. Enumerable.Range(0, 36).Select(i => i / 7f)], 2, 2, 3, 3)
        .Floats("v", [1, 2, 3, 4, 5, 6, 7, 8], 2, 4)
        .Longs("pads", 0, 0, 1, 1, 0, 0, 1, 1).Longs("zero", 0).Longs("open", 2).Longs("times", 1, 2, 1, 1)
        .Node("Pad", "x pads", "padded")
        .Node("Conv", "padded w", "planes", ("strides", new long[] { 2, 2 }), ("group", 1))
        .Node("MaxPool", "planes", "maxima", ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 0, 0, 0, 0 }))
        .Node("Shape", "x", "shape").Node("Gather", "shape zero", "rows", ("axis", 0))
        .Node("Concat", "rows open", "to", ("axis", 0))
        .Node("Tile", "maxima times", "tiled").Node("Reshape", "maxima to", "flat").Node("MatMul", "flat v", "product")
        .Node("Expand", "zero to", "expanded").Node("Cast", "expanded", "level", ("to", 1))
        .Node("ReduceSum", "level", "sum", ("keepdims", 0))
        .Node("ReduceMax", "tiled", "most", ("axes", new long[] { 1, 2, 3 }), ("keepdims", 0))
        .Node("ReduceMax", "most", "one", ("keepdims", 0))
        .Node("Add", "sum one", "both").Node("Add", "product both", "y").Bytes();

    private static int ReadOnnx(byte[] file)
    {
        using var bytes = ModelBytes.Of(file, "damaged.onnx");
        using OnnxModel model = OnnxModel.Of(bytes, null);
        return model.Outputs.Count;
    }

    [TestCaseSource(nameof(Kinds))]
    public void Damaged_files_are_read_or_refused(byte[][] whole, Func<byte[], int> read)
    {
        int count = int.Parse(
            Environment.GetEnvironmentVariable(Count) ?? $"{ByDefault}", CultureInfo.InvariantCulture);
        Assert.That(read(whole[0]), Is.Positive);
        var random = new Random(20240501);
        int refused = 0;
        long max = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] damaged = Damage.Do(whole[i % whole.Length], random);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(damaged);
            }
            catch (ModelFileException)
            {
                refused++;
            }
            catch (Exception error)
            {
                Assert.Fail($"File {i}, {Convert.ToBase64String(damaged)}: {error}");
            }

            max = Math.Max(max, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        TestContext.Out.WriteLine($"{count:N0} files, {refused:N0} refused, at most {max:N0} bytes for one.");
        Assert.That(max, Is.AtMost(MaxMemory));

        // Some damage gives another valid file.
        Assert.That(refused, Is.InRange(count / 2, count - 1));
    }

    [Test]
    public void What_a_hash_covers_cannot_change_unnoticed()
    {
        byte[] whole = Save("a.safetensors", path => Safetensors.Save(path, s_tensors));
        for (int bit = 8 * (whole.Length - 100); bit < 8 * whole.Length; bit++)
        {
            byte[] damaged = [.. whole];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));

            Assert.That(() => ReadSafetensors(damaged), Throws.TypeOf<ModelFileException>()
                .With.Message.Contains("engine.sha256"));
        }
    }

    private static TestCaseData Kind(string name, byte[] whole, Func<byte[], int> read) => Kind(name, [whole], read);

    private static TestCaseData Kind(string name, byte[][] whole, Func<byte[], int> read) =>
        new TestCaseData(whole, read).SetArgDisplayNames(name);

    private static int ReadSafetensors(byte[] bytes) => Safetensors.Read(new MemoryStream(bytes), "a").Tensors.Count;

    private static int ReadNpz(byte[] bytes) => Npz.Read(new MemoryStream(bytes), "a").Count;

    private static byte[] Save(string name, Action<string> save)
    {
        using var folder = new TempFolder();
        save(folder.File(name));
        return File.ReadAllBytes(folder.File(name));
    }

    /// <summary>
    /// A file as other tools write it: without a hash, which would catch what the checks of the header miss.
    /// </summary>
    private static byte[] WithoutHash() =>
    [
        133, 0, 0, 0, 0, 0, 0, 0,
        .. """{"a.W":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":"""u8,
        .. """{"dtype":"U8","shape":[3,2,1],"data_offsets":[8,14]},"__metadata__":{}}"""u8,
        0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1, 2, 3, 4, 5, 6,
    ];

    private static byte[] ArrayFile()
    {
        byte[] npz = Save("a.npz", path => Npz.Save(path, s_tensors[..1]));
        using var zip = new ZipArchive(new MemoryStream(npz));
        using Stream array = zip.Entries[0].Open();
        var bytes = new MemoryStream();
        array.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>A file whose checksums are correct, so that they do not catch the damage.</summary>
    private static byte[] AsNpz(byte[] array) => TestZip.Of(("a.npy", array)).ToArray();
}
