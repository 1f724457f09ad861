using System.Buffers.Binary;
using System.Text;
using Engine.IO;

namespace Engine.Tests.IO;

/// <summary>
/// Every type of the two formats is read to the value that its definition gives. Types that tensors cannot hold are
/// refused by name, not as damage.
/// </summary>
public class StoredTypeTests
{
    private const double NaN = double.NaN, Infinite = double.PositiveInfinity;
    private const double SmallestHalf = 1.0 / (1 << 24), SmallestE4M3 = 1.0 / (1 << 9), SmallestE5M2 = 1.0 / (1 << 16);

    // The values are those of IEEE 754, arXiv 2209.05433 (tables 1 and 2) and OCP's MX 1.0 (table 1).
    private static readonly (string Safetensors, string? Npy, string Hex, double[] Values, DType DType)[] s_types =
    [
        ("F64", "f8", "000000000000f03f 0000000000000080", [1, -0.0], DType.Float64),
        ("F32", "f4", "0000803f 000080ff 01000000", [1, -Infinite, float.Epsilon], DType.Float32),
        ("F16", "f2", "003c 00c0 ff7b 007c 007e 0100", [1, -2, 65504, Infinite, NaN, SmallestHalf], DType.Float16),
        ("BF16", null, "803f 49c0 80ff c07f 0100", [1, -3.140625, -Infinite, NaN, 9.183549615799121e-41],
            DType.BFloat16),
        ("F8_E4M3", null, "00 80 38 b8 7e fe 7f ff 01 07 08 40",
            [0, -0.0, 1, -1, 448, -448, NaN, NaN, SmallestE4M3, 7 * SmallestE4M3, 8 * SmallestE4M3, 2], DType.Float32),
        ("F8_E5M2", null, "00 3c bc 7b 7c fc 7e 01 03 04",
            [0, 1, -1, 57344, Infinite, -Infinite, NaN, SmallestE5M2, 3 * SmallestE5M2, 4 * SmallestE5M2],
            DType.Float32),
        ("F8_E8M0", null, "7f 80 7e 00 fe ff", [1, 2, 0.5, 5.877471754111438e-39, 1.7014118346046923e38, NaN],
            DType.Float32),
        ("I64", "i8", "0100000000000000 00000080ffffffff 0000008000000000", [1, int.MinValue, 1L << 31],
            DType.Int64),
        ("I32", "i4", "00000080 ffffff7f", [int.MinValue, int.MaxValue], DType.Int32),
        ("I16", "i2", "0080 ff7f ffff", [-32768, 32767, -1], DType.Int32),
        ("I8", "i1", "80 7f ff", [-128, 127, -1], DType.Int32),
        ("U64", "u8", "0100000000000000 ffffff7f00000000", [1, int.MaxValue], DType.Int64),
        ("U32", "u4", "01000000 ffffffff", [1, uint.MaxValue], DType.Int64),
        ("U16", "u2", "ffff 0100", [65535, 1], DType.Int32),
        ("U8", "u1", "ff 00 07", [255, 0, 7], DType.UInt8),
        ("BOOL", "b1", "01 00 07", [1, 0, 1], DType.Bool),
    ];

    private static IEnumerable<TestCaseData> Types() => s_types.Select(type => new TestCaseData(
        type.Safetensors, type.Npy, type.Hex, type.Values, type.DType).SetArgDisplayNames(type.Safetensors));

    [TestCaseSource(nameof(Types))]
    public void Every_type_is_read(string safetensors, string? npy, string hex, double[] values, DType dtype)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        int size = bytes.Length / values.Length;

        AssertIs(ReadSafetensors(safetensors, $"{values.Length}", bytes), $"({values.Length})");
        AssertIs(ReadSafetensors(safetensors, $"1,{values.Length},1", bytes), $"(1, {values.Length}, 1)");
        Assert.That(ReadSafetensors(safetensors, "0,3", []).Shape.Count, Is.Zero);
        if (npy is not null)
        {
            byte[] bigEndian = [.. bytes.Chunk(size).SelectMany(element => element.Reverse())];
            AssertIs(ReadNpz($"<{npy}", $"({values.Length},)", bytes), $"({values.Length})");
            AssertIs(ReadNpz($">{npy}", $"({values.Length},)", bigEndian), $"({values.Length})");
            AssertIs(ReadNpz($"<{npy}", $"({values.Length}, 1)", bytes, isFortran: true), $"({values.Length}, 1)");
        }

        void AssertIs(Tensor read, string shape)
        {
            Assert.That($"{read.DType} {read.Shape}", Is.EqualTo($"{dtype} {shape}"));
            Assert.That(
                read.Cast(DType.Float64).AsSpan<double>().ToArray().Select(Bits), Is.EqualTo(values.Select(Bits)));
        }

        // Keeps the sign of zeros, but not of NaN.
        static long Bits(double value) => BitConverter.DoubleToInt64Bits(double.IsNaN(value) ? double.NaN : value);
    }

    // All 256 values of each, computed from their bits: sign, exponent, mantissa.
    [TestCase("F8_E4M3", 4, 3, 7)]
    [TestCase("F8_E5M2", 5, 2, 15)]
    public void Floats_of_8_bits_are_what_their_bits_say(string type, int exponents, int mantissas, int bias)
    {
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        float[] read = ReadSafetensors(type, "256", bytes).AsSpan<float>().ToArray();
        for (int i = 0; i < 256; i++)
        {
            int exponent = (i >> mantissas) & ((1 << exponents) - 1), mantissa = i & ((1 << mantissas) - 1);
            double fraction = (double)mantissa / (1 << mantissas);
            double size = exponent == 0
                ? fraction * Math.Pow(2, 1 - bias)
                : (1 + fraction) * Math.Pow(2, exponent - bias);
            bool isLast = exponent == (1 << exponents) - 1;
            size = !isLast ? size
                : type == "F8_E5M2" ? mantissa == 0 ? Infinite : NaN
                : mantissa == 7 ? NaN : size;

            Assert.That((double)read[i], Is.EqualTo(i < 128 ? size : -size), $"0x{i:x2}");
        }
    }

    [TestCase("U64", "<u8", "ffffffffffffffff", "18446744073709551615")]
    [TestCase("U64", "<u8", "0000000000000080", "9223372036854775808")]
    public void A_value_that_does_not_fit_is_named_with_its_place(string type, string npy, string hex, string value)
    {
        byte[] bytes = Convert.FromHexString(hex);
        byte[] two = [.. new byte[bytes.Length], .. bytes];
        string message = $"it holds {value}, and integers here have a sign and 64 bits (element 1 of ";

        Assert.That(() => ReadSafetensors(type, "2", two), Throws.TypeOf<ModelFileException>()
            .With.Message.StartsWith($"a.safetensors: the tensor 'a' cannot be read: {message}"));
        Assert.That(() => ReadNpz(npy, "(2,)", two), Throws.TypeOf<ModelFileException>()
            .With.Message.StartsWith($"a.npz: 'a.npy' cannot be read: {message}"));
    }

    [TestCase("C64", 8, "C64 are complex numbers; save the real and the imaginary part.")]
    [TestCase("F4", 1, "F4 are packed, several to a byte; save them as F16.")]
    [TestCase("F6_E2M3", 1, "F6_E2M3 are packed, several to three bytes; save them as F16.")]
    [TestCase("Q8", 1, "U16, BOOL.")]
    public void A_type_of_safetensors_that_cannot_be_read_is_said_to_be_what_it_is(
        string type, int bytes, string message) => Assert.That(
        () => ReadSafetensors(type, "1", new byte[bytes]),
        Throws.TypeOf<ModelFileException>().With.Message.StartsWith(
            $"a.safetensors: the tensor 'a' cannot be read: it holds {type}; what can be read here are F32,")
            .And.Message.EndsWith(message));

    [TestCase("'<c8'", "'c' are complex numbers; save the real and the imaginary part.")]
    [TestCase("'>c16'", "'c' are complex numbers; save the real and the imaginary part.")]
    [TestCase("'|O'",
        "'O' are Python objects, which only Python can make; save arrays of numbers, or of texts by x.astype(str).")]
    [TestCase("'<U5'", "'U' are texts; save numbers.")]
    [TestCase("'|S3'", "'S' are bytes; save numbers.")]
    [TestCase("'<M8[ns]'", "'M' are dates; save numbers.")]
    [TestCase("'<m8[s]'", "'m' are spans of time; save numbers.")]
    [TestCase("'<f16'", "'f' are floats of a machine's own length; save them as float64.")]
    [TestCase("'|V4'", "'V' are raw bytes; save numbers.")]
    [TestCase(
        "[('x', '<f4'), ('y', '<i4')]",
        "its elements have fields, [('x', '<f4'), ('y', '<i4')]: save each field as an array of its own, as "
        + "numpy.savez(path, a=x['a'], b=x['b']).")]
    public void An_array_that_cannot_be_read_is_said_to_be_what_it_is(string descr, string message) => Assert.That(
        () => ReadNpz(descr, "(1,)", new byte[8]),
        Throws.TypeOf<ModelFileException>().With.Message.StartsWith("a.npz: 'a.npy' cannot be read: it")
            .And.Message.EndsWith(message));

    [TestCase("93 4e554d5059 0100", "a single array, as numpy.save writes it; numpy.savez(path, name=array) names it")]
    [TestCase("504b0304 14000000", "a zip file, as .npz files are, and those of torch.save")]
    [TestCase("89484446 0d0a1a0a", "an HDF5 file, as those of Keras")]
    [TestCase("8004 950000000000", "a pickle, which runs code when it is read")]
    [TestCase("1f8b 080000000000", "a gzip file; unpack it")]
    [TestCase("ffd8ffe0 00104a46", "a picture")]
    [TestCase("7b2265706f636822 3a31", "JSON text")]
    [TestCase("3c21444f43545950 453e", "a web page; download the file itself")]
    [TestCase(
        "76657273696f6e20 68747470733a2f2f 6769742d6c6673 2e", "a pointer of Git LFS; git lfs pull brings the file")]
    public void A_file_of_another_kind_is_said_to_be_one(string hex, string what)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.That(() => Safetensors.Read(new MemoryStream(bytes), "a"), Throws.TypeOf<ModelFileException>()
            .With.Message.EqualTo($"a is not a whole safetensors file: it is {what}."));
        Assert.That(() => Npz.Read(new MemoryStream(bytes), "a"), Throws.TypeOf<ModelFileException>()
            .With.Message.EqualTo($"a is not a whole npz file: it is {what}."));
    }

    [Test]
    public void A_safetensors_file_called_npz_is_said_to_be_one()
    {
        using var folder = new TempFolder();
        Safetensors.Save(folder.File("a"), [new("b", Tensor.Scalar(1f))]);
        File.Move(folder.File("a"), folder.File("a.npz"));

        Assert.That(() => Parameters.Load(folder.File("a.npz")), Throws.TypeOf<ModelFileException>()
            .With.Message.EndsWith("a.npz is not a whole npz file: it is a safetensors file."));
    }

    [TestCase("1099511627776", "the tensor 'a' has a dimension of 1099511627776, and 2147483647 is the longest here")]
    [TestCase("1.5", "the tensor 'a' has a dimension that is no whole number")]
    [TestCase("99999999999999999999", "the tensor 'a' has a dimension that is no whole number")]
    public void A_dimension_that_is_too_long_is_named(string dimension, string message) => Assert.That(
        () => ReadSafetensors("U8", dimension, [1]),
        Throws.TypeOf<ModelFileException>().With.Message.Contains($"cannot be understood ({message})"));

    [Test]
    public void What_is_passed_over_by_name_need_not_be_readable()
    {
        byte[] file = SafetensorsFileOf("""
            {"bn1.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[0,8]},
            "q.scale":{"dtype":"C64","shape":[1],"data_offsets":[8,16]},
            "w":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}
            """, [255, 255, 255, 255, 255, 255, 255, 127, .. new byte[8], 0, 0, 0x80, 0x3f]);
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("a"), file);

        SafetensorsFile read = Parameters.LoadAll(folder.File("a"), ["*.num_batches_tracked", "q.?cale"]);

        Assert.That(read.Tensors.Keys, Is.EqualTo(new[] { "w" }));
        Assert.That(read.Ignored, Is.EqualTo(new[] { "bn1.num_batches_tracked", "q.scale" }));
        Assert.That(() => Parameters.Load(folder.File("a"), ["*.num_batches"]), Throws.TypeOf<ModelFileException>());
    }

    [Test]
    public void A_hash_covers_what_is_passed_over_too()
    {
        using var folder = new TempFolder();
        KeyValuePair<string, Tensor>[] saved = [new("a", Tensor.Scalar(1f)), new("b", Tensor.Scalar(2f))];
        Safetensors.Save(folder.File("a"), saved);
        Npz.Save(folder.File("a.npz"), saved);

        Assert.That(Parameters.Load(folder.File("a"), ["a"]).Keys, Is.EqualTo(new[] { "b" }));
        Assert.That(Parameters.Load(folder.File("a.npz"), ["a"]).Keys, Is.EqualTo(new[] { "b" }));
        byte[] bytes = File.ReadAllBytes(folder.File("a"));
        bytes[^5] ^= 1;
        File.WriteAllBytes(folder.File("a"), bytes);
        Assert.That(() => Parameters.Load(folder.File("a"), ["a"]), Throws.TypeOf<ModelFileException>());
    }

    [Test]
    public void What_a_packer_adds_to_an_archive_is_passed_over()
    {
        byte[] array = Npy("'<f4'", "()", isFortran: false, [0, 0, 0x80, 0x3f]);
        MemoryStream zip = TestZip.Of(
            ("arr_0.npy", array), ("__MACOSX/._arr_0.npy", [1]), (".DS_Store", [1]), ("Thumbs.db", [1]),
            ("desktop.ini", [1]), ("folder/", []), (".W.npy", array));

        Assert.That(Npz.Read(zip, "a.npz").Keys, Is.EqualTo(new[] { "arr_0", ".W" }));
    }

    private static Tensor ReadSafetensors(string type, string shape, byte[] data) => Safetensors.Read(
        new MemoryStream(SafetensorsFileOf(
            $$$"""{"a":{"dtype":"{{{type}}}","shape":[{{{shape}}}],"data_offsets":[0,{{{data.Length}}}]}}""", data)),
        "a.safetensors").Tensors["a"];

    private static byte[] SafetensorsFileOf(string header, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        return [.. length, .. text, .. data];
    }

    private static Tensor ReadNpz(string descr, string shape, byte[] data, bool isFortran = false)
    {
        string quoted = descr.Contains('\'', StringComparison.Ordinal) ? descr : $"'{descr}'";
        return Npz.Read(TestZip.Of(("a.npy", Npy(quoted, shape, isFortran, data))), "a.npz")["a"];
    }

    private static byte[] Npy(string descr, string shape, bool isFortran, byte[] data)
    {
        byte[] text = Encoding.ASCII.GetBytes(
            $"{{'descr': {descr}, 'fortran_order': {isFortran}, 'shape': {shape}, }}");
        return [.. NpyHeader.Mark, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. text, .. data];
    }
}
