using Engine.Configuration;

namespace Engine.Tests.Configuration;

public class EngineOptionsTests
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly Dictionary<string, string> _commandLine = [];
    private TempFolder _current = null!;
    private TempFolder _home = null!;

    [SetUp]
    public void MakeFolders()
    {
        (_current, _home) = (new TempFolder(), new TempFolder());
        _environment.Clear();
        _commandLine.Clear();
    }

    [TearDown]
    public void DeleteFolders()
    {
        _current.Dispose();
        _home.Dispose();
    }

    [Test]
    public void Without_any_source_the_defaults_hold_and_they_are_the_ones_the_table_names()
    {
        EngineOptions options = Load();

        Assert.That(options, Is.EqualTo(new EngineOptions()));
        Assert.That(
            Setting.All.Select(setting => setting.Set(options, setting.Default)),
            Is.All.EqualTo(options));
    }

    [Test]
    public void The_text_of_the_articles_theanorc_works_as_it_stands()
    {
        Write(_home, "[global]\ndevice = gpu\nfloatX = float32\n[nvcc]\nfastmath = True\n");

        Assert.That(Load(), Is.EqualTo(new EngineOptions
        {
            Device = new DeviceChoice(DeviceFamily.Cuda),
            FloatX = DType.Float32,
            FastMath = true,
        }));
    }

    [Test]
    public void Comments_colons_spaces_capitals_and_Windows_line_ends_are_taken_as_ConfigParser_takes_them()
    {
        Write(_current, "# a comment\r\n; another\r\n\r\n [Global] \r\n FLOATX : Float64\r\n\tthreads=3\r\n");

        Assert.That(Load(), Is.EqualTo(new EngineOptions { FloatX = DType.Float64, Threads = 3 }));
    }

    [Test]
    public void The_file_in_the_current_folder_is_read_in_place_of_the_one_at_home()
    {
        Write(_home, "[global]\nthreads = 1\n");
        Assert.That(Load().Threads, Is.EqualTo(1));

        Write(_current, "[global]\nthreads = 2\n");
        Assert.That(Load().Threads, Is.EqualTo(2));
    }

    [Test]
    public void A_file_named_by_the_variable_is_read_in_place_of_both()
    {
        Write(_current, "[global]\nthreads = 2\n");
        File.WriteAllText(_home.File("other"), "[global]\nfloatX = float64\n");
        _environment["ENGINERC"] = _home.File("other");

        Assert.That(Load(), Is.EqualTo(new EngineOptions { FloatX = DType.Float64 }));
    }

    [Test]
    public void A_file_named_by_the_variable_but_missing_is_an_error()
    {
        _environment["ENGINERC"] = "missing.ini";

        Assert.That(Load, Throws.TypeOf<EngineException>().With.Message.Contains(_current.File("missing.ini"))
            .And.Message.Contains("which $ENGINERC names"));
    }

    [Test]
    public void The_command_line_goes_before_the_flags_and_these_before_the_file()
    {
        Write(_current, "[global]\ndevice = cuda\nfloatX = float64\nthreads = 4\n");
        Assert.That(Load().Device, Is.EqualTo(new DeviceChoice(DeviceFamily.Cuda)));

        _environment["ENGINE_FLAGS"] = "device=cpu,threads=3";
        Assert.That(Load().Device, Is.EqualTo(new DeviceChoice(DeviceFamily.Cpu)));

        _commandLine["device"] = "auto";
        Assert.That(Load(), Is.EqualTo(new EngineOptions { FloatX = DType.Float64, Threads = 3 }));
    }

    [Test]
    public void Of_two_flags_for_one_key_the_rightmost_counts()
    {
        _environment["ENGINE_FLAGS"] = " nvcc.fastmath = True , threads=1,threads=8,";

        Assert.That(Load(), Is.EqualTo(new EngineOptions { FastMath = true, Threads = 8 }));
    }

    [Test]
    public void Products_on_tensor_cores_are_a_key_of_the_file()
    {
        Write(_current, "[cuda]\ntf32 = True\n");

        Assert.That(Load(), Is.EqualTo(new EngineOptions { TensorFloat32 = true }));
    }

    [Test]
    public void An_unknown_key_of_the_file_is_named_with_its_line_and_the_known_ones()
    {
        Write(_current, "[global]\n\ndevise = gpu\n");

        AssertFails($"{_current.File(".enginerc")}, line 3: unknown key 'devise'; "
            + "known are device, floatX, threads, optimizer, optimizer_excluding, optimizer_including, mode, "
            + "nvcc.fastmath, cuda.tf32.");
    }

    [Test]
    public void An_unknown_flag_is_named_with_its_variable()
    {
        _environment["ENGINE_FLAGS"] = "device=cpu,fastmath=True";

        AssertFails("$ENGINE_FLAGS: unknown key 'fastmath'; known are device, floatX, threads, optimizer, "
            + "optimizer_excluding, optimizer_including, mode, nvcc.fastmath, cuda.tf32.");
    }

    [Test]
    public void A_bad_value_is_named_with_the_good_ones()
    {
        _commandLine["floatX"] = "float16";

        AssertFails("The command line: floatX cannot be 'float16'; it may be float32, float64.");
    }

    [TestCase("device", "tpu")]
    [TestCase("device", "")]
    [TestCase("device", "cpu0")]
    [TestCase("device", "cuda-1")]
    [TestCase("device", "cuda99999999999")]
    [TestCase("threads", "0")]
    [TestCase("threads", "-1")]
    [TestCase("threads", "many")]
    [TestCase("nvcc.fastmath", "maybe")]
    [TestCase("cuda.tf32", "maybe")]
    public void Values_that_mean_nothing_are_refused(string key, string value)
    {
        _environment["ENGINE_FLAGS"] = $"{key}={value}";

        Assert.That(Load, Throws.TypeOf<EngineException>()
            .With.Message.StartsWith($"$ENGINE_FLAGS: {key} cannot be '{value}'; it may be "));
    }

    [TestCase("[global]\n[blas]\n", "line 2: unknown section 'blas'; known are [global], [nvcc], [cuda].")]
    [TestCase("[global\n", "line 1: unknown section '[global'; known are [global], [nvcc], [cuda].")]
    [TestCase("device = cpu\n", "line 1: 'device = cpu' stands before any section; write [global] above it.")]
    [TestCase("[global]\ndevice\n", "line 2: 'device' is neither [section] nor key = value nor a # comment.")]
    [TestCase("[global]\ndevice=cpu\n\nDevice=gpu\n", "line 4: Device is given twice; the first time on line 2.")]
    public void A_malformed_file_is_refused_with_the_line(string text, string message)
    {
        Write(_current, text);

        AssertFails($"{_current.File(".enginerc")}, {message}");
    }

    [Test]
    public void A_flag_without_a_value_is_refused()
    {
        _environment["ENGINE_FLAGS"] = "device";

        AssertFails("$ENGINE_FLAGS: 'device' is not key=value; write, for example, device=cpu,floatX=float32.");
    }

    [TestCase("auto", DeviceFamily.Auto, null, "auto")]
    [TestCase("CPU", DeviceFamily.Cpu, null, "cpu")]
    [TestCase("gpu", DeviceFamily.Cuda, null, "cuda")]
    [TestCase("gpu0", DeviceFamily.Cuda, 0, "cuda0")]
    [TestCase("cuda12", DeviceFamily.Cuda, 12, "cuda12")]
    public void Devices_are_read_in_Theanos_older_and_newer_names(
        string text, DeviceFamily family, int? ordinal, string name)
    {
        Assert.That(DeviceChoice.TryParse(text, out DeviceChoice choice));
        Assert.That(choice, Is.EqualTo(new DeviceChoice(family, ordinal)));
        Assert.That(choice.ToString(), Is.EqualTo(name));
    }

    private static void Write(TempFolder folder, string text) => File.WriteAllText(folder.File(".enginerc"), text);

    private EngineOptions Load() =>
        EngineOptions.Load(_commandLine, _environment.GetValueOrDefault, _current.Path, _home.Path);

    private void AssertFails(string message) =>
        Assert.That(Load, Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
}
