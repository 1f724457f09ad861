using System.Diagnostics;
using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>
/// The published pickles themselves, from a folder that a variable names: head.tar.xz with the beginning of each file,
/// and labels.bin with all labels in order.
/// </summary>
public class PublishedDataTests
{
    private const string Variable = "ENGINE_PUBLISHED_DATA";

    private static string Folder => Environment.GetEnvironmentVariable(Variable) ?? "";

    [Test]
    public void The_published_pickles_give_the_published_labels_and_their_cut_form_an_error()
    {
        using var batches = new Batches();
        if (!File.Exists(Path.Combine(Folder, "head.tar.xz")) ||
            !Unpacked(Path.Combine(Folder, "head.tar.xz"), batches.Folder))
        {
            Assert.Ignore(
                $"{Variable} names no folder with head.tar.xz and labels.bin, or there is no python3 to unpack it.");
        }

        // Only the beginning of each batch is there: the labels, and the pixels of a thousand images.
        Assert.That(() => Cifar10.Read(batches.Folder),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("cut off").And.Message.Contains(batches.Folder));

        string[] names = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"];
        foreach (string name in names)
        {
            // The other pixels are black; the end is that of the published files, without the file names.
            string path = Path.Combine(batches.Folder, name);
            byte[] head = File.ReadAllBytes(path);
            byte[] opcode = [(byte)'T', .. BitConverter.GetBytes(30_720_000)];
            int pixels = head.AsSpan().IndexOf(opcode) + opcode.Length;
            using FileStream file = File.OpenWrite(path);
            file.SetLength(pixels + 30_720_000);
            file.Position = file.Length;
            file.Write("tbU\tfilenames](eu."u8);
        }

        Cifar10Set set = Cifar10.Read(batches.Folder);

        byte[] labels = File.ReadAllBytes(Path.Combine(Folder, "labels.bin"));
        int[] read = [.. set.Train.Labels.AsSpan<int>(), .. set.Test.Labels.AsSpan<int>()];
        Assert.That(read.AsSpan().SequenceEqual([.. labels.Select(label => (int)label)]));
        Assert.That((set.Train.Count, set.Test.Count), Is.EqualTo((50_000, 10_000)));
        Assert.That(set.ClassNames[6], Is.EqualTo("frog"));
        // The first image, a frog: its first red pixels, the same in every loader of CIFAR-10.
        Assert.That(set.Train.Images.Bytes[..4].ToArray(), Is.EqualTo(new byte[] { 59, 43, 50, 68 }));
    }

    private static bool Unpacked(string archive, string folder)
    {
        try
        {
            using Process? python = Process.Start(new ProcessStartInfo(
                "python3",
                ["-c", "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])", archive, folder])
            { RedirectStandardError = true });
            python?.StandardError.ReadToEnd();
            python?.WaitForExit();
            return python?.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
