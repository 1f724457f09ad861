using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Ops;
using Engine.Tests.Ops;
using Engine.Tests.Simt;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// A test that never fails proves nothing. Kernels are damaged before NVIDIA's compiler gets them, and the double,
/// which executes the PTX, must find the damage by its checks or by a wrong value.
/// </summary>
[TestFixture]
[NonParallelizable]
public sealed unsafe class DamagedKernelPtxTests
{
    private const string NewTile = "            __syncthreads();\n            T* free";

    [TestCase(typeof(Dot), NewTile, "            T* free", TestName = "gemm.cuh: no barrier between two K-tiles")]
    [TestCase(typeof(Dot), "cp.async.wait_all;", "", TestName = "ptx.cuh: copies are not waited for")]
    [TestCase(typeof(Dot), "bufferOffset(copy), from, count);", "bufferOffset(copy), from, Bytes);",
        TestName = "gemm.cuh: a copy reads where nothing is")]
    [TestCase(
        typeof(Dot), "cp.async.cg.shared.global [%0+%3], [%1+%4], 16, %2;",
        "cp.async.ca.shared.global [%0+%3], [%1+%4], 8, %2;",
        TestName = "ptx.cuh: half of a vector is copied")]
    [TestCase(typeof(Dot), "takes(copy) && i < end", "takes(copy) && i <= end",
        TestName = "gemm.cuh: one row too many is copied")]
    [TestCase(typeof(Dot), "(i < m && j < n)", "(i <= m && j < n)",
        TestName = "gemm.cuh: one row too many is stored")]
    [TestCase(typeof(Softmax), "__shfl_xor_sync(WholeWarp", "__shfl_xor_sync(0x0000ffffu",
        TestName = "softmax.cu: a mask that names half of the warp")]
    [TestCase(typeof(Softmax), "lanes > 0; lanes /= 2", "lanes > 1; lanes /= 2",
        TestName = "softmax.cu: neighbors are not joined")]
    [TestCase(typeof(Softmax), "power = exp(d);", "power = exp2f(d);",
        TestName = "softmax.cu: the wrong power")]
    [TestCase(typeof(SumTo), "        totals[warp] = total;\n    }\n\n    __syncthreads();",
        "        totals[warp] = total;\n    }\n", TestName = "reduce.cu: no barrier between the warps")]
    [TestCase(
        typeof(SumTo), "total = joinWarp(lane < Warps ? totals[lane] : START);", "total = joinWarp(totals[lane]);",
        TestName = "reduce.cu: totals of warps that are not there")]
    [TestCase(
        typeof(SumTo), "__shfl_down_sync(WholeWarp, total, lanes)", "__shfl_down_sync(WholeWarp, total, lanes, 16)",
        TestName = "reduce.cu: a warp is joined in two halves")]
    [TestCase(typeof(Dot), "[%1+%5], %2, %3;", "[%1+%5], %2;", TestName = "ptx.cuh: a copy's zeros forgotten")]
    [TestCase(typeof(Dot), "\"+r\"(value)", "\"=r\"(value)", TestName = "ptx.cuh: what is kept counts as written")]
    [TestCase(typeof(Dot), "Vector = VECTOR_A,", "Vector = 4,", TestName = "gemm.cu: vectors of rows that have none")]
    [TestCase(typeof(Dot), "to[i + j] = pack.x[j];", "to[i + j] = pack.x[j % (Part < 4 ? Part : 2)];",
        TestName = "packs.cuh: half of a vector read twice")]
    [TestCase(typeof(Dot), "isLast = atomicAdd(arrived, 1u) == members - 1;", "isLast = (*arrived)++ == members - 1;",
        TestName = "split_k.cuh: blocks counted without an atomic")]
    [TestCase(typeof(Accumulate<Sum>), "__shfl_up_sync(WholeWarp, total, step)",
        "__shfl_up_sync(WholeWarp << step, total, step)",
        TestName = "accumulate.cu: a mask of those that get something")]
    [TestCase(typeof(Accumulate<Sum>), "__shfl_up_sync(WholeWarp, total, 1)", "__shfl_up_sync(WholeWarp, total, 1, 16)",
        TestName = "accumulate.cu: a warp moved on in two halves")]
    [TestCase(typeof(Softmax), "power = exp(d);", "power = sizeof(T) == 4 ? (T)__expf((float)d) : exp(d);",
        TestName = "rows.cuh: fast exponentials")]
    [TestCase(typeof(Cast), ": (U)x;", ": (U)rint((double)x);",
        TestName = "common.cuh: rounded to the nearest, not toward zero")]
    [TestCase(typeof(RandomDraw<Uniform>), "(uint64)c0 * 0xD2511F53u", "(uint64)(c0 * 0xD2511F53u)",
        TestName = "random.cu: products without their upper half")]
    public void A_damage_is_found(Type op, string from, string to)
    {
        if (!Nvrtc.Library.Exports("simt_damage"))
        {
            Assert.Ignore("The double that executes PTX is not here: ENGINE_TEST_CUDA=ptx asks for it.");
        }

        using var cache = new TempFolder();
        SimtDouble.Mark();
        Damage(from, to);
        var device = new CudaDevice(new CudaOptions { CacheFolder = cache.Path, Synchronous = true });
        try
        {
            Assert.That(
                () => OpChecks.ComputesWhatItsReferenceDoes(op, device), Throws.TypeOf<AssertionException>());
        }
        finally
        {
            int count = Damage("", "");
            SimtDouble.Rewind();
            device.Dispose();
            Assert.That(count, Is.Positive, "the text has nothing to be damaged");
        }
    }

    private static int Damage(string from, string to)
    {
        using var texts = new SimtDouble.CStrings(from, to);
        var damage = (delegate* unmanaged<byte*, byte*, int>)System.Runtime.InteropServices.NativeLibrary.GetExport(
            Nvrtc.Library.Handle, "simt_damage");
        return damage(texts[0], texts[1]);
    }
}
