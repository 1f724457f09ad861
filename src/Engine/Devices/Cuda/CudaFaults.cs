using System.Buffers.Binary;

namespace Engine.Devices.Cuda;

/// <summary>
/// Where kernels report a value that they cannot work with, an index outside an array for one: on the GPU, the number
/// of a message (0: nothing is wrong), and the value with its place above it. <c>struct Fault</c> of common.cuh is
/// the same.
/// </summary>
internal sealed class CudaFaults(ulong address, Storage? storage)
{
    public const int Bytes = 16;

    private const int ReportOffset = 8;

    private readonly List<Func<int, int, string>> _messages = [];

    public ulong Address => address;

    /// <summary>Returns the number that stands for a message, which is given the value and its place.</summary>
    public int Add(Func<int, int, string> message)
    {
        lock (_messages)
        {
            _messages.Add(message);
            return _messages.Count;
        }
    }

    /// <summary>Throws what was reported, if anything was, and forgets it.</summary>
    /// <exception cref="EngineException">A kernel reported a fault.</exception>
    public void Throw()
    {
        Span<byte> report = stackalloc byte[Bytes];
        storage!.Read(report);
        int code = BinaryPrimitives.ReadInt32LittleEndian(report);
        if (code != 0)
        {
            int value = BinaryPrimitives.ReadInt32LittleEndian(report[ReportOffset..]);
            int place = BinaryPrimitives.ReadInt32LittleEndian(report[(ReportOffset + 4)..]);
            Clear();
            throw new EngineException(Message(code)(value, place));
        }
    }

    private Func<int, int, string> Message(int code)
    {
        lock (_messages)
        {
            return _messages[code - 1];
        }
    }

    /// <summary>
    /// Forgets what was reported. A report is the least of all, so that it begins as the greatest number.
    /// </summary>
    public void Clear()
    {
        Span<byte> nothing = stackalloc byte[Bytes];
        nothing[..ReportOffset].Clear();
        nothing[ReportOffset..].Fill(0xFF);
        storage!.Write(nothing);
    }
}
