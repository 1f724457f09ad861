using System.Text.RegularExpressions;
using Engine.Tests.Data;
using Engine.Tests.Simt;

namespace Engine.Tests.Runner;

/// <summary>
/// On a machine where a part of CUDA is missing, broken or full, there is one clear error, and the CPU computes if no
/// GPU was asked for.
/// </summary>
public sealed partial class MachineTests
{
    private static readonly Lazy<RunnerProcess> s_plain = new(() => RunnerProcess.Run("doctor"));

    private TempFolder _folder = null!;

    [SetUp]
    public void Begin() => _folder = new TempFolder();

    [TearDown]
    public void End() => _folder.Dispose();

    [Test]
    public void All_there_is_works_and_auto_takes_the_gpu()
    {
        RunnerProcess doctor = Doctor("doctor", Whole());

        Assert.That(doctor.Output, Does.Match(@"(?m)^driver   CUDA 12\.4, .*libcuda\.so\.1$")
            .And.Match(@"(?m)^gpu 0    SIMT double, compute capability 9\.0, 4\.0 GiB, kernels for sm_90$")
            .And.Match(@"(?m)^nvrtc    12\.4, .*libnvrtc\.so.*, for GPUs of compute capability 5\.0 to 9\.0$")
            .And.Match(@"(?m)^cublas   .*libcublas\.so\.12$")
            .And.Match(@"(?m)^cache    .*cubins, writable, 0 kernels in 0\.0 MiB$")
            .And.Match(@"(?m)^cpu      \d+ cores, vectors of (128|256|512) bits, ")
            .And.Match(@"(?m)^device   auto is cuda:0$")
            .And.Match(@"(?m)^trial    exp of 1000 numbers on cuda:0: right$"));
        Assert.That(doctor.ExitCode, Is.Zero);
        Assert.That(Directory.GetFiles(_folder.File("cubins")), Has.Length.EqualTo(1), "the trial's kernel is kept");
    }

    [Test]
    public void Without_a_driver_the_cpu_computes_and_one_line_says_why()
    {
        NoneInstalled("driver   there is no CUDA driver");

        RunnerProcess doctor = Doctor("doctor"), check = Doctor("check"), asked = Doctor("doctor --device cuda");

        Assert.That(doctor.Output, Does.Contain("\ndevice   auto is cpu (Using the cpu: there is no CUDA driver.)")
            .And.Contain("\ntrial    exp of 1000 numbers on cpu: right")
            .And.Contain("\n  driver   install NVIDIA's driver")
            .And.Match(@"(?m)^  driver   libcuda\.so\.1$"));
        Assert.That(doctor.ExitCode, Is.Zero);
        Assert.That(check.Errors, Is.EqualTo("Using the cpu: there is no CUDA driver.\n"));
        Assert.That(check.Output, Does.EndWith("Used the cpu\n"));
        Assert.That(asked.ExitCode, Is.EqualTo(1));
        Assert.That(Trial(asked), Does.StartWith("--device cuda: There is no CUDA driver (tried libcuda.so.1"));
    }

    [Test]
    public void A_driver_without_a_gpu_is_said_to_be_that()
    {
        RunnerProcess doctor = Doctor("doctor", [.. Whole(), ("SIMT_DEVICES", "0")]);

        Assert.That(doctor.Output, Does.Match(@"(?m)^driver   .*libcuda\.so\.1: the CUDA driver finds no GPU$")
            .And.Contain("auto is cpu (Using the cpu: the CUDA driver finds no GPU.)"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [Test]
    public void A_driver_without_nvrtc_is_not_enough()
    {
        NoneInstalled("nvrtc    there is no NVRTC");
        File.CreateSymbolicLink(_folder.File("libcuda.so.1"), Path.Combine(SimtDouble.Folder, "libcuda.so.1"));
        (string, string) driver = ("ENGINE_CUDA_PATH", _folder.Path);

        RunnerProcess doctor = Doctor("doctor", driver), asked = Doctor("doctor --device cuda", driver);

        Assert.That(
            doctor.Output, Does.Contain("auto is cpu (Using the cpu: there is no NVRTC, NVIDIA's run-time compiler.)")
                .And.Contain("\n  nvrtc    install it ("));
        Assert.That(doctor.ExitCode, Is.Zero);
        Assert.That(
            Trial(asked), Does.StartWith("--device cuda: There is no NVRTC, NVIDIA's run-time compiler (tried "));
        Assert.That(asked.ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void A_library_that_is_there_but_does_not_load_is_not_passed_over_in_silence()
    {
        NoneInstalled("driver   there is no CUDA driver");
        File.WriteAllText(_folder.File("libcuda.so.1"), "no library");

        RunnerProcess doctor = Doctor("doctor", ("ENGINE_CUDA_PATH", _folder.Path));

        Assert.That(doctor.Output, Does.Contain($"{_folder.File("libcuda.so.1")} (is there, but does not load)"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [TestCase("22203", @"2\.22\.3, .*libnccl\.so\.2")]
    [TestCase("21703", @"NCCL 2\.17\.3 is too old: 2\.18 or newer is needed")]
    public void Nccl_is_told_with_its_version(string version, string row) => Assert.That(
        Doctor("doctor", [.. Whole(), ("SIMT_NCCL_VERSION", version)]).Output, Does.Match($"(?m)^nccl     {row}$"));

    [Test]
    public void Nvrtc_without_its_builtins_is_named()
    {
        RunnerProcess doctor = Doctor("doctor", [.. Whole(), ("SIMT_BUILTINS", "0")]);

        Assert.That(Trial(doctor), Does.Match(
            @"^NVRTC \(.*libnvrtc\.so.*\) does not find its builtins, a library libnvrtc-builtins"));
        Assert.That(doctor.Output, Does.Match(@"(?m)^nvrtc    .*does not find its builtins"));
        Assert.That(doctor.ExitCode, Is.EqualTo(1));
        Assert.That(Doctor("doctor --device cpu", [.. Whole(), ("SIMT_BUILTINS", "0")]).ExitCode, Is.Zero);
    }

    [Test]
    public void A_gpu_newer_than_nvrtc_gets_what_the_driver_compiles_on()
    {
        RunnerProcess doctor = Doctor("doctor", [.. Whole(), ("SIMT_ARCH", "103")]);

        Assert.That(doctor.Output, Does.Contain(
            "compute capability 10.3, 4.0 GiB, kernels for compute_90, which the driver compiles on: NVRTC is older")
            .And.Contain("exp of 1000 numbers on cuda:0: right"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [Test]
    public void A_gpu_older_than_all_that_nvrtc_knows_is_refused()
    {
        RunnerProcess doctor = Doctor("doctor", [.. Whole(), ("SIMT_ARCH", "35")]);

        Assert.That(doctor.Output, Does.Contain(
            "auto is cpu (Using the cpu: NVRTC 12.4 compiles for GPUs from compute capability 5.0 on, "
            + "and this one has 3.5"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [Test]
    public void A_driver_older_than_nvrtc_is_named()
    {
        RunnerProcess doctor = Doctor("doctor --device cuda", [.. Whole(), ("SIMT_DRIVER_VERSION", "11080")]);

        Assert.That(Trial(doctor), Does.Contain("The driver, of CUDA 11.8, does not take what NVRTC 12.4 made of")
            .And.Contain("update the driver, or install an NVRTC that is no newer.")
            .And.Contain("CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)"));
        Assert.That(doctor.ExitCode, Is.EqualTo(1));
    }

    [TestCase("12040", "libnvrtc.so.12", "libnvrtc.so.13 libnvrtc.so.12 libnvrtc.so.11.2")]
    [TestCase("13000", "libnvrtc.so.13", "libnvrtc.so.13 libnvrtc.so.12 libnvrtc.so.11.2")]
    [TestCase("12080", "libnvrtc.so.11.2", "libnvrtc.so.13 libnvrtc.so.11.2", "11.8")]
    [TestCase("12040", "libnvrtc.so.13", "libnvrtc.so.13")]
    public void Of_several_nvrtcs_the_newest_is_taken_that_is_no_later_than_the_driver(
        string driver, string taken, string there, string version = "12.4")
    {
        File.CreateSymbolicLink(_folder.File("libcuda.so.1"), Path.Combine(SimtDouble.Folder, "libcuda.so.1"));
        foreach (string name in there.Split(' '))
        {
            File.CreateSymbolicLink(_folder.File(name), Path.Combine(SimtDouble.Folder, "libnvrtc.so"));
        }

        RunnerProcess doctor = Doctor("doctor", ("ENGINE_CUDA_PATH", _folder.Path), ("SIMT_DRIVER_VERSION", driver));

        Assert.That(doctor.Output, Does.Contain($"nvrtc    {version}, {_folder.File(taken)}, for GPUs"));
    }

    /// <summary>
    /// The first folder has an NVRTC that is newer than the driver, but its file name does not show this.
    /// </summary>
    [Test]
    public void Where_the_driver_refuses_what_one_nvrtc_makes_the_next_is_tried()
    {
        File.Copy(Path.Combine(SimtDouble.Folder, "libnvrtc.so"), _folder.File("libnvrtc.so.11.2"));
        foreach (string needed in (string[])["dialect", "stamp"])
        {
            File.CreateSymbolicLink(_folder.File(needed), Path.Combine(SimtDouble.Folder, needed));
        }

        RunnerProcess doctor = Doctor(
            "doctor --device cuda", [.. Whole(),
                ("ENGINE_CUDA_PATH", SimtDouble.Folder + Path.PathSeparator + _folder.Path),
                ("SIMT_DRIVER_VERSION", "11080")]);

        Assert.That(doctor.Output, Does.Contain("exp of 1000 numbers on cuda:0: right"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [TestCase("0", "cuda:0 (SIMT double) has no room for this program: others hold its 0 MiB.")]
    [TestCase(
        "8", "cuda:0 (SIMT double) has no room for 0 MiB: of its 0 MiB, this program's arrays hold 0 MiB in 0 blocks")]
    public void A_gpu_that_is_full_is_not_taken_by_auto_and_refused_if_asked_for(string bytes, string reason)
    {
        (string, string)[] full = [.. Whole(), ("SIMT_MEMORY", bytes)];

        RunnerProcess doctor = Doctor("doctor", full), asked = Doctor("doctor --device cuda", full);

        Assert.That(doctor.Output, Does.Contain("auto is cpu (Using the cpu: cuda:0 (SIMT double) has no room for "));
        Assert.That(doctor.ExitCode, Is.Zero);
        Assert.That(Trial(asked), Does.StartWith($"--device cuda: {reason}"));
        Assert.That(asked.ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void A_gpu_of_a_number_that_does_not_exist_is_refused() => Assert.That(
        Trial(Doctor("doctor --device cuda7", Whole())),
        Is.EqualTo("--device cuda7: There is no GPU 7: the driver finds 1, numbered from 0 (0 is a SIMT double)."));

    [Test]
    public void A_cache_folder_that_cannot_be_made_is_said_and_done_without()
    {
        File.WriteAllText(_folder.File("file"), "");

        RunnerProcess doctor = Doctor("doctor", [.. Whole(), ("ENGINE_CACHE", _folder.File("file/cubins"))]);

        Assert.That(
            doctor.Output, Does.Match("(?m)^cache    .*cubins: it cannot be written to, so that kernels are compiled")
                .And.Contain("exp of 1000 numbers on cuda:0: right"));
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [TestCase("ro", "cannot be written to")]
    [TestCase("size=4k", "writable")]
    [Platform("Linux")]
    public void A_cache_folder_that_is_read_only_or_full_is_done_without(string mount, string said)
    {
        string cache = Directory.CreateDirectory(_folder.File("cubins")).FullName;
        string script = $"mount -t tmpfs -o {mount} none '{cache}' || exit 99; \"$0\" doctor; code=$?; ls '{cache}' | "
            + "wc -l; exit $code";

        RunnerProcess doctor = RunnerProcess.RunBy("unshare", ["-rm"], script, [.. Whole(), ("ENGINE_CACHE", cache)]);

        if (doctor.ExitCode == 99 || doctor.Output.Length == 0)
        {
            Assert.Ignore($"This machine lets no such folder be made: {doctor.Errors}");
        }

        Assert.That(doctor.Output, Does.Match($"(?m)^cache    .*cubins.*{said}")
            .And.Contain("exp of 1000 numbers on cuda:0: right"));
        Assert.That(doctor.Output, Does.EndWith("\n0\n"), "a file is left that was not written whole");
        Assert.That(doctor.ExitCode, Is.Zero);
    }

    [Test]
    public void A_profiler_sees_epochs_plans_and_ops_each_within_the_other()
    {
        string ranges = _folder.File("ranges");
        (string, string)[] profiler =
        [
            .. Whole(),
            ("NVTX_INJECTION64_PATH", Path.Combine(SimtDouble.Folder, "libprofiler.so")), ("SIMT_NVTX", ranges),
        ];

        RunnerProcess training = Doctor(
            "mlp --profile nsight --epochs 2 --images 40 --batch 16 --hidden 8 --quiet --device cuda --data "
                + DrawnImages(), profiler);

        Assert.That(training.ExitCode, Is.Zero, training.Errors);
        Assert.That(training.Errors, Does.Not.Contain("--profile"));
        string[] lines = File.ReadAllLines(ranges);
        Assert.That(lines.Where(line => line.StartsWith("epoch", StringComparison.Ordinal)),
            Is.EqualTo(["epoch 1", "epoch 2"]));
        string all = string.Join('\n', lines);
        Assert.That(all, Does.Match(@"\nepoch 2\n  plan \([^\n]*\) of \d+ ops\n    [^ \n][^\n]*: \w[^\n]*\n"));
        Assert.That(all, Does.Not.Contain("has not begun"));
    }

    [Test]
    public void Without_a_profiler_or_a_gpu_it_is_said_that_nothing_is_shown()
    {
        string command = "mlp --profile nsight --epochs 0 --images 20 --hidden 8 --data " + DrawnImages();

        RunnerProcess alone = Doctor(command, Whole()), onCpu = Doctor($"{command} --device cpu");

        Assert.That(
            alone.Errors, Does.Contain("--profile: No profiler runs this process (NVTX_INJECTION64_PATH is not set)"));
        Assert.That(alone.ExitCode, Is.Zero, alone.Errors);
        Assert.That(onCpu.Errors, Is.EqualTo("--profile shows the kernels of a GPU; take away --device cpu.\n"));
        Assert.That(onCpu.ExitCode, Is.EqualTo(1));
    }

    private string DrawnImages() => Batches.WriteFolder(_folder.Path, train: 40, test: 20);

    private static string Trial(RunnerProcess doctor) => TrialLine().Match(doctor.Output).Groups[1].Value;

    /// <summary>Skips the test if a library is installed, because it cannot be hidden from the runner.</summary>
    private static void NoneInstalled(string saidByDoctor)
    {
        if (!s_plain.Value.Output.Contains(saidByDoctor, StringComparison.Ordinal))
        {
            Assert.Ignore("What must be missing is installed here.");
        }
    }

    private static (string, string)[] Whole() => [("ENGINE_CUDA_PATH", SimtDouble.Folder)];

    private RunnerProcess Doctor(string command, params (string Name, string Value)[] environment) =>
        RunnerProcess.Run(command, [("ENGINE_CACHE", _folder.File("cubins")), .. environment]);

    [GeneratedRegex(@"(?m)^trial +(.*)$")]
    private static partial Regex TrialLine();
}
