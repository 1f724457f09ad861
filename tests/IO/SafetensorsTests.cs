using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Engine.IO;

namespace Engine.Tests.IO;

public class SafetensorsTests
{
    private TempFolder _folder = null!;

    private string Model => _folder.File("model.safetensors");

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void A_tiny_file_has_the_bytes_that_the_format_prescribes()
    {
        Safetensors.Save(Model, [new("b", Tensor.From([1f, -2f], 2, 1))]);

        byte[] elements = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
        byte[] hashed =
        [
            0, 0, 0, 0, // No texts.
            1, 0, 0, 0, // One tensor: its name, dtype and two dimensions.
            1, 0, 0, 0, .. "b"u8, 7, 0, 0, 0, .. "float32"u8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0,
            .. elements,
        ];
        string hash = Convert.ToHexStringLower(SHA256.HashData(hashed));

        // The length of the JSON, the padded JSON, then 1.0 and -2.0 in little endian.
        byte[] expected =
        [
            160, 0, 0, 0, 0, 0, 0, 0,
            .. Encoding.ASCII.GetBytes(
                """{"__metadata__":{"engine.sha256":"#"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"""
                    .Replace("#", hash, StringComparison.Ordinal).PadRight(160)),
            .. elements,
        ];
        Assert.That(File.ReadAllBytes(Model), Is.EqualTo(expected));
    }

    [Test]
    public void The_header_is_padded_with_spaces_to_a_multiple_of_eight([Range(1, 8)] int nameLength)
    {
        Safetensors.Save(Model, [new(new string('n', nameLength), Tensor.Scalar(1f))]);

        byte[] bytes = File.ReadAllBytes(Model);
        int header = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Assert.That(header % 8, Is.Zero);
        Assert.That(Encoding.UTF8.GetString(bytes, 8, header).TrimEnd(' '), Does.EndWith("}}"));
        Assert.That(bytes, Has.Length.EqualTo(8 + header + 4));
    }

    [Test]
    public void Every_dtype_and_shape_comes_back_in_its_order_and_with_its_bits()
    {
        KeyValuePair<string, Tensor>[] saved =
        [
            new("conv1.W", Tensor.From([float.NaN, -0f, float.Epsilon, float.NegativeInfinity], 1, 2, 2)),
            new("a \"quoted\" Größe\n", Tensor.From([Math.PI, double.MaxValue])),
            new("labels", Tensor.From([int.MinValue, 0, int.MaxValue])),
            new("pixels", Tensor.From(new byte[] { 0, 255, 7 }, 3, 1)),
            new("empty", new Tensor(DType.Float32, [0, 5])),
            new("scalar", Tensor.Scalar(42)),
        ];
        var metadata = new Dictionary<string, string> { ["epoch"] = "7", ["note"] = "für später" };

        Safetensors.Save(Model, saved, metadata);
        SafetensorsFile loaded = Safetensors.Load(Model);

        Assert.That(loaded.Metadata, Is.EquivalentTo(metadata));
        Assert.That(loaded.Tensors.Keys, Is.EqualTo(saved.Select(pair => pair.Key)));
        foreach ((string name, Tensor tensor) in saved)
        {
            Assert.That(loaded.Tensors[name].DType, Is.EqualTo(tensor.DType));
            Assert.That(loaded.Tensors[name].Shape, Is.EqualTo(tensor.Shape));
            Assert.That(loaded.Tensors[name].Bytes.SequenceEqual(tensor.Bytes));
        }
    }

    [Test]
    public void The_hash_does_not_depend_on_the_order_in_which_a_tool_lays_out_texts_and_tensors()
    {
        KeyValuePair<string, Tensor> a = new("a", Tensor.Scalar(1f)), b = new("b", Tensor.Scalar(2));

        Assert.That(
            ContentHash.Of([a, b], [new("x", "1"), new("y", "2")]),
            Is.EqualTo(ContentHash.Of([b, a], [new("y", "2"), new("x", "1")])));
        Assert.That(ContentHash.Of([a, b], []), Is.Not.EqualTo(ContentHash.Of([a], [])));
        Assert.That(ContentHash.Of([], [new("x", "1")]), Is.Not.EqualTo(ContentHash.Of([], [new("x", "2")])));
    }

    [Test]
    public void A_file_without_tensors_is_a_file()
    {
        Safetensors.Save(Model, []);

        Assert.That(Safetensors.Load(Model).Tensors, Is.Empty);
    }

    [Test]
    public void Tensors_may_lie_in_another_order_than_the_header_names_them()
    {
        SafetensorsFile file = Read(
            """{"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""",
            1, 2, 3);

        Assert.That(file.Tensors.Keys, Is.EqualTo(new[] { "y", "x" }));
        Assert.That(file.Tensors["y"].AsSpan<byte>().ToArray(), Is.EqualTo(new byte[] { 3 }));
        Assert.That(file.Tensors["x"].AsSpan<byte>().ToArray(), Is.EqualTo(new byte[] { 1, 2 }));
    }

    [TestCase("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "take 3 bytes, but 4 follow")]
    [TestCase("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "begins at 1, where 0 was due")]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "begins at 0, where 4 was due")]
    [TestCase("""{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}""", "take 5 bytes, but 4 follow")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "not what float32 (2) takes")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "negative")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "negative")]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""",
        "not what uint8")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4294967296],"data_offsets":[0,4]}}""", "a dimension of 4294967296")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}}""", "not two offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4]}}""", "has no data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":"4","data_offsets":[0,4]}}""", "cannot be understood")]
    [TestCase(
        """{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,4]}}""",
        "holds Q4; what can be read here are F32, F64, I32, U8, F16,")]
    [TestCase(
        """{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""",
        "cannot be understood")]
    [TestCase(
        """{"__metadata__":{"n":1},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "cannot be understood")]
    [TestCase(
        """{"__metadata__":{"n":null},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "cannot be understood")]
    [TestCase("""{"a":[[[[[[1]]]]]]}""", "cannot be understood")]
    [TestCase("""{"a":4}""", "cannot be understood")]
    [TestCase("""{"a":""", "cannot be understood")]
    [TestCase("""[]""", "does not begin with {")]
    [TestCase("", "does not begin with {")]
    public void A_header_that_lies_is_refused(string header, string message) =>
        Assert.That(
            () => Read(header, 1, 2, 3, 4),
            Throws.TypeOf<ModelFileException>().With.Message.Contains(message).And.Message.Contains("a.safetensors"));

    [TestCase(new byte[0], "ends after 0 bytes")]
    [TestCase(new byte[] { 1, 2, 3 }, "ends after 3 bytes")]
    [TestCase(new byte[] { 9, 0, 0, 0, 0, 0, 0, 0, (byte)'{' }, "would be 9 bytes long in a file of 9")]
    [TestCase(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "would be 18446744073709551615 bytes")]
    public void A_header_longer_than_the_file_is_refused(byte[] bytes, string message) =>
        Assert.That(
            () => Safetensors.Read(new MemoryStream(bytes), "a.safetensors"),
            Throws.TypeOf<ModelFileException>().With.Message.Contains(message));

    [Test]
    public void A_file_that_cannot_be_written_leaves_the_former_one_and_nothing_else()
    {
        Safetensors.Save(Model, [new("a", Tensor.Scalar(1f))]);
        byte[] former = File.ReadAllBytes(Model);

        Assert.That(
            () => WholeFile.Write(Model, stream =>
            {
                stream.Write([1, 2, 3]);
                throw new IOException("No space left on device.");
            }),
            Throws.TypeOf<EngineException>()
                .With.Message.EqualTo($"{Model} cannot be written: No space left on device."));
        Assert.That(File.ReadAllBytes(Model), Is.EqualTo(former));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { Model }));
    }

    [Test]
    public void Saving_into_a_missing_folder_or_over_a_folder_is_a_clear_error()
    {
        Assert.That(
            () => Safetensors.Save(_folder.File("missing/model"), []),
            Throws.TypeOf<EngineException>().With.Message.Contains($"there is no folder {_folder.File("missing")}"));
        Assert.That(
            () => Safetensors.Save(_folder.Path, []),
            Throws.TypeOf<EngineException>().With.Message.Contains("it is a folder"));
    }

    [Test, Platform("Linux")]
    public void Saving_into_a_folder_that_is_not_writable_is_a_clear_error() =>
        Assert.That(
            () => Safetensors.Save("/proc/model.safetensors", []),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("/proc/model.safetensors cannot be written: "));

    [Test]
    public void A_name_given_twice_or_reserved_is_refused()
    {
        Tensor tensor = Tensor.Scalar(1f);

        Assert.That(
            () => Safetensors.Save(Model, [new("a", tensor), new("a", tensor)]),
            Throws.TypeOf<EngineException>().With.Message.EqualTo("Two tensors to save are named 'a'."));
        Assert.That(
            () => Safetensors.Save(Model, [new("__metadata__", tensor)]),
            Throws.TypeOf<EngineException>().With.Message.Contains("safetensors uses that name itself"));
    }

    [Test]
    public void A_missing_file_is_named()
    {
        Assert.That(
            () => Safetensors.Load(Model),
            Throws.TypeOf<EngineException>().With.Message.EqualTo($"There is no file {Model}."));
        Assert.That(
            () => Safetensors.Load(_folder.Path),
            Throws.TypeOf<EngineException>().With.Message.StartsWith($"{_folder.Path} cannot be read: "));
    }

    private static SafetensorsFile Read(string header, params byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        return Safetensors.Read(new MemoryStream([.. length, .. text, .. data]), "a.safetensors");
    }
}
