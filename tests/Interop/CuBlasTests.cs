using System.Runtime.InteropServices;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Interop;

/// <summary>The yardstick computes what it claims: row-major products, with the GPU's cuBLAS or the double's.</summary>
public sealed class CuBlasTests
{
    private const int M = 3, N = 4, K = 5;

    [Test]
    public void A_product_is_that_of_row_major_matrices([Values] bool transA, [Values] bool transB)
    {
        CudaDevice device = Open();
        using CuBlasHandle blas = new CuBlasHandle(device.Queue);
        float[] a = Numbers(1, M * K), b = Numbers(2, K * N), c = Numbers(3, M * N);
        using Storage left = Put(device, a), right = Put(device, b), result = Put(device, c);

        blas.Gemm(
            M, N, K, CudaDevice.Address(left), CudaDevice.Address(right), CudaDevice.Address(result), transA, transB,
            alpha: 2, beta: 0.5f);

        float[] expected = Product(a, b, transA, transB);
        Assert.That(Get<float>(result), Is.EqualTo(expected.Zip(c, (p, old) => (2 * p) + (0.5f * old))).Within(1e-5));
    }

    [Test]
    public void Other_types_have_products_too([Values] bool transA, [Values] bool transB)
    {
        CudaDevice device = Open();
        using CuBlasHandle blas = new CuBlasHandle(device.Queue);
        float[] a = Numbers(1, M * K), b = Numbers(2, K * N);
        using Storage left = Put(device, Doubles(a)), right = Put(device, Doubles(b)),
            result = device.Allocate(8 * M * N);

        blas.GemmEx(
            CuBlasType.Float64, M, N, K, CudaDevice.Address(left), CudaDevice.Address(right),
            CudaDevice.Address(result),
            transA, transB);

        Assert.That(Get<double>(result), Is.EqualTo(Doubles(Product(a, b, transA, transB))).Within(1e-5));
    }

    [Test]
    public void It_computes_as_its_users_have_it_unless_told_and_says_its_version()
    {
        using CuBlasHandle blas = new CuBlasHandle(Open().Queue);

        Assert.That(blas.Math, Is.EqualTo(CuBlasMath.Default));
        blas.Math = CuBlasMath.TensorFloat32;
        Assert.That(blas.Math, Is.EqualTo(CuBlasMath.TensorFloat32));
        Assert.That(blas.Version, Is.GreaterThanOrEqualTo(110000));
    }

    [Test]
    public void A_refusal_names_the_call_and_the_status()
    {
        using CuBlasHandle blas = new CuBlasHandle(Open().Queue);

        Assert.That(
            () => blas.Gemm(-1, 1, 1, 0, 0, 0),
            Throws.TypeOf<CudaException>().With.Message.Match(
                @"^cublasSgemm_v2 returned CUBLAS_STATUS_INVALID_VALUE \(7\): "));
    }

    private static CudaDevice Open()
    {
        CudaDevice device = CudaTestDevice.Open();
        if (CuBlas.Failure is { } missing)
        {
            Assert.Ignore(missing.Message);
        }

        return device;
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    private static double[] Doubles(float[] numbers) => [.. numbers.Select(number => (double)number)];

    private static float[] Product(float[] a, float[] b, bool transA, bool transB) =>
    [
        .. from row in Enumerable.Range(0, M)
           from column in Enumerable.Range(0, N)
           select Enumerable.Range(0, K).Sum(i =>
               a[transA ? (i * M) + row : (row * K) + i] * b[transB ? (column * K) + i : (i * N) + column]),
    ];

    private static Storage Put<T>(CudaDevice device, T[] numbers) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(numbers.AsSpan());
        Storage storage = device.Allocate(bytes.Length);
        storage.Write(bytes);
        return storage;
    }

    private static T[] Get<T>(Storage storage) where T : unmanaged
    {
        var bytes = new byte[storage.Bytes];
        storage.Read(bytes);
        return MemoryMarshal.Cast<byte, T>(bytes).ToArray();
    }
}
