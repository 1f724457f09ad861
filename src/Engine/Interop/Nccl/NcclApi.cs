using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The id by which the ranks of a communicator find each other: <c>ncclUniqueId</c>, passed by value.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct NcclUniqueId
{
    /// <summary>Its size: NCCL_UNIQUE_ID_BYTES.</summary>
    public const int Bytes = 128;

    /// <summary>Its contents, which only NCCL interprets.</summary>
    public fixed byte Value[Bytes];
}

/// <summary>
/// The entry points of NCCL 2.18 that the engine uses. Communicators and streams are <see cref="nint"/>, device
/// addresses <see cref="ulong"/>, results <c>ncclResult_t</c>; counts are numbers of elements.
/// </summary>
internal static unsafe partial class NcclApi
{
    private const string Library = NativeLibraries.NcclImport;

    [LibraryImport(Library)]
    public static partial int ncclGetVersion(int* version);

    [LibraryImport(Library)]
    public static partial byte* ncclGetErrorString(int result);

    [LibraryImport(Library)]
    public static partial byte* ncclGetLastError(nint communicator);

    [LibraryImport(Library)]
    public static partial int ncclGetUniqueId(NcclUniqueId* id);

    [LibraryImport(Library)]
    public static partial int ncclCommInitRank(nint* communicator, int ranks, NcclUniqueId id, int rank);

    [LibraryImport(Library)]
    public static partial int ncclCommDestroy(nint communicator);

    [LibraryImport(Library)]
    public static partial int ncclAllReduce(
        ulong send, ulong receive, nuint count, int type, int operation, nint communicator, nint stream);

    [LibraryImport(Library)]
    public static partial int ncclBroadcast(
        ulong send, ulong receive, nuint count, int type, int root, nint communicator, nint stream);

    [LibraryImport(Library)]
    public static partial int ncclAllGather(
        ulong send, ulong receive, nuint sendCount, int type, nint communicator, nint stream);

    [LibraryImport(Library)]
    public static partial int ncclSend(ulong send, nuint count, int type, int peer, nint communicator, nint stream);

    [LibraryImport(Library)]
    public static partial int ncclRecv(ulong receive, nuint count, int type, int peer, nint communicator, nint stream);

    [LibraryImport(Library)]
    public static partial int ncclGroupStart();

    [LibraryImport(Library)]
    public static partial int ncclGroupEnd();
}
