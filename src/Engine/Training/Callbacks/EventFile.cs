using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Writes a file of events for TensorBoard: figures by name and step. The file is a sequence of records. A record is a
/// length (eight bytes), a masked CRC-32C of the length, the event, and a masked CRC-32C of the event (TensorFlow's
/// TFRecord format, tensorflow/core/lib/io/record_writer.h). An event is a protocol buffer
/// (tensorflow/core/util/event.proto). An event is in the file when the call that writes it returns. Any number of
/// threads may write.
/// </summary>
public sealed class EventFile : IDisposable
{
    private readonly Lock _writing = new();
    private readonly FileStream _stream;
    private bool _isDisposed;
    private readonly TimeProvider _time;

    /// <summary>Creates a new file in a folder. The folder is created if it does not exist.</summary>
    /// <param name="folder">The folder for TensorBoard: <c>tensorboard --logdir</c> shows all files below it.</param>
    /// <param name="time">Gives the time of each event. The default is the machine's clock.</param>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    public EventFile(string folder, TimeProvider? time = null)
    {
        PathKinds.RequireName(folder);
        _time = time ?? TimeProvider.System;
        try
        {
            Directory.CreateDirectory(folder);
            _stream = Create(folder, _time.GetUtcNow().ToUnixTimeSeconds());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"No TensorBoard events can be written to {folder}: {error.Message}", error);
        }

        Write(Event(step: 0, [(3 << 3) | LengthDelimited, .. Text("brain.Event:2")]));
    }

    /// <summary>Gets the file's path.</summary>
    public string Path => _stream.Name;

    /// <summary>Writes figures that belong to one step.</summary>
    /// <param name="step">An epoch's or a batch's number.</param>
    /// <param name="figures">
    /// The figures by name. TensorBoard groups names with the same word before a slash: <c>loss/train</c>. The values
    /// are stored as float32.
    /// </param>
    /// <exception cref="EngineException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Write(long step, params ReadOnlySpan<(string Name, double Value)> figures)
    {
        var summary = new List<byte>();
        foreach ((string name, double value) in figures)
        {
            byte[] simpleValue = new byte[sizeof(float)];
            BinaryPrimitives.WriteSingleLittleEndian(simpleValue, (float)value);
            byte[] one = [(1 << 3) | LengthDelimited, .. Text(name), (2 << 3) | FourBytes, .. simpleValue];
            summary.AddRange([(1 << 3) | LengthDelimited, .. Number(one.Length), .. one]);
        }

        Write(Event(step, [(5 << 3) | LengthDelimited, .. Number(summary.Count), .. summary]));
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        lock (_writing)
        {
            _isDisposed = true;
            _stream.Dispose();
        }
    }

    // The wire types of protocol buffers.
    private const int EightBytes = 1;
    private const int LengthDelimited = 2;
    private const int FourBytes = 5;

    /// <summary>
    /// Creates a file with a name as TensorFlow gives it. A number at its end distinguishes files of the same second.
    /// </summary>
    private static FileStream Create(string folder, long seconds)
    {
        for (int number = 0; ; number++)
        {
            string name = string.Create(
                CultureInfo.InvariantCulture,
                $"events.out.tfevents.{seconds:D10}.{Environment.MachineName}.{Environment.ProcessId}.{number}");
            string path = System.IO.Path.Combine(folder, name);
            try
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another network created its file in the same second.
            }
        }
    }

    /// <summary>Encodes an event: its time, its step and its content.</summary>
    private byte[] Event(long step, ReadOnlySpan<byte> what)
    {
        byte[] wallTime = new byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(wallTime, _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        return [(1 << 3) | EightBytes, .. wallTime, 2 << 3, .. Number(step), .. what];
    }

    private void Write(byte[] message)
    {
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)message.Length);
        lock (_writing)
        {
            Append([.. length, .. MaskedCrc(length), .. message, .. MaskedCrc(message)]);
        }
    }

    private void Append(byte[] record)
    {
        if (_isDisposed)
        {
            throw new ObjectDisposedException(
                nameof(EventFile),
                $"The file of events {Path} was closed: write before it is disposed of, or begin another.");
        }

        try
        {
            _stream.Write(record);
            _stream.Flush();
        }
        catch (IOException error)
        {
            throw new EngineException($"{Path} cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Computes a rotated and shifted CRC-32C, because a CRC of data that contains CRCs is weak.</summary>
    private static byte[] MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        byte[] masked = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(masked, BitOperations.RotateRight(~crc, 15) + 0xA282EAD8);
        return masked;
    }

    private static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [.. Number(bytes.Length), .. bytes];
    }

    /// <summary>
    /// Encodes a number as a varint: groups of seven bits, the lowest first. All except the last have the eighth bit
    /// set.
    /// </summary>
    private static List<byte> Number(long number)
    {
        var bytes = new List<byte>();
        ulong rest = (ulong)number;
        for (; rest > 0x7F; rest >>= 7)
        {
            bytes.Add((byte)(rest | 0x80));
        }

        bytes.Add((byte)rest);
        return bytes;
    }
}
