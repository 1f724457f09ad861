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
}
