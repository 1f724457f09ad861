using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Engine.IO;
using Microsoft.Win32.SafeHandles;

namespace Engine.Data.Pictures;

/// <summary>
/// Decoded pictures in a file, one after the other, so that a training can use more pictures than fit in memory, and
/// each is decoded only once, also for later trainings. An index next to it has the facts about each picture and its
/// file. If a file has changed, all pictures are decoded again.
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Facts">The facts about each picture.</param>
/// <param name="IsKept">Whether it existed already.</param>
internal sealed record PictureStore(string Path, PictureFacts[] Facts, bool IsKept)
{
    private const int Version = 1;

    /// <summary>The space that must stay free on the disk.</summary>
    private const long Spare = 256L << 20;

    /// <summary>Returns the pictures of these files, and decodes them unless they are stored already.</summary>
    /// <param name="cache">The folder for such files.</param>
    /// <param name="name">The name under which the pictures are stored.</param>
    /// <param name="files">The pictures' files.</param>
    /// <param name="size">The side that they are resized to.</param>
    /// <param name="isGray">Whether they are converted to gray.</param>
    /// <param name="threads">The number of pictures that are decoded at once.</param>
    /// <exception cref="EngineException">There is not enough space for them, or the folder cannot be written
    /// to.</exception>
    public static PictureStore Of(
        string cache, string name, IReadOnlyList<string> files, int size, bool isGray, int threads)
    {
        string key = Convert.ToHexStringLower(SHA256.HashData(
            Encoding.UTF8.GetBytes($"{System.IO.Path.GetFullPath(name)}|{size}|{isGray}")).AsSpan(0, 8));
        string path = System.IO.Path.Combine(cache, $"pictures-{key}.bytes"),
            index = System.IO.Path.ChangeExtension(path, ".index");
        int length = size * size * (isGray ? 1 : 3);
        Origin[] origins = [.. files.Select(file => Origin.Of(System.IO.Path.GetFullPath(file)))];
        if (TryRead(index, path, origins, length) is { } known)
        {
            return new PictureStore(path, known, IsKept: true);
        }

        try
        {
            Directory.CreateDirectory(cache);
            RequireRoom(cache, path, (long)length * files.Count);
            PictureFacts[] facts = Decode(path, files, size, isGray, length, threads);
            WholeFile.Write(index, stream => Write(stream, path, origins, facts));
            return new PictureStore(path, facts, IsKept: false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"The decoded pictures cannot be kept in {cache}: {error.Message}", error);
        }
    }

    private static PictureFacts[] Decode(
        string path, IReadOnlyList<string> files, int size, bool isGray, int length, int threads)
    {
        string partial = $"{path}.{Environment.ProcessId}.part";
        var facts = new PictureFacts[files.Count];
        try
        {
            using (SafeFileHandle file = File.OpenHandle(
                partial, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None,
                (long)length * files.Count))
            {
                Parallel.For(0, files.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
                {
                    byte[] pixels = ArrayPool<byte>.Shared.Rent(length);
                    facts[i] = PictureFacts.Read(files[i], size, isGray, pixels.AsSpan(0, length));
                    if (facts[i].Complaint is null)
                    {
                        RandomAccess.Write(file, pixels.AsSpan(0, length), (long)i * length);
                    }

                    ArrayPool<byte>.Shared.Return(pixels);
                });
            }

            File.Move(partial, path, overwrite: true);
            return facts;
        }
        catch (AggregateException errors) when (errors.InnerException is IOException error)
        {
            throw new IOException(error.Message, error);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static void RequireRoom(string cache, string path, long needed)
    {
        long free = new DriveInfo(System.IO.Path.GetFullPath(cache)).AvailableFreeSpace;
        if (free - Spare < needed)
        {
            throw new EngineException(FormattableString.Invariant(
                $"The decoded pictures need {needed / 1e9:F1} GB in {path}, and {free / 1e9:F1} GB are free there: take a smaller size, ")
                + "or name another folder for them in the environment variable XDG_CACHE_HOME.");
        }
    }

    private static void Write(Stream stream, string path, Origin[] origins, PictureFacts[] facts)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(Version);
        writer.Write(File.GetLastWriteTimeUtc(path).Ticks);
        writer.Write(facts.Length);
        for (int i = 0; i < facts.Length; i++)
        {
            PictureFacts one = facts[i];
            writer.Write(origins[i].Path);
            writer.Write(origins[i].Length);
            writer.Write(origins[i].Time);
            writer.Write(one.Width);
            writer.Write(one.Height);
            writer.Write(one.IsGray);
            writer.Write(one.Hash);
            writer.Write(one.Complaint ?? "");
            writer.Write((byte)one.Sums.Length);
            Array.ForEach(one.Sums, writer.Write);
        }
    }

    /// <summary>
    /// Returns the contents of the index if it matches these files and the stored pictures; otherwise null.
    /// </summary>
    private static PictureFacts[]? TryRead(string index, string path, Origin[] origins, int length)
    {
        if (!File.Exists(index) || !File.Exists(path) || new FileInfo(path).Length != (long)length * origins.Length)
        {
            return null;
        }

        try
        {
            using var reader = new BinaryReader(new BufferedStream(File.OpenRead(index), 1 << 16), Encoding.UTF8);
            if (reader.ReadInt32() != Version || reader.ReadInt64() != File.GetLastWriteTimeUtc(path).Ticks
                || reader.ReadInt32() != origins.Length)
            {
                return null;
            }

            var facts = new PictureFacts[origins.Length];
            for (int i = 0; i < facts.Length; i++)
            {
                if (new Origin(reader.ReadString(), reader.ReadInt64(), reader.ReadInt64()) != origins[i])
                {
                    return null;
                }

                (int width, int height, bool isGray) = (reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean());
                (string hash, string complaint) = (reader.ReadString(), reader.ReadString());
                long[] sums = new long[reader.ReadByte()];
                for (int j = 0; j < sums.Length; j++)
                {
                    sums[j] = reader.ReadInt64();
                }

                facts[i] =
                    new PictureFacts(width, height, isGray, hash, complaint.Length == 0 ? null : complaint, sums);
            }

            return facts;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            // It is damaged, or belongs to another program: it can be created again.
            return null;
        }
    }

    /// <summary>Identifies the state of a file, to detect changes.</summary>
    private sealed record Origin(string Path, long Length, long Time)
    {
        public static Origin Of(string path)
        {
            var file = new FileInfo(path);
            return file.Exists ? new Origin(path, file.Length, file.LastWriteTimeUtc.Ticks) : new Origin(path, 0, 0);
        }
    }
}
