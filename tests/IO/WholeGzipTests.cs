using System.IO.Compression;
using Engine.IO;

namespace Engine.Tests.IO;

public class WholeGzipTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(16)]
    [TestCase(65_552)]
    [TestCase(300_000)]
    public void What_was_packed_comes_out_whether_as_one_piece_or_two(int length)
    {
        byte[] bytes = Bytes(length);

        Assert.That(Unpacked(Packed(bytes)), Is.EqualTo(bytes));
        Assert.That(Unpacked([.. Packed(bytes), .. Packed(bytes)]), Is.EqualTo((byte[])[.. bytes, .. bytes]));
    }

    [Test]
    public void A_file_that_is_cut_off_anywhere_is_told()
    {
        byte[] packed = Packed(Bytes(1000));

        foreach (int length in Enumerable.Range(1, packed.Length - 1))
        {
            Assert.That(() => Unpacked(packed[..length]), Throws.InstanceOf<InvalidDataException>(),
                $"{length} of {packed.Length} bytes");
        }
    }

    [Test]
    public void A_table_that_is_cut_off_is_refused_in_a_sentence()
    {
        using var folder = new TempFolder();
        byte[] packed = Packed(System.Text.Encoding.UTF8.GetBytes(
            "a,y\n" + string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i * 7919 % 4999},{i % 2}\n"))));
        File.WriteAllBytes(folder.File("t.csv.gz"), packed[..(packed.Length / 2)]);

        Assert.That(() => new Engine.Data.Csv(folder.File("t.csv.gz")).Load(),
            Throws.InstanceOf<Engine.Data.DataFormatException>()
            .With.Message.Contains("is damaged: it is packed by gzip and cannot be unpacked"));
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionMode.Compress, leaveOpen: true))
        {
            zip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Unpacked(byte[] packed)
    {
        using var stream = new WholeGzip(new MemoryStream(packed));
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }
}
