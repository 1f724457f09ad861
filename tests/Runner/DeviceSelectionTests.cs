using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Runner;

namespace Engine.Tests.Runner;

public class DeviceSelectionTests
{
    private static readonly DeviceChoice s_missing = new(DeviceFamily.Cuda, 99);

    [Test]
    public void A_gpu_asked_for_on_the_command_line_must_be_there() => Assert.That(
        () => DeviceSelection.Open(s_missing, new EngineOptions { Device = s_missing }, TextWriter.Null),
        Throws.TypeOf<EngineException>().With.Message.StartsWith("--device cuda99: "));

    [Test]
    public void For_a_gpu_that_the_configuration_asks_for_the_cpu_may_stand_in_and_it_is_said()
    {
        var notes = new StringWriter();

        using Device device = DeviceSelection.Open(null, new EngineOptions { Device = s_missing }, notes);

        Assert.That(device.IsGpu, Is.False);
        Assert.That(
            notes.ToString(), Does.StartWith("The configuration asks for device = cuda99, which cannot be used"));
    }

    [Test]
    public void Auto_is_the_gpu_where_there_is_one_and_else_the_cpu_with_a_line_that_says_why()
    {
        var notes = new StringWriter();
        bool isGpu = CudaSetup.Find() is { Driver.Problem: null, Nvrtc.Problem: null };

        using Device device = DeviceSelection.Open(null, new EngineOptions(), notes);

        Assert.That(device.IsGpu, Is.EqualTo(isGpu));
        Assert.That(notes.ToString(), isGpu ? Is.Empty : Does.Match(@"\AUsing the cpu: [^\n]+\.\r?\n\z"));
    }

    [Test]
    public void The_cpu_has_the_threads_asked_for()
    {
        var options = new EngineOptions { Device = new DeviceChoice(DeviceFamily.Cpu), Threads = 2 };

        using Device device = DeviceSelection.Open(null, options, TextWriter.Null);

        Assert.That(device, Is.TypeOf<Engine.Devices.Cpu.CpuDevice>().With.Property("Threads").EqualTo(2));
    }
}
