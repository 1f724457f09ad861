using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Compile;
using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Runner;

/// <summary>
/// Reports the machine's devices and libraries, where they were searched, which device is chosen and whether it works,
/// and what to install if something is missing.
/// </summary>
internal static class DoctorCommand
{
    private const int Numbers = 1000;

    public static Command Create()
    {
        Option<DeviceChoice?> device = CommonOptions.Device();
        var command =
            new Command("doctor", "Say what this machine can compute with, what is missing and what to do about it.")
            {
                device,
            };
        command.SetAction((parsed, _) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            TextWriter output = parsed.InvocationConfiguration.Output;
            CudaSetup cuda = CudaSetup.Find();
            Describe(cuda, output);
            bool works = Try(asked, output);
            Advise(cuda, output);
            return Task.FromResult(works ? CommandLine.Done : CommandLine.Failed);
        });
        return command;
    }

    private static void Describe(CudaSetup cuda, TextWriter output)
    {
        Row("driver", Summary(cuda.Driver));
        foreach (CudaGpu gpu in cuda.Gpus)
        {
            Row($"gpu {gpu.Ordinal}",
                $"{gpu.Name}, compute capability {gpu.ComputeCapability}, {Size(gpu.Bytes)}, {gpu.Target}");
        }

        Row("nvrtc", Summary(cuda.Nvrtc));
        Row("cublas", Summary(cuda.CuBlas));
        Row("nvtx", Summary(cuda.Nvtx));
        Row("nccl", NcclSetup.Find() is { Found: { } nccl } ? nccl : NcclSetup.Find().Problem!);
        Row("mpi", MpiSetup.Find() is { Found: { } mpi } ? mpi : MpiSetup.Find().Problem!);
        Row("cache", cuda.Cache.Problem is { } problem
            ? $"{cuda.Cache.Folder ?? "none"}: {problem}"
            : $"{cuda.Cache.Folder}, writable, {cuda.Cache.Entries} kernels in {Size(cuda.Cache.Bytes)}");
        Row("cpu", $"{Environment.ProcessorCount} cores, vectors of {CpuDevice.VectorBits} bits, "
            + $"{RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.FrameworkDescription}");

        void Row(string name, string what) => output.WriteLine($"{name,-8} {what}");
    }

    /// <summary>Opens the device that a command with these options would use, and runs a computation on it.</summary>
    private static bool Try(DeviceChoice? asked, TextWriter output)
    {
        try
        {
            EngineOptions options = CommonOptions.Configure(asked, threads: null, notes: output);
            var note = new StringWriter();
            using Device device = DeviceSelection.Open(asked, options, note);
            string why = note.ToString().Trim();
            output.WriteLine($"{"device",-8} {options.Device} is {device}{(why.Length > 0 ? $" ({why})" : "")}");
            bool works = Computes(device);
            output.WriteLine($"{"trial",-8} exp of {Numbers} numbers on {device}: {(works ? "right" : "WRONG")}");
            return works;
        }
        catch (EngineException error)
        {
            output.WriteLine($"{"trial",-8} {error.Message}");
            return false;
        }
    }

    private static bool Computes(Device device)
    {
        float[] numbers = [.. Enumerable.Range(0, Numbers).Select(i => (i - (Numbers / 2)) / 100f)];
        Input x = Symbolic.Vector("x");
        using var function = Function.Compile([x], [Symbolic.Exp(x)], device: device);
        float[] results = function.Call(Tensor.From(numbers))[0].AsSpan<float>().ToArray();
        return numbers.Zip(results, (number, result) => Math.Abs((result / Math.Exp(number)) - 1) < 1e-5)
            .All(right => right);
    }

    private static void Advise(CudaSetup cuda, TextWriter output)
    {
        (string Name, CudaPart Part)[] parts =
            [("driver", cuda.Driver), ("nvrtc", cuda.Nvrtc), ("cublas", cuda.CuBlas), ("nvtx", cuda.Nvtx)];
        output.WriteLine();
        output.WriteLine("What to do about what is missing:");
        bool isAll = true;
        foreach ((string name, CudaPart part) in parts.Where(one => one.Part.Problem is not null))
        {
            output.WriteLine($"  {name,-8} {part.Remedy}");
            isAll = false;
        }

        var nccl = NcclSetup.Find();
        if (nccl.Problem is not null)
        {
            output.WriteLine($"  {"nccl",-8} {nccl.Remedy}, if several GPUs are to train together");
            isAll = false;
        }

        var mpi = MpiSetup.Find();
        if (mpi.Problem is not null)
        {
            output.WriteLine($"  {"mpi",-8} {mpi.Remedy}, if several processes are to train together");
            isAll = false;
        }

        output.WriteLine(isAll ? "  nothing is" : "  The CPU needs none of it.");
        output.WriteLine();
        output.WriteLine("Where it was looked for, in this order (the folders of ENGINE_CUDA_PATH go first):");
        foreach ((string name, CudaPart part) in parts.Where(one => one.Part.Tried.Count > 0))
        {
            output.WriteLine($"  {name,-8} {string.Join($"{Environment.NewLine}{"",-11}", part.Tried)}");
        }

        foreach ((string name, IReadOnlyList<string> tried) in (IEnumerable<(string, IReadOnlyList<string>)>)[
            ("nccl", nccl.Tried), ("mpi", mpi.Tried)])
        {
            output.WriteLine($"  {name,-8} {string.Join($"{Environment.NewLine}{"",-11}", tried)}");
        }
    }

    private static string Summary(CudaPart part) => part switch
    {
        { Problem: null } => part.Found!,
        { Found: null } => part.Problem,
        _ => $"{part.Found}: {part.Problem}",
    };

    private static string Size(long bytes) => bytes < 1 << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:F1} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:F1} GiB");
}
