using System.Formats.Tar;
using System.IO.Compression;
using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>Small batches, and a temporary folder for each test.</summary>
internal sealed class Batches : IDisposable
{
    public Batches() => Folder = Directory.CreateTempSubdirectory("engine-data-test-").FullName;

    public string Folder { get; }

    /// <summary>Returns reproducible pixels of n images.</summary>
    public static byte[] Pixels(int count, int seed = 0)
    {
        byte[] pixels = new byte[count * 3072];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((i * 31) + (i / 256) + (seed * 7));
        }

        return pixels;
    }

    public static byte[] Binary(byte[] pixels, params int[] labels)
    {
        var rows = new MemoryStream();
        for (int i = 0; i < labels.Length; i++)
        {
            rows.WriteByte((byte)labels[i]);
            rows.Write(pixels, i * 3072, 3072);
        }

        return rows.ToArray();
    }

    /// <summary>Returns three training images in two batches and one test image, as Python's pickles by name.</summary>
    public static Dictionary<string, byte[]> Small() => new()
    {
        ["data_batch_1"] = PickleWriter.Published(Pixels(2, 1), 3, 9),
        ["data_batch_2"] = PickleWriter.Published(Pixels(1, 2), 0),
        ["test_batch"] = PickleWriter.Published(Pixels(1, 3), 7),
    };

    /// <summary>Writes images in ten classes into a folder in CIFAR-10's format, and returns the folder.</summary>
    public static string WriteFolder(string folder, int train, int test)
    {
        string batches = Directory.CreateDirectory(Path.Combine(folder, "cifar-10-batches-py")).FullName;
        File.WriteAllBytes(Path.Combine(batches, "data_batch_1"), Batch(train));
        File.WriteAllBytes(Path.Combine(batches, "test_batch"), Batch(test));
        return folder;

        static byte[] Batch(int images) =>
            PickleWriter.Published(Pixels(images), [.. Enumerable.Range(0, images).Select(image => image % 10)]);
    }

    public string Write(string name, byte[] content)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public Batches With(IEnumerable<KeyValuePair<string, byte[]>> files, string folder = "")
    {
        foreach ((string name, byte[] content) in files)
        {
            Write(Path.Combine(folder, name), content);
        }

        return this;
    }

    public static byte[] Archive(IEnumerable<KeyValuePair<string, byte[]>> files, params TarEntry[] more) =>
        Archive("cifar-10-batches-py", files, more);

    public static byte[] Archive(string folder, IEnumerable<KeyValuePair<string, byte[]>> files, params TarEntry[] more)
    {
        var bytes = new MemoryStream();
        using (var zipped = new GZipStream(bytes, CompressionLevel.Fastest))
        using (var tar = new TarWriter(zipped, TarEntryFormat.Ustar))
        {
            tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, folder + "/"));
            foreach ((string name, byte[] content) in files)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, $"{folder}/{name}")
                {
                    DataStream = new MemoryStream(content),
                });
            }

            foreach (TarEntry entry in more)
            {
                tar.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    /// <summary>Fails unless a set is that of <see cref="Small"/>.</summary>
    public static void AssertSmall(Cifar10Set set)
    {
        Assert.That(set.Train.Images.Shape, Is.EqualTo(Shape.Create(3, 3, 32, 32)));
        Assert.That(set.Train.Images.DType, Is.EqualTo(DType.UInt8));
        Assert.That(set.Train.Images.Bytes.ToArray(), Is.EqualTo(Pixels(2, 1).Concat(Pixels(1, 2))));
        Assert.That(set.Train.Labels.AsSpan<int>().ToArray(), Is.EqualTo(new[] { 3, 9, 0 }));
        Assert.That(set.Test.Images.Bytes.ToArray(), Is.EqualTo(Pixels(1, 3)));
        Assert.That(set.Test.Labels.AsSpan<int>().ToArray(), Is.EqualTo(new[] { 7 }));
        Assert.That(set.IsSynthetic, Is.False);
        Assert.That(set.Notice, Is.Null);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
