using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The entry points of MPI 3.0 that the engine uses. Handles are addresses in Open MPI and numbers in other libraries;
/// <c>nint</c> passes both. Counts are of type <c>int</c>.
/// </summary>
internal static unsafe partial class MpiApi
{
    private const string Library = NativeLibraries.MpiImport;

    [LibraryImport(Library)]
    public static partial int MPI_Initialized(int* flag);

    [LibraryImport(Library)]
    public static partial int MPI_Init_thread(int* argc, byte*** argv, int required, int* provided);

    [LibraryImport(Library)]
    public static partial int MPI_Finalize();

    [LibraryImport(Library)]
    public static partial int MPI_Abort(nint communicator, int code);

    [LibraryImport(Library)]
    public static partial int MPI_Get_library_version(byte* text, int* length);

    [LibraryImport(Library)]
    public static partial int MPI_Error_string(int error, byte* text, int* length);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_set_errhandler(nint communicator, nint handler);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_dup(nint communicator, nint* made);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_rank(nint communicator, int* rank);

    [LibraryImport(Library)]
    public static partial int MPI_Comm_size(nint communicator, int* size);

    [LibraryImport(Library)]
    public static partial int MPI_Iallreduce(
        nint send, void* receive, int count, nint type, nint operation, nint communicator, nint* request);

    [LibraryImport(Library)]
    public static partial int MPI_Ibcast(
        void* values, int count, nint type, int root, nint communicator, nint* request);

    [LibraryImport(Library)]
    public static partial int MPI_Iallgather(
        void* send, int sendCount, nint sendType, void* receive, int count, nint type, nint communicator,
        nint* request);

    [LibraryImport(Library)]
    public static partial int MPI_Ialltoall(
        void* send, int sendCount, nint sendType, void* receive, int count, nint type, nint communicator,
        nint* request);

    [LibraryImport(Library)]
    public static partial int MPI_Test(nint* request, int* flag, void* status);
}
