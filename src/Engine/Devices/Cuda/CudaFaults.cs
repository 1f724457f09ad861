using System.Buffers.Binary;

namespace Engine.Devices.Cuda;

/// <summary>
/// The memory in which kernels report a value that they cannot work with, for example an index outside an array. It
/// holds the number of a message (0: no fault) and, above it, the value with its index. <c>struct Fault</c> of
/// common.cuh has the same layout.
/// </summary>
internal sealed class CudaFaults(ulong address, Storage? storage)
{
    public const int Bytes = 16;

    private const int ReportOffset = 8;

    private readonly List<Func<int, int, string>> _messages = [];

    public ulong Address => address;

    /// <summary>Returns the number of a message, which receives the value and its index.</summary>
    public int Add(Func<int, int, string> message)
    {
        lock (_messages)
        {
            _messages.Add(message);
            return _messages.Count;
        }
    }

    /// <summary>Throws the reported fault, if there is one, and clears it.</summary>
    /// <exception cref="EngineException">A kernel reported a fault.</exception>
    public void Throw()
    {
        Span<byte> report = stackalloc byte[Bytes];
        storage!.Read(report);
        int code = BinaryPrimitives.ReadInt32LittleEndian(report);
        if (code != 0)
        {
            int value = BinaryPrimitives.ReadInt32LittleEndian(report[ReportOffset..]);
            int index = BinaryPrimitives.ReadInt32LittleEndian(report[(ReportOffset + 4)..]);
            Clear();
            throw new EngineException(Message(code)(value, index));
        }
    }

    private Func<int, int, string> Message(int code)
    {
        lock (_messages)
        {
            return _messages[code - 1];
        }
    }

    /// <summary>Clears the reports. Kernels keep the smallest report, so it begins as the largest number.</summary>
    public void Clear()
    {
        Span<byte> nothing = stackalloc byte[Bytes];
        nothing[..ReportOffset].Clear();
        nothing[ReportOffset..].Fill(0xFF);
        storage!.Write(nothing);
    }
}
