using System.Text;
using Engine.IO;
using NumSharp;

namespace Engine.Tests.IO;

/// <summary>NumPy's files, compared with the results of NumSharp, which reads and writes them too.</summary>
public class NpzTests
{
    private static readonly KeyValuePair<string, Tensor>[] s_tensors =
    [
        new("conv1.W", Tensor.From([float.NaN, -0f, float.Epsilon, float.NegativeInfinity, 1, 2], 1, 2, 3)),
        new("doubles", Tensor.From([Math.PI, double.MaxValue])),
        new("labels", Tensor.From([int.MinValue, 0, int.MaxValue], 3, 1)),
        new("pixels", Tensor.From(new byte[] { 0, 255, 7 })),
        new("Größe", Tensor.Scalar(42)),
        new("empty", new Tensor(DType.Float32, [0, 5])),
    ];

    private TempFolder _folder = null!;

    private string Model => _folder.File("model.npz");

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Every_dtype_and_shape_comes_back_in_its_order_and_with_its_bits([Values] bool isCompressed)
    {
        Npz.Save(Model, s_tensors, isCompressed);
        OrderedDictionary<string, Tensor> loaded = Npz.Load(Model);

        Assert.That(loaded.Keys, Is.EqualTo(s_tensors.Select(pair => pair.Key)));
        foreach ((string name, Tensor tensor) in s_tensors)
        {
            Assert.That(loaded[name].TypeText, Is.EqualTo(tensor.TypeText));
            Assert.That(loaded[name].Bytes.SequenceEqual(tensor.Bytes), name);
        }
    }

    [Test]
    public void The_same_tensors_make_the_same_file_and_stored_ones_stand_in_it_as_they_are()
    {
        Npz.Save(Model, s_tensors);
        byte[] first = File.ReadAllBytes(Model);
        Npz.Save(Model, s_tensors);

        Assert.That(File.ReadAllBytes(Model), Is.EqualTo(first));
        Assert.That(first.AsSpan().IndexOf(s_tensors[0].Value.Bytes), Is.Positive);
    }

    [Test]
    public void NumSharp_reads_what_is_written([Values] bool isCompressed)
    {
        Npz.Save(Model, s_tensors[..4], isCompressed);
        using var file = np.load_npz(Model);

        Assert.That(file["conv1.W"].shape, Is.EqualTo(new long[] { 1, 2, 3 }));
        Assert.That(file["conv1.W"].ToArray<float>(), Is.EqualTo(s_tensors[0].Value.AsSpan<float>().ToArray()));
        Assert.That(file["doubles"].ToArray<double>(), Is.EqualTo(new[] { Math.PI, double.MaxValue }));
        Assert.That(file["labels"].shape, Is.EqualTo(new long[] { 3, 1 }));
        Assert.That(file["labels"].ToArray<int>(), Is.EqualTo(new[] { int.MinValue, 0, int.MaxValue }));
        Assert.That(file["pixels"].ToArray<byte>(), Is.EqualTo(new byte[] { 0, 255, 7 }));
    }

    [Test]
    public void What_NumSharp_writes_is_read([Values] bool isCompressed)
    {
        NDArray weights = np.arange(24).astype(np.float32).reshape(2, 3, 4);
        NDArray biases = np.array(new[] { 1.5, -2 }), counts = np.array(new long[] { 7, -8 });
        if (isCompressed)
        {
            np.savez_compressed(Model, weights, biases, counts);
        }
        else
        {
            np.savez(Model, weights, biases, counts);
        }

        OrderedDictionary<string, Tensor> loaded = Npz.Load(Model);

        Assert.That(loaded.Keys, Is.EqualTo(new[] { "arr_0", "arr_1", "arr_2" }));
        Assert.That(loaded["arr_0"].TypeText, Is.EqualTo("float32 (2, 3, 4)"));
        Assert.That(loaded["arr_0"].AsSpan<float>().ToArray(), Is.EqualTo(Enumerable.Range(0, 24)));
        Assert.That(loaded["arr_1"].AsSpan<double>().ToArray(), Is.EqualTo(new[] { 1.5, -2 }));
        Assert.That(loaded["arr_2"].AsSpan<long>().ToArray(), Is.EqualTo(new[] { 7L, -8 }));
    }

    [TestCase("'<f4'", new byte[] { 0, 0, 0x80, 0x3f }, 1.0)]
    [TestCase("'>f4'", new byte[] { 0x3f, 0x80, 0, 0 }, 1.0)]
    [TestCase("'<f2'", new byte[] { 0, 0xc0 }, -2.0)]
    [TestCase("'>f8'", new byte[] { 0xbf, 0xf0, 0, 0, 0, 0, 0, 0 }, -1.0)]
    [TestCase("'|b1'", new byte[] { 1 }, 1.0)]
    [TestCase("'|i1'", new byte[] { 0xfe }, -2.0)]
    [TestCase("'<i2'", new byte[] { 0xfe, 0xff }, -2.0)]
    [TestCase("'<u2'", new byte[] { 0xfe, 0xff }, 65534.0)]
    [TestCase("'>i4'", new byte[] { 0, 0, 1, 0 }, 256.0)]
    [TestCase("'<u4'", new byte[] { 1, 0, 0, 0 }, 1.0)]
    [TestCase("'>i8'", new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, -1.0)]
    [TestCase("\"<u8\"", new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 }, 9.0)]
    public void Elements_of_every_type_are_read(string descr, byte[] element, double value)
    {
        Tensor read = Read($"{{'descr': {descr}, 'fortran_order': False, 'shape': ()}}", element);

        Assert.That(read.Shape, Is.EqualTo(Shape.Scalar));
        Assert.That(NdArray.From(read).Data, Is.EqualTo(new[] { value }));
    }

    [Test]
    public void An_array_in_Fortrans_order_is_brought_to_Cs()
    {
        // x[i, j, k] = 100 i + 10 j + k, the first index changes fastest.
        byte[] elements = [0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121];
        Tensor read = Read("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2), }", elements);

        Assert.That(
            read.AsSpan<byte>().ToArray(),
            Is.EqualTo(new byte[] { 0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121 }));
    }

    [Test]
    public void The_later_versions_of_the_format_are_read([Values(2, 3)] int version) =>
        Assert.That(
            Read("{'shape': (1L,), 'fortran_order': False, 'descr': '|u1'}   \n", [7], version).AsSpan<byte>()[0],
            Is.EqualTo(7));

    [TestCase("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "holds '|O'; what can be read here are f4")]
    [TestCase("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "have fields, [('a', '<f4')]: save")]
    [TestCase("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", "neither True nor False at character 34")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "no whole number")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,)}", "no whole number")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "not what <f4 (2, 3) takes")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647)}", "not what")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647,)}", "4 bytes follow its header")]
    [TestCase("{'descr': '<f4', 'fortran_order': False}", "lacks descr, fortran_order or shape")]
    [TestCase("{'descr': '<f4', 'descr': '<f4'}", "a key twice")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': ()} 1", "something stands behind")]
    [TestCase("{'descr': '<f4', 'fortran_order': False, 'shape': ()", "has no }")]
    [TestCase("", "has no {")]
    public void A_header_that_lies_is_refused(string header, string message) =>
        Assert.That(
            () => Read(header, [255, 255, 255, 255]),
            Throws.TypeOf<ModelFileException>().With.Message.Contains(message).And.Message.Contains("a.npz"));

    [Test]
    public void A_zip_of_something_else_and_something_else_than_a_zip_are_refused()
    {
        Assert.That(
            () => Npz.Read(TestZip.Of(("readme.txt", "hello"u8.ToArray())), "a.npz"),
            Throws.TypeOf<ModelFileException>().With.Message.EqualTo(
                "a.npz is not a whole npz file in 'readme.txt': it is not an array."));
        Assert.That(
            () => Npz.Read(TestZip.Of(("a.npy", "hello"u8.ToArray())), "a.npz"),
            Throws.TypeOf<ModelFileException>());
        Assert.That(
            () => Npz.Read(new MemoryStream("hello"u8.ToArray()), "a.npz"),
            Throws.TypeOf<ModelFileException>().With.Message.StartsWith("a.npz is not a whole npz file: "));
    }

    [Test]
    public void A_changed_element_is_noticed_by_the_check_sum()
    {
        Npz.Save(Model, s_tensors);
        byte[] bytes = File.ReadAllBytes(Model);
        bytes[bytes.AsSpan().IndexOf(s_tensors[0].Value.Bytes) + 1] ^= 4;

        Assert.That(
            () => Npz.Read(new MemoryStream(bytes), "a.npz"),
            Throws.TypeOf<ModelFileException>().With.Message.EqualTo(
                "a.npz is not a whole npz file in 'conv1.W.npy': its check sum is another."));
    }

    [Test]
    public void Two_tensors_of_one_name_are_refused() =>
        Assert.That(
            () => Npz.Save(Model, [s_tensors[0], s_tensors[0]]),
            Throws.TypeOf<EngineException>().With.Message.EqualTo("Two tensors to save are named 'conv1.W'."));

    [Test]
    public void A_file_of_onnx_is_said_to_be_one() => Assert.That(
        () => Parameters.Load("net.onnx"),
        Throws.TypeOf<EngineException>().With.Message.StartsWith("net.onnx is by its name a file of ONNX: "));

    [Test]
    public void The_extension_chooses_the_format()
    {
        Parameters.Save(Model, s_tensors);
        Parameters.Save(_folder.File("model.safetensors"), s_tensors);

        Assert.That(File.ReadAllBytes(Model)[..2], Is.EqualTo("PK"u8.ToArray()));
        Assert.That(Parameters.Load(Model).Keys, Is.EqualTo(s_tensors.Select(pair => pair.Key)));
        Assert.That(Safetensors.Load(_folder.File("model.safetensors")).Tensors, Has.Count.EqualTo(s_tensors.Length));
    }

    private static Tensor Read(string header, byte[] elements, int version = 1)
    {
        byte[] text = Encoding.ASCII.GetBytes(header);
        byte[] length = BitConverter.GetBytes(text.Length)[..(version == 1 ? 2 : 4)];
        byte[] array = [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. text, .. elements];
        return Npz.Read(TestZip.Of(("a.npy", array)), "a.npz")["a"];
    }
}
