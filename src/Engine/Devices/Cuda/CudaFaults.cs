using System.Buffers.Binary;

namespace Engine.Devices.Cuda;

/// <summary>
/// Where kernels report a value that they cannot work with, an index outside an array for one: two integers on the GPU,
/// the number of a message (0: nothing is wrong) and the value. The first report stands until it is thrown.
/// </summary>
internal sealed class CudaFaults(ulong address, Storage? storage)
{
    public const int Bytes = 8;

    private readonly List<Func<int, string>> _messages = [];

    public ulong Address => address;

    /// <summary>The number that stands for a message.</summary>
    public int Add(Func<int, string> message)
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
            int value = BinaryPrimitives.ReadInt32LittleEndian(report[4..]);
            report.Clear();
            storage.Write(report);
            throw new EngineException(_messages[code - 1](value));
        }
    }
}
