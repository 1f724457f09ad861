using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Bench;

/// <summary>cuBLAS's matrix products of float32, on the same GPU and launched in the same way as ours.</summary>
internal sealed class CuBlasProducts : IDisposable
{
    /// <summary>The number of products in one CUDA graph, so that the time does not include the host.</summary>
    private const int Recorded = 16;

    private readonly CudaDevice _device;
    private readonly StreamHandle _stream;
    private readonly CuBlasHandle _cublas;

    private CuBlasProducts(CudaDevice device)
    {
        _device = device;
        _stream = device.Queue;
        _cublas = new CuBlasHandle(_stream);
        Version = (_cublas.Version / 10000) + "." + (_cublas.Version / 100 % 100);
    }

    /// <summary>Its version: 12.4.</summary>
    public string Version { get; }

    /// <summary>Opens cuBLAS on a GPU; returns null, with a note, if it is not installed.</summary>
    public static CuBlasProducts? Open(CudaDevice device, TextWriter notes)
    {
        if (CuBlas.Failure is { } failure)
        {
            notes.WriteLine($"Products are not compared. {failure.Message}");
            return null;
        }

        return new CuBlasProducts(device);
    }

    /// <summary>Computes a·b, (m, k)·(k, n).</summary>
    public float[] Multiply(Tensor a, Tensor b)
    {
        using var operands = new Operands(this, a, b);
        operands.Enqueue();
        _stream.Synchronize();
        return operands.Product();
    }

    /// <summary>Times a·b, (m, k)·(k, n).</summary>
    /// <param name="a">The left matrix.</param>
    /// <param name="b">The right one.</param>
    /// <param name="math">The permitted rounding.</param>
    public Spread Measure(Tensor a, Tensor b, CuBlasMath math = CuBlasMath.Default)
    {
        _cublas.Math = math;
        using var operands = new Operands(this, a, b);

        // Once outside the graph, because cuBLAS prepares a shape on its first use.
        operands.Enqueue();
        _stream.Synchronize();
        using GraphHandle graph = _device.Record(() =>
        {
            for (int i = 0; i < Recorded; i++)
            {
                operands.Enqueue();
            }
        });
        return Clock.Measure(
            times =>
            {
                for (int i = 0; i < times / Recorded; i++)
                {
                    graph.Launch(_stream);
                }

                _stream.Synchronize();
            },
            Recorded);
    }

    public void Dispose() => _cublas.Dispose();

    /// <summary>Two matrices and their product on the GPU.</summary>
    private sealed class Operands : IDisposable
    {
        private readonly CuBlasProducts _peer;
        private readonly Storage _left, _right, _product;
        private readonly int _m, _k, _n;

        public Operands(CuBlasProducts peer, Tensor a, Tensor b)
        {
            _peer = peer;
            (_m, _k, _n) = (a.Shape[0], a.Shape[1], b.Shape[1]);
            _left = peer._device.Allocate(a.Bytes.Length);
            _right = peer._device.Allocate(b.Bytes.Length);
            _product = peer._device.Allocate((long)_m * _n * sizeof(float));
            _left.Write(a.Bytes);
            _right.Write(b.Bytes);
        }

        public void Enqueue() => _peer._cublas.Gemm(
            _m, _n, _k, CudaDevice.Address(_left), CudaDevice.Address(_right), CudaDevice.Address(_product));

        public float[] Product()
        {
            var values = new Tensor(DType.Float32, [_m, _n]);
            _product.Read(values.Bytes);
            return values.AsSpan<float>().ToArray();
        }

        public void Dispose()
        {
            _left.Dispose();
            _right.Dispose();
            _product.Dispose();
        }
    }
}
