using System.Runtime.CompilerServices;
using System.Text;

namespace Engine.Interop;

/// <summary>MPI, which carries the messages between the ranks of a training: checked calls on MPI_COMM_WORLD.</summary>
internal static unsafe class Mpi
{
    /// <summary>No library's status is larger than this.</summary>
    private const int StatusBytes = 256, MaxText = 8192;

    /// <summary>A second communicator of the same ranks, whose messages have an order of their own.</summary>
    private static nint s_aside;

    private static readonly Lazy<MpiAbi> s_abi = new(() => MpiAbi.Of(Library.Handle, Library.Path!));

    /// <summary>Gets the outcome of the search for it.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.Mpi;

    /// <summary>Gets why it cannot be used; null if it can.</summary>
    public static string? Problem => Library.IsFound ? null
        : OperatingSystem.IsWindows() ? "MPI on Windows is not supported"
        : "there is no MPI library";

    /// <summary>Gets the constants of the library.</summary>
    /// <exception cref="EngineException">There is no library.</exception>
    public static MpiAbi Abi
    {
        get
        {
            Require();
            return s_abi.Value;
        }
    }

    /// <summary>Gets the library's name and version, in few words: <c>Open MPI v4.1.4</c>.</summary>
    /// <exception cref="EngineException">There is no library.</exception>
    public static string Version
    {
        get
        {
            Require();
            byte* text = stackalloc byte[MaxText];
            int length;
            Check(MpiApi.MPI_Get_library_version(text, &length));
            string all = Encoding.UTF8.GetString(text, Math.Clamp(length, 0, MaxText)).TrimEnd('\0');
            string first = all.Split([',', '\n'], 2)[0];
            return string.Join(' ', first.Replace("Version:", "", StringComparison.Ordinal)
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        }
    }

    /// <summary>Joins the other ranks; may be called once in a process.</summary>
    /// <exception cref="EngineException">There is no library, or it fails.</exception>
    public static void Start()
    {
        MpiAbi abi = Abi;
        int isStarted, provided = abi.Multiple;
        Check(MpiApi.MPI_Initialized(&isStarted));
        if (isStarted == 0)
        {
            Check(MpiApi.MPI_Init_thread(null, null, abi.Multiple, &provided));
        }

        if (provided < abi.Serialized)
        {
            throw new EngineException(
                $"MPI ({Library.Path}) allows calls from one thread only, and several are needed, if one at a time: "
                + "take a library that was built with threads.");
        }

        _ = MpiApi.MPI_Comm_set_errhandler(abi.World, abi.ErrorsReturn);
        fixed (nint* aside = &s_aside)
        {
            Check(MpiApi.MPI_Comm_dup(abi.World, aside));
        }
    }

    public static int Rank
    {
        get
        {
            int rank;
            Check(MpiApi.MPI_Comm_rank(Abi.World, &rank));
            return rank;
        }
    }

    public static int Size
    {
        get
        {
            int size;
            Check(MpiApi.MPI_Comm_size(Abi.World, &size));
            return size;
        }
    }

    /// <summary>Leaves the other ranks in an orderly way.</summary>
    public static void Finish() => Check(MpiApi.MPI_Finalize());

    /// <summary>Ends all ranks.</summary>
    public static void Abort(int code) => _ = MpiApi.MPI_Abort(Abi.World, code);

    /// <summary>Starts an in-place sum, or maximum, of each rank's values.</summary>
    public static nint AllReduce(void* values, int count, DType dtype, bool isMax)
    {
        nint request;
        Check(MpiApi.MPI_Iallreduce(
            Abi.InPlace, values, count, TypeOf(dtype), isMax ? Abi.Max : Abi.Sum, Abi.World, &request));
        return request;
    }

    public static nint Broadcast(void* values, int bytes, int root)
    {
        nint request;
        Check(MpiApi.MPI_Ibcast(values, bytes, Abi.Byte, root, Abi.World, &request));
        return request;
    }

    /// <summary>Starts to send each rank's bytes to all; with aside, on the duplicate communicator.</summary>
    public static nint AllGather(void* mine, int bytes, void* all, bool aside)
    {
        nint request;
        Check(MpiApi.MPI_Iallgather(
            mine, bytes, Abi.Byte, all, bytes, Abi.Byte, aside ? s_aside : Abi.World, &request));
        return request;
    }

    public static nint AllToAll(void* send, int bytesEach, void* receive)
    {
        nint request;
        Check(MpiApi.MPI_Ialltoall(send, bytesEach, Abi.Byte, receive, bytesEach, Abi.Byte, Abi.World, &request));
        return request;
    }

    /// <summary>Returns whether an exchange is complete; the call also advances it.</summary>
    public static bool IsDone(ref nint request)
    {
        byte* status = stackalloc byte[StatusBytes];
        int flag;
        fixed (nint* at = &request)
        {
            Check(MpiApi.MPI_Test(at, &flag, status));
        }

        return flag != 0;
    }

    private static nint TypeOf(DType dtype) => dtype switch
    {
        DType.Float32 => Abi.Float32,
        DType.Float64 => Abi.Float64,
        DType.Int32 => Abi.Int32,
        _ => Abi.Byte,
    };

    private static void Require()
    {
        if (Problem is { } problem)
        {
            throw new EngineException(
                $"Several processes need MPI, and {problem} "
                + $"(tried {string.Join(", ", Library.Tried)}): {MpiLibrary.Remedy}.");
        }
    }

    private static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result == 0)
        {
            return;
        }

        byte* text = stackalloc byte[MaxText];
        int length;
        string why = MpiApi.MPI_Error_string(result, text, &length) == 0
            ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, MaxText)).TrimEnd('\0').ReplaceLineEndings(" ")
            : $"error {result}";
        throw new EngineException($"MPI refused {Driver.EntryPoint(call)}: {why}.");
    }
}
