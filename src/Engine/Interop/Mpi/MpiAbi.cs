using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The constants of a family of MPI libraries; their values differ between families. Open MPI's handles are the
/// addresses of symbols. Those of MPICH (also Intel MPI and others with its ABI) and of MPI 5's own ABI are numbers.
/// </summary>
/// <param name="Name">The name of the family.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="Int32">MPI_INT.</param>
/// <param name="Float32">MPI_FLOAT.</param>
/// <param name="Float64">MPI_DOUBLE.</param>
/// <param name="Sum">MPI_SUM.</param>
/// <param name="Max">MPI_MAX.</param>
/// <param name="ErrorsReturn">MPI_ERRORS_RETURN.</param>
/// <param name="InPlace">MPI_IN_PLACE.</param>
/// <param name="Serialized">MPI_THREAD_SERIALIZED.</param>
/// <param name="Multiple">MPI_THREAD_MULTIPLE.</param>
internal sealed record MpiAbi(
    string Name,
    nint World,
    nint Byte,
    nint Int32,
    nint Float32,
    nint Float64,
    nint Sum,
    nint Max,
    nint ErrorsReturn,
    nint InPlace,
    int Serialized,
    int Multiple)
{
    private const int OldSerialized = 2, OldMultiple = 3;

    /// <summary>Gets the constants of MPICH 3.1 and later, and of libraries with its ABI.</summary>
    public static MpiAbi Mpich { get; } = new(
        "MPICH", 0x44000000, 0x4c00010d, 0x4c000405, 0x4c00040a, 0x4c00080b, 0x58000003, 0x58000001, 0x54000001, -1,
        OldSerialized, OldMultiple);

    /// <summary>Gets the ABI that MPI 5 defines (mpi-forum/mpi-abi-stubs, mpi.h).</summary>
    public static MpiAbi Standard { get; } = new(
        "MPI 5", 0x101, 0x247, 0x250, 0x210, 0x214, 0x21, 0x23, 0x143, 1, 2048, 4096);

    /// <summary>Returns the constants of a loaded library.</summary>
    /// <param name="library">The library.</param>
    /// <param name="path">The name under which it was found.</param>
    public static MpiAbi Of(nint library, string path)
    {
        const string World = "ompi_mpi_comm_world";
        if (!NativeLibrary.TryGetExport(library, World, out nint world))
        {
            return Path.GetFileName(path).Contains("mpi_abi", StringComparison.Ordinal) ? Standard : Mpich;
        }

        return new MpiAbi(
            "Open MPI", world, Symbol("ompi_mpi_byte"), Symbol("ompi_mpi_int"), Symbol("ompi_mpi_float"),
            Symbol("ompi_mpi_double"), Symbol("ompi_mpi_op_sum"), Symbol("ompi_mpi_op_max"),
            Symbol("ompi_mpi_errors_return"), 1, OldSerialized, OldMultiple);

        nint Symbol(string name) => NativeLibrary.GetExport(library, name);
    }
}
