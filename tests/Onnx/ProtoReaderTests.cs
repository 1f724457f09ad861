using System.Runtime.InteropServices;
using Engine.IO;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>The reader of messages reads what the writer writes, and trusts nothing else.</summary>
public class ProtoReaderTests
{
    [TestCase(0L)]
    [TestCase(1L)]
    [TestCase(127L)]
    [TestCase(128L)]
    [TestCase(long.MaxValue)]
    [TestCase(-1L)]
    [TestCase(long.MinValue)]
    public void A_number_is_read_as_it_was_written(long number)
    {
        ProtoReader reader = Reader(new ProtoWriter().Number(3, number));

        Assert.That(reader.Next(), Is.EqualTo(3));
        Assert.That(reader.Number(), Is.EqualTo(number));
        Assert.That(reader.Next(), Is.Zero);
    }

    [Test]
    public void Messages_within_messages_are_read_to_their_ends()
    {
        ProtoReader reader = Reader(new ProtoWriter()
            .Message(1, new ProtoWriter().Text(2, "ä").Number(9, 5)).Text(4, "behind"));

        Assert.That(reader.Next(), Is.EqualTo(1));
        string inner = reader.Message(message =>
        {
            Assert.That(message.Next(), Is.EqualTo(2));
            string text = message.Text();
            Assert.That(message.Next(), Is.EqualTo(9));
            message.Skip();
            Assert.That(message.Next(), Is.Zero);
            return text;
        });
        Assert.That(inner, Is.EqualTo("ä"));
        Assert.That(reader.Next(), Is.EqualTo(4));
        Assert.That(reader.Text(), Is.EqualTo("behind"));
    }

    [Test]
    public void Numbers_are_read_one_by_one_and_packed()
    {
        ProtoReader reader = Reader(new ProtoWriter().Numbers(1, [3, 300]).Bytes(1, [5, 0xAC, 0x02]));
        var numbers = new List<long>();
        while (reader.Next() != 0)
        {
            reader.Numbers(numbers);
        }

        Assert.That(numbers, Is.EqualTo(new long[] { 3, 300, 5, 300 }));
    }

    [TestCase(new byte[] { 0x0A }, TestName = "a length that is missing")]
    [TestCase(new byte[] { 0x0A, 0x05, 1 }, TestName = "a length beyond the end")]
    [TestCase(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 },
        TestName = "a length of 2^64 - 1")]
    [TestCase(new byte[] { 0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 },
        TestName = "a number of eleven bytes")]
    [TestCase(new byte[] { 0x0B }, TestName = "a group")]
    [TestCase(new byte[] { 0x00, 0x01 }, TestName = "field 0")]
    [TestCase(new byte[] { 0x0D, 1, 2, 3 }, TestName = "a float of three bytes")]
    public void What_is_no_message_is_refused(byte[] bytes)
    {
        using ModelBytes model = ModelBytes.Of(bytes, "model");
        var reader = new ProtoReader(model);
        Assert.That(
            () =>
            {
                while (reader.Next() != 0)
                {
                    reader.Skip();
                }
            },
            Throws.TypeOf<ModelFileException>().With.Message.Contains("model"));
    }

    private static ProtoReader Reader(ProtoWriter written) => new(ModelBytes.Of(written.Written.ToArray(), "model"));

    /// <summary>The shape (2), the type, and the numbers 1 and 2: packed, in two parts, one by one.</summary>
    [TestCase("08 02 10 01 22 08 00 00 80 3F 00 00 00 40")]
    [TestCase("08 02 10 01 22 04 00 00 80 3F 22 04 00 00 00 40")]
    [TestCase("08 02 10 01 25 00 00 80 3F 25 00 00 00 40")]
    [TestCase("08 02 10 01 25 00 00 80 3F 22 04 00 00 00 40")]
    [TestCase("08 02 10 0B 52 10 00 00 00 00 00 00 F0 3F 00 00 00 00 00 00 00 40")]
    [TestCase("08 02 10 0B 51 00 00 00 00 00 00 F0 3F 51 00 00 00 00 00 00 00 40")]
    public void Numbers_of_a_tensor_are_read_in_each_encoding(string message) =>
        Assert.That(NdArray.From(Read(message).Values!).Data, Is.EqualTo(new[] { 1.0, 2 }));

    [TestCase("08 02 10 01 22 07 00 00 80 3F 00 00 00")]
    [TestCase("08 02 10 01 25 00 00 80")]
    [TestCase("08 02 10 01 21 00 00 80 3F 00 00 00 40")]
    [TestCase("08 02 10 01 25 00 00 80 3F")]
    public void Numbers_of_a_tensor_that_are_cut_off_or_of_another_size_are_refused(string message) =>
        Assert.That(() => Read(message), Throws.TypeOf<ModelFileException>());

    [Test]
    public void A_long_list_of_numbers_is_in_memory_once()
    {
        float[] numbers = [.. Enumerable.Range(0, 1 << 20).Select(i => (float)i)];
        byte[] message = new ProtoWriter().Number(1, numbers.Length).Number(2, 1)
            .Bytes(4, MemoryMarshal.AsBytes<float>(numbers)).Written.ToArray();
        Read("08 00 10 01");
        long before = GC.GetAllocatedBytesForCurrentThread();
        OnnxTensor tensor = Read(message);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(tensor.Values!.AsSpan<float>().SequenceEqual(numbers));
        Assert.That(allocated, Is.LessThan(1.1 * message.Length));
    }

    private static OnnxTensor Read(string message) =>
        Read(Convert.FromHexString(message.Replace(" ", "", StringComparison.Ordinal)));

    private static OnnxTensor Read(byte[] message)
    {
        using ModelBytes bytes = ModelBytes.Of(message, "made");
        return new OnnxTensorParser(bytes, null).Tensor(new ProtoReader(bytes));
    }
}
