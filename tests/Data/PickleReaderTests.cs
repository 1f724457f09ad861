using Engine.Data;

namespace Engine.Tests.Data;

public class PickleReaderTests
{
    private static (byte[] Pixels, int[] Labels) Read(byte[] pickle)
    {
        using var batch = CifarBatch.FromPickle(new ByteSource(pickle, "data_batch_1"), CifarLabels.Ten);
        byte[] pixels = new byte[batch.Count * 3072];
        var labels = new int[batch.Count];
        batch.Read(pixels, labels);
        return (pixels, labels);
    }

    private static string ErrorOf(byte[] pickle) =>
        Assert.Throws<DataFormatException>(() => Read(pickle))!.Message;

    private static PickleWriter New(byte protocol = 2) => new PickleWriter().Op(0x80, protocol);

    [Test]
    public void The_published_layout_is_read()
    {
        (byte[] pixels, int[] labels) = Read(PickleWriter.Published(Batches.Pixels(3), 9, 0, 4));

        Assert.That(pixels, Is.EqualTo(Batches.Pixels(3)));
        Assert.That(labels, Is.EqualTo(new[] { 9, 0, 4 }));
    }

    [Test]
    public void What_newer_versions_of_Python_and_NumPy_write_is_read(
        [Values(2, 3, 4, 5)] int protocol, [Values("numpy.core", "numpy._core")] string core)
    {
        (byte[] pixels, int[] labels) = Read(PickleWriter.Python3(protocol, core, Batches.Pixels(2), false, 1, 8));

        Assert.That(pixels, Is.EqualTo(Batches.Pixels(2)));
        Assert.That(labels, Is.EqualTo(new[] { 1, 8 }));
    }

    [Test]
    public void An_array_in_column_order_is_turned([Values(2, 4, 5)] int protocol)
    {
        byte[] rows = Batches.Pixels(2), columns = new byte[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            columns[(i % 3072 * 2) + (i / 3072)] = rows[i];
        }

        Assert.That(Read(PickleWriter.Python3(protocol, "numpy.core", columns, true, 1, 8)).Pixels, Is.EqualTo(rows));
    }

    [TestCase("u1", "|", new byte[] { 2, 7 })]
    [TestCase("i8", "<", new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0 })]
    [TestCase("i4", ">", new byte[] { 0, 0, 0, 2, 0, 0, 0, 7 })]
    public void Labels_may_be_an_array_of_integers(string type, string order, byte[] bytes)
    {
        byte[] pickle = Replaced(pickle => Array(pickle, type, order, bytes, bytes.Length / int.Parse(type[1..])));

        Assert.That(Read(pickle).Labels, Is.EqualTo(new[] { 2, 7 }));
    }

    [Test]
    public void Labels_may_be_NumPy_numbers()
    {
        byte[] pickle = Replaced(pickle =>
        {
            pickle.Op('(');
            foreach (string label in new[] { "\x02", "\x07" })
            {
                DType(pickle.Global("numpy._core.multiarray", "scalar"), "u1", "|").ShortString(label).Op(0x86).Op('R');
            }

            pickle.Op('l');
        });

        Assert.That(Read(pickle).Labels, Is.EqualTo(new[] { 2, 7 }));
    }

    [Test]
    public void Labels_may_be_a_tuple_and_long_integers()
    {
        byte[] pickle = Replaced(pickle => pickle.Op('(').Op(0x8A, 1).Op(2).Op(0x8A, 3).Raw([7, 0, 0]).Op('t'));
        byte[] negative = Replaced(pickle => pickle.Op(0x8A, 1).Op(0xFE).Op(0x8A, 0).Op(0x86));

        Assert.That(Read(pickle).Labels, Is.EqualTo(new[] { 2, 7 }));
        Assert.That(ErrorOf(negative), Does.Contain("label -2"));
    }

    [TestCase("os", "system")]
    [TestCase("builtins", "eval")]
    [TestCase("numpy.core.multiarray", "frombuffer")]
    [TestCase("numpy", "load")]
    public void A_name_that_CIFAR_does_not_need_is_named_in_the_error(string module, string name)
    {
        byte[] old = New().Global(module, name).ShortString("echo").Op(0x85).Op('R').Op('.').ToArray();
        byte[] stacked = New(4).Text(4, module).Text(4, name).Op(0x93).Op('.').ToArray();

        Assert.That(ErrorOf(old), Does.StartWith("data_batch_1: ").And.Contain($"{module}.{name}"));
        Assert.That(ErrorOf(stacked), Does.Contain($"{module}.{name}"));
    }

    [TestCase((byte)'i')]
    [TestCase((byte)'o')]
    [TestCase((byte)'P')]
    [TestCase((byte)'Q')]
    [TestCase((byte)0x81)]
    [TestCase((byte)0x82)]
    [TestCase((byte)0x92)]
    [TestCase((byte)0x97)]
    public void Opcodes_that_make_objects_are_refused(byte opcode) =>
        Assert.That(ErrorOf(New().Op('}').Op(opcode).ToArray()), Does.Contain($"0x{opcode:X2}"));

    [Test]
    public void Protocol_0_is_refused_with_what_to_do() =>
        Assert.That(ErrorOf("(dp0\nS'data'\n."u8.ToArray()), Does.Contain("protocol=2"));

    [Test]
    public void A_later_protocol_is_refused() =>
        Assert.That(ErrorOf(New(6).Op('N').Op('.').ToArray()), Does.Contain("protocol 6"));

    [Test]
    public void A_pickle_cut_off_anywhere_is_an_error()
    {
        byte[] whole = PickleWriter.Published(Batches.Pixels(1), 5);
        for (int length = 0; length < whole.Length; length += length is > 250 and < 3300 ? 97 : 1)
        {
            Assert.That(ErrorOf(whole[..length]), Does.Contain("data_batch_1").And.Contain("cut off").IgnoreCase,
                $"{length}");
        }
    }

    [Test]
    public void Bytes_after_the_end_are_an_error() =>
        Assert.That(ErrorOf([.. PickleWriter.Published(Batches.Pixels(1), 5), 0, 0]), Does.Contain("2 bytes"));

    [TestCase('T', new byte[] { 0xFF, 0xFF, 0xFF, 0xFF })]
    [TestCase('X', new byte[] { 0xFF, 0xFF, 0xFF, 0x7F })]
    [TestCase('B', new byte[] { 0, 0, 0, 0x80 })]
    [TestCase('\x8E', new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF })]
    [TestCase('\x8D', new byte[] { 0, 0, 0, 0, 0, 0, 0, 0x80 })]
    [TestCase('\x96', new byte[] { 0, 0, 0, 0, 1, 0, 0, 0 })]
    [TestCase('\x95', new byte[] { 0, 0, 0, 0, 0, 1, 0, 0 })]
    public void A_length_beyond_the_file_is_an_error_before_anything_is_allocated(char opcode, byte[] length)
    {
        byte[] pickle = New(5).Op(opcode).Raw(length).ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(ErrorOf(pickle), Does.Contain("cut off"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [TestCase(']', 1)]
    [TestCase('}', 1)]
    [TestCase('(', 1)]
    [TestCase('N', 1)]
    [TestCase('2', 1)]
    [TestCase('\x85', 1)]
    [TestCase('h', 2)]
    [TestCase('\x94', 1)]
    public void Bombs_of_many_or_deeply_nested_values_end_early(char opcode, int bytes)
    {
        // A million times the opcode with the argument 0; h recalls the value that q has stored under 0.
        byte[] bomb = new byte[bytes * 1_000_000];
        for (int i = 0; i < bomb.Length; i += bytes)
        {
            bomb[i] = (byte)opcode;
        }

        byte[] pickle = New(4).Op(']').Op('q', 0).Raw(bomb).Op('.').ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(ErrorOf(pickle), Does.StartWith("data_batch_1: "));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 << 20));
    }

    [Test]
    public void A_remembered_text_decoded_again_and_again_takes_memory_once()
    {
        // Each repetition takes 10 bytes and would decode 100,000.
        PickleWriter pickle = New().Global("_codecs", "encode").Op('q', 0)
            .Text(2, new string('x', 100_000)).Op('q', 1).Text(2, "latin1").Op('q', 2);
        for (int i = 0; i < 1000; i++)
        {
            pickle.Op('h', 0).Op('h', 1).Op('h', 2).Op(0x86).Op('R').Op('0');
        }

        byte[] bytes = pickle.Op('.').ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.That(ErrorOf(bytes), Does.Contain("dictionary"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20));
    }

    [Test]
    public void A_list_that_holds_itself_does_no_harm() =>
        Assert.That(ErrorOf(New().Op(']').Op('q', 0).Op('h', 0).Op('a').Op('.').ToArray()), Does.Contain("dictionary"));

    [Test]
    public void A_NumPy_function_called_in_another_way_is_an_error()
    {
        byte[] objects = DType(New(), "O8", "|").Op('.').ToArray();
        byte[] encoded = New().Global("_codecs", "encode").Text(2, "abc").Text(2, "utf-16").Op(0x86).Op('R')
            .Op('.').ToArray();
        byte[] called = New().Global("numpy", "ndarray").Int(1).Op(0x85).Op('R').Op('.').ToArray();
        byte[] built = New().Op(']').Int(1).Op(0x85).Op('b').Op('.').ToArray();

        Assert.That(ErrorOf(objects), Does.Contain("O8"));
        Assert.That(ErrorOf(encoded), Does.Contain("Encode"));
        Assert.That(ErrorOf(called), Does.Contain("NdArray"));
        Assert.That(ErrorOf(built), Does.Contain("state"));
    }

    [TestCase(2, 3071)]
    [TestCase(1, 3072)]
    [TestCase(int.MaxValue, int.MaxValue)]
    [TestCase(-1, 3072)]
    public void A_shape_that_does_not_fit_the_bytes_is_an_error(int rows, int columns)
    {
        byte[] pickle = New().Op('}').Op('(').ShortString("labels").Op(']').ShortString("data").Raw(
            ArrayOf("u1", "|", Batches.Pixels(2), rows, columns)).Op('u').Op('.').ToArray();

        Assert.That(ErrorOf(pickle), Does.Contain("data_batch_1"));
    }

    [Test]
    public void What_is_wrong_with_the_dictionary_is_said()
    {
        byte[] cifar100 = New().Op('}').ShortString("fine_labels").Op(']').Op('s').Op('.').ToArray();
        byte[] wide = New().Op('}').Op('(').ShortString("labels").Op(']').ShortString("data")
            .Raw(ArrayOf("i4", "<", new byte[4 * 3072], 1, 3072)).Op('u').Op('.').ToArray();

        Assert.That(ErrorOf(cifar100), Does.Contain("CIFAR-100"));
        Assert.That(ErrorOf(wide), Does.Contain("int32").And.Contain("(1, 3072)"));
        Assert.That(ErrorOf(New().Op('}').Op('.').ToArray()), Does.Contain("'data'"));
        Assert.That(ErrorOf(Replaced(pickle => pickle.Op(']'))), Does.Contain("0 labels for 2 images"));
        Assert.That(ErrorOf(Replaced(pickle => pickle.Op('N'))), Does.Contain("'labels'"));
        Assert.That(ErrorOf(Replaced(pickle => pickle.Op('(').Op('N').Op('N').Op('l'))), Does.Contain("label 0"));
    }

    [Test]
    public void A_label_over_9_is_an_error_that_names_the_image()
    {
        Assert.That(ErrorOf(PickleWriter.Published(Batches.Pixels(2), 3, 10)),
            Does.Contain("image 1").And.Contain("label 10"));
        Assert.That(ErrorOf(PickleWriter.Published(Batches.Pixels(2), -1, 1)),
            Does.Contain("image 0").And.Contain("label -1"));
    }

    [Test]
    public void Mutated_pickles_give_a_batch_or_the_one_exception_in_bounded_memory()
    {
        byte[][] wholes =
        [
            PickleWriter.Published(Batches.Pixels(2), 3, 9),
            PickleWriter.Python3(2, "numpy.core", Batches.Pixels(1), false, 4),
            PickleWriter.Python3(5, "numpy._core", Batches.Pixels(1), true, 4),
        ];
        var random = new Random(1);
        int read = 0, refused = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < 6000; round++)
        {
            byte[] pickle = Mutate([.. wholes[round % wholes.Length]], random);
            try
            {
                (byte[] pixels, int[] labels) = Read(pickle);
                Assert.That(pixels, Has.Length.EqualTo(labels.Length * 3072));
                Assert.That(labels, Is.All.InRange(0, 9));
                read++;
            }
            catch (DataFormatException e)
            {
                Assert.That(e.Message, Does.StartWith("data_batch_1: "));
                refused++;
            }
        }

        Assert.That(read, Is.GreaterThan(100));
        Assert.That(refused, Is.GreaterThan(1000));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(6000L * 200_000));
    }

    private static byte[] Mutate(byte[] pickle, Random random)
    {
        ReadOnlySpan<byte> opcodes = [.. "(]}tledu0N.RbqhK"u8, 0x85, 0x86, 0x93, 0x94];
        // Most of the bytes are pixels, for which any value is valid, so most changes hit the opcodes around them.
        int At() => random.Next(4) switch
        {
            0 => random.Next(pickle.Length),
            1 => pickle.Length - 1 - random.Next(Math.Min(80, pickle.Length)),
            _ => random.Next(Math.Min(300, pickle.Length)),
        };
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            switch (random.Next(5))
            {
                case 0:
                    pickle[At()] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    pickle[At()] = (byte)random.Next(256);
                    break;
                case 2:
                    pickle = [.. pickle[..^Math.Min(random.Next(40), pickle.Length - 1)]];
                    break;
                case 3:
                    int hole = At();
                    pickle = [.. pickle[..hole], .. pickle[Math.Min(pickle.Length, hole + 1 + random.Next(4))..],
                        (byte)'.'];
                    break;
                default:
                    int position = At();
                    pickle = [.. pickle[..position], opcodes[random.Next(opcodes.Length)], .. pickle[position..]];
                    break;
            }
        }

        return pickle;
    }

    /// <summary>Returns a batch of two images whose labels the action writes.</summary>
    private static byte[] Replaced(Action<PickleWriter> labels)
    {
        PickleWriter pickle =
            New().Op('}').Op('(').ShortString("data").Raw(ArrayOf("u1", "|", Batches.Pixels(2), 2, 3072))
            .ShortString("labels");
        labels(pickle);
        return pickle.Op('u').Op('.').ToArray();
    }

    private static byte[] ArrayOf(string type, string order, byte[] bytes, params int[] shape) =>
        Array(new PickleWriter(), type, order, bytes, shape).ToArray();

    private static PickleWriter Array(PickleWriter pickle, string type, string order, byte[] bytes, params int[] shape)
    {
        pickle.Global("numpy.core.multiarray", "_reconstruct").Global("numpy", "ndarray").Int(0)
            .Op(0x85).ShortString("b")
            .Op(0x87).Op('R').Op('(').Int(1).Op('(');
        foreach (int dimension in shape)
        {
            pickle.Int(dimension);
        }

        return DType(pickle.Op('t'), type, order).Op(0x89).PythonBytes(3, bytes).Op('t').Op('b');
    }

    private static PickleWriter DType(PickleWriter pickle, string type, string order) => pickle
        .Global("numpy", "dtype").ShortString(type).Int(0).Int(1).Op(0x87).Op('R')
        .Op('(').Int(3).ShortString(order).Op('N').Op('N').Op('N').Int(-1).Int(-1).Int(0).Op('t').Op('b');
}
