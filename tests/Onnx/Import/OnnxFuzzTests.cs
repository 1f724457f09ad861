using System.IO.Compression;
using Engine.Build;
using Engine.IO;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>
/// Damaged files load or are refused with one type of exception, without much memory. The files are ONNX's own tests;
/// ENGINE_ONNX_DAMAGED sets the number of damaged ones.
/// </summary>
public class OnnxFuzzTests
{
    /// <summary>The most bytes that reading one file may allocate: all files here have less than 100 kB.</summary>
    private const long Most = 256 << 20;

    private static int Damaged => int.TryParse(Environment.GetEnvironmentVariable("ENGINE_ONNX_DAMAGED"), out int asked) ? asked : 4000;

    [Test]
    public void A_damaged_file_loads_or_is_refused()
    {
        byte[][] files = [.. Models()];
        var random = new Random(5);
        int loaded = 0, refused = 0;
        long most = 0;
        for (int i = 0; i < Damaged; i++)
        {
            int which = random.Next(files.Length);
            byte[] file = Damage(files[which], files[random.Next(files.Length)], random);
            using var bytes = ModelBytes.Of(file, "damaged.onnx");
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                OnnxModel.Of(bytes, null).Dispose();
                loaded++;
            }
            catch (ModelFileException)
            {
                refused++;
            }
            catch (Exception error)
            {
                Assert.Fail($"file {which}, damage {i}: {error}");
            }

            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.That(most, Is.LessThan(Most), $"file {which}, damage {i}");
        }

        TestContext.Out.WriteLine(InvariantText.Of($"{loaded} loaded, {refused} refused, {most >> 10} KiB at most."));
        Assert.That(refused, Is.GreaterThan(Damaged / 3));
    }

    private static IEnumerable<byte[]> Models()
    {
        string data = Path.Combine(Repository.Root, "tests", "Onnx", "Backend", "Data");
        using ZipArchive tests = ZipFile.OpenRead(Path.Combine(data, "node-tests.zip"));
        foreach (ZipArchiveEntry entry in tests.Entries.Where(entry => entry.Name == "model.onnx"))
        {
            using Stream stream = entry.Open();
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            yield return copy.ToArray();
        }
    }

    private static byte[] Damage(byte[] file, byte[] other, Random random)
    {
        byte[] damaged = [.. file];
        int at = random.Next(damaged.Length);
        switch (random.Next(6))
        {
            case 0:
                return damaged[..at];
            case 1:
                damaged[at] ^= (byte)(1 << random.Next(8));
                return damaged;
            case 2:
                for (int i = random.Next(1, 9); i > 0; i--)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }

                return damaged;
            case 3:
                // A large number in place of a small one.
                return [.. damaged[..at], 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, .. damaged[Math.Min(damaged.Length, at + 1)..]];
            case 4:
                int from = random.Next(other.Length);
                return [.. damaged[..at], .. other[from..random.Next(from, other.Length)], .. damaged[at..]];
            default:
                int end = random.Next(at, damaged.Length);
                return [.. damaged[..at], .. damaged[end..]];
        }
    }
}
