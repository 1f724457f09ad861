using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>NCCL, which carries the messages between GPUs: the library that was found, and checked calls.</summary>
internal static unsafe class Nccl
{
    /// <summary>The oldest supported version: 2.18.</summary>
    private static readonly Version s_oldest = new(2, 18);

    /// <summary>Gets advice for a machine without it.</summary>
    public static string Remedy => Remedies.Nccl(Remedies.Here);

    /// <summary>Gets the outcome of the search for it.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.Nccl;

    /// <summary>Gets why it cannot be used, in a clause; null if it can.</summary>
    public static string? Problem => !Library.IsFound ? "there is no NCCL"
        : Version < s_oldest ? $"NCCL {Version} is too old: {s_oldest} or newer is needed"
        : null;

    /// <summary>Gets its version: 2.18.5.</summary>
    /// <exception cref="EngineException">The library does not report it.</exception>
    public static Version Version
    {
        get
        {
            // Before 2.9 it was 1000 · major + 100 · minor + patch.
            const int FirstOfNewForm = 10000;
            int version;
            Check(NcclApi.ncclGetVersion(&version));
            return version < FirstOfNewForm
                ? new Version(version / 1000, version % 1000 / 100, version % 100)
                : new Version(version / 10000, version % 10000 / 100, version % 100);
        }
    }

    /// <summary>Throws if there is no NCCL, or too old a version.</summary>
    /// <exception cref="EngineException">There is none, or it is too old.</exception>
    public static void Require()
    {
        if (Problem is { } problem)
        {
            throw new EngineException(
                $"Several GPUs need NCCL, and {problem} (tried {string.Join(", ", Library.Tried)}): {Remedy}.");
        }
    }

    /// <summary>
    /// Throws if a call failed. The message names the entry point, taken from the source text of the call.
    /// </summary>
    /// <exception cref="EngineException">The call failed.</exception>
    public static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result == 0)
        {
            return;
        }

        string? why = Marshal.PtrToStringUTF8((nint)NcclApi.ncclGetErrorString(result));
        string? last = Marshal.PtrToStringUTF8((nint)NcclApi.ncclGetLastError(0))?.ReplaceLineEndings(" ").Trim();
        throw new EngineException(
            $"NCCL refused {Driver.EntryPoint(call)}: {why ?? "unknown error"} ({result})"
            + (string.IsNullOrEmpty(last) ? "." : $": {last.TrimEnd('.')}."));
    }
}

/// <summary>A GPU's rank among those that communicate through NCCL: checked calls, each put into a stream.</summary>
internal sealed unsafe class NcclHandle : CudaHandle
{
    private const int Sum = 0, Max = 2;

    /// <summary>Joins the other ranks, which all call it with the same id; returns when all have joined.</summary>
    /// <exception cref="EngineException">There is no NCCL, or the GPUs cannot reach each other.</exception>
    public NcclHandle(ContextHandle context, NcclUniqueId id, int rank, int ranks) : base(context)
    {
        Nccl.Require();
        using ContextHandle.Scope scope = context.Enter();
        nint made;
        Nccl.Check(NcclApi.ncclCommInitRank(&made, ranks, id, rank));
        Own(made);
    }

    /// <summary>
    /// Returns an id by which ranks find each other; one of them creates it and sends it to the others.
    /// </summary>
    /// <exception cref="EngineException">There is no NCCL.</exception>
    public static NcclUniqueId MakeId()
    {
        Nccl.Require();
        NcclUniqueId id;
        Nccl.Check(NcclApi.ncclGetUniqueId(&id));
        return id;
    }

    public void AllReduce(ulong values, long count, DType dtype, bool isMax, nint stream) => Nccl.Check(
        NcclApi.ncclAllReduce(values, values, (nuint)count, TypeOf(dtype), isMax ? Max : Sum, handle, stream));

    public void Broadcast(ulong values, long bytes, int root, nint stream) =>
        Nccl.Check(NcclApi.ncclBroadcast(values, values, (nuint)bytes, TypeOf(DType.UInt8), root, handle, stream));

    public void AllGather(ulong mine, long bytes, ulong all, nint stream) =>
        Nccl.Check(NcclApi.ncclAllGather(mine, all, (nuint)bytes, TypeOf(DType.UInt8), handle, stream));

    /// <summary>Sends each rank its part of the data of every rank.</summary>
    public void AllToAll(ulong send, long bytesEach, ulong receive, int ranks, nint stream)
    {
        int bytes = TypeOf(DType.UInt8);
        Nccl.Check(NcclApi.ncclGroupStart());
        try
        {
            for (int peer = 0; peer < ranks; peer++)
            {
                ulong offset = (ulong)(peer * bytesEach);
                Nccl.Check(NcclApi.ncclSend(send + offset, (nuint)bytesEach, bytes, peer, handle, stream));
                Nccl.Check(NcclApi.ncclRecv(receive + offset, (nuint)bytesEach, bytes, peer, handle, stream));
            }
        }
        catch
        {
            _ = NcclApi.ncclGroupEnd();
            throw;
        }

        Nccl.Check(NcclApi.ncclGroupEnd());
    }

    protected override int Free(nint owned) => NcclApi.ncclCommDestroy(owned);

    private static int TypeOf(DType dtype) => dtype switch
    {
        DType.UInt8 => 1,
        DType.Int32 => 2,
        DType.Float32 => 7,
        DType.Float64 => 8,
        _ => throw new EngineException($"NCCL is given float32, float64, int32 or bytes, not {dtype.Name()}."),
    };
}
