using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

/// <summary>Runs launches that no op makes, on their own arrays.</summary>
internal sealed class CudaScratch(CudaDevice device) : IDisposable
{
    /// <summary>
    /// The guard bytes around an array, which no kernel may write; they also determine the alignment of arrays.
    /// </summary>
    private const int Guard = 64;

    private const byte Untouched = 0xFF;

    private readonly CudaDevice _device = device;
    private readonly List<(Storage Storage, int Start, int Bytes)> _arrays = [];

    /// <summary>Uses the device of most tests.</summary>
    public CudaScratch() : this(CudaTestDevice.Open())
    {
    }

    /// <summary>Makes an array with these values.</summary>
    /// <param name="values">The values.</param>
    /// <param name="offset">The bytes by which its address exceeds a multiple of 16.</param>
    public ulong Put<T>(T[] values, int offset = 0) where T : unmanaged
    {
        Tensor tensor = typeof(T) == typeof(int) ? Tensor.From((int[])(object)values)
            : typeof(T) == typeof(double) ? Tensor.From((double[])(object)values)
            : Tensor.From((float[])(object)values);

        // Nothing follows the array, so the double detects reads beyond the end.
        Storage storage = _device.Allocate(tensor.Bytes.Length + offset);
        storage.Write(tensor.Bytes, offset);
        _arrays.Add((storage, offset, tensor.Bytes.Length));
        return CudaDevice.Address(storage) + (ulong)offset;
    }

    /// <summary>Makes an array without writing to it.</summary>
    public ulong Reserve(long bytes, int offset = 0)
    {
        var poison = new byte[bytes + (2 * Guard) + offset];
        Array.Fill(poison, Untouched);
        Storage storage = _device.Allocate(poison.Length);
        storage.Write(poison);
        _arrays.Add((storage, Guard + offset, checked((int)bytes)));
        return CudaDevice.Address(storage) + (ulong)(Guard + offset);
    }

    public void Run(params CudaLaunch[] launches)
    {
        using IProgram program = _device.Link([[_device.Bind(new Given(launches), new StepOperands([], [], null))]]);
        program.Run(1);
    }

    /// <summary>Returns the values of an array; fails if anything was written around it.</summary>
    public double[] Get(ulong address, DType dtype = DType.Float32)
    {
        (Storage storage, int start, int length) = _arrays.Single(
            array => CudaDevice.Address(array.Storage) + (ulong)array.Start == address);
        var bytes = new byte[storage.Bytes];
        storage.Read(bytes);
        Assert.That(bytes.AsSpan(0, start).ContainsAnyExcept(Untouched), Is.False, "wrote before an array");
        Assert.That(bytes.AsSpan(start + length).ContainsAnyExcept(Untouched), Is.False, "wrote beyond an array");
        var tensor = new Tensor(dtype, [length / dtype.Size()]);
        bytes.AsSpan(start, length).CopyTo(tensor.Bytes);
        return NdArray.From(tensor).Data;
    }

    public void Dispose()
    {
        foreach ((Storage storage, _, _) in _arrays)
        {
            storage.Dispose();
        }
    }

    private sealed class Given(CudaLaunch[] launches) : ICudaOp
    {
        public CudaLaunch[] Cuda(CudaStep step) => launches;
    }
}
