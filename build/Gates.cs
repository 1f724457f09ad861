using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Engine.Build;

/// <summary>
/// Runs the tests with one process for each gate, because a process loads one driver and one NVRTC. The gates are: the
/// double, with all tests that need no driver; NVIDIA's own NVRTC; the double with NVRTC's PTX; a real driver, if there
/// is one; and processes that the launchers of Open MPI and MPICH start.
/// </summary>
internal static class Gates
{
    private const string Nvrtc = "FullyQualifiedName~NvrtcTests";
    private const string Ptx = "FullyQualifiedName~PtxTests";
    private const string Mpi = "FullyQualifiedName~MpiTests";
    private const string Others =
        "FullyQualifiedName!~NvrtcTests&FullyQualifiedName!~PtxTests&FullyQualifiedName!~MpiTests";
    private const string Device = "FullyQualifiedName~Engine.Tests.Devices.Cuda";

    /// <summary>
    /// The environment variable that chooses the driver of the tests: see tests/Devices/Cuda/CudaTestDevice.cs.
    /// </summary>
    private const string Choice = "ENGINE_TEST_CUDA";

    /// <summary>The environment variable with the folder that is searched first for CUDA's libraries.</summary>
    private const string Folders = "ENGINE_CUDA_PATH";

    /// <summary>Returns why the double of CUDA cannot be built here; null if it can.</summary>
    public static string? WhyNoDouble =>
        !OperatingSystem.IsLinux() ? "the double of CUDA runs on Linux only"
        : !IsOnPath("g++") ? "there is no g++ to build the double of CUDA with (Debian: apt-get install g++)"
        : null;

    /// <summary>
    /// Returns why PTX cannot be executed here, which needs the double and NVIDIA's compiler; null if it can.
    /// </summary>
    public static string? WhyNoPtx => WhyNoDouble
        ?? (FindsNvrtc ? null : "there is no NVRTC to make PTX of the kernels; ./build.sh nvrtc gets it");

    /// <summary>Returns why several processes cannot be started here; null if they can.</summary>
    public static string? WhyNoMpi => !OperatingSystem.IsLinux() ? "processes are started by mpirun on Linux only"
        : !IsOnPath("mpirun.openmpi") ? "there is no mpirun.openmpi (Debian: apt-get install openmpi-bin)"
        : !IsOnPath("mpirun.mpich") ? "there is no mpirun.mpich (Debian: apt-get install mpich)"
        : null;

    private static bool FindsNvrtc =>
        (Directory.Exists(Repository.Nvrtc) && Directory.EnumerateFiles(Repository.Nvrtc, "libnvrtc.so*").Any())
        || NvrtcNames.Any(name => NativeLibrary.TryLoad(name, out _));

    private static string[] NvrtcNames => ["libnvrtc.so.13", "libnvrtc.so.12"];

    /// <summary>
    /// Runs the tests that match a filter, and says which gates were left out.
    /// </summary>
    /// <returns>The counts of the tests, and whether all gates that need no GPU ran.</returns>
    public static (TestCounts Counts, bool IsAll) Run(string filter)
    {
        string folders = string.Join(
            Path.PathSeparator, Environment.GetEnvironmentVariable(Folders), Repository.Nvrtc);
        Stage nvrtc = new("nvrtc", TestFilter.Both(filter, Nvrtc), (Choice, "none"), (Folders, folders));
        Stage ptx = new("ptx", TestFilter.Both(filter, Ptx), (Choice, "ptx"));
        Stage mpi = new("mpi", TestFilter.Both(filter, Mpi), (Choice, "none"));
        Stage[] others =
            [.. TestParts.Of(filter, Others).Select(part => new Stage(part.Name, part.Filter, (Choice, "double")))];
        if (filter.Length == 0 && WhyNoDouble is null && !BuildDouble())
        {
            return (TestCounts.None.After(exitCode: 1), IsAll: false);
        }

        Dictionary<Stage, TestCounts> counts = Stage.RunAll([others[0], nvrtc, ptx, mpi, .. others[1..]]);
        TestCounts tests = others.Aggregate(TestCounts.None, (sum, part) => sum + counts[part]);
        bool hasDriver = NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out _);
        TestCounts gpu = hasDriver
            ? new Stage("gpu", TestFilter.Both(TestFilter.Both(filter, Others), Device), (Choice, "gpu")).Run()
            : TestCounts.None;

        bool isNvrtcAll = counts[nvrtc].Skipped == 0, isDoubleAll = tests.Skipped == 0 || WhyNoDouble is null;
        bool isPtxAll = counts[ptx].Skipped == 0 || WhyNoPtx is null;
        if (!isNvrtcAll)
        {
            Console.WriteLine(counts[nvrtc].Passed == 0
                ? "Gate 1 was left out: there is no NVRTC to compile the kernels with; ./build.sh nvrtc gets it."
                : "Gate 1 was left out in part: this NVRTC does not know every GPU; "
                    + "name a newer one in ENGINE_CUDA_PATH.");
        }

        if (!isDoubleAll)
        {
            Console.WriteLine($"Gate 2 was left out: {WhyNoDouble}.");
        }

        if (!isPtxAll)
        {
            Console.WriteLine($"Gate 3 was left out: {WhyNoPtx}.");
        }

        if (counts[mpi].Skipped > 0)
        {
            Console.WriteLine(
                $"Gate 5 was left out{(counts[mpi].Passed > 0 ? " in part" : "")}: {WhyNoMpi ?? "a launcher does not work here"}.");
        }

        if (filter.Length == 0 && gpu.Passed == 0)
        {
            Console.WriteLine("Gate 4 is inconclusive: there is no NVIDIA GPU with its driver to run the kernels on.");
        }

        return (
            counts.Values.Aggregate(gpu, (sum, stage) => sum + stage),
            isNvrtcAll && isDoubleAll && isPtxAll && counts[mpi].Skipped == 0);
    }

    /// <summary>
    /// Builds the double of CUDA, so that no process that needs it waits for another; returns false if it fails.
    /// </summary>
    public static bool BuildDouble()
    {
        using Process build = Process.Start("bash", [Path.Combine(Repository.Root, "tests", "Simt", "build.sh")]);
        build.WaitForExit();
        return build.ExitCode == 0;
    }

    private static bool IsOnPath(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
