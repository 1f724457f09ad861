using Engine.Interop;

namespace Engine.Tests.Interop;

public class RemediesTests
{
    [Test]
    public void What_to_do_is_what_can_be_done_on_that_system([Range(0, 4)] int which)
    {
        var system = (HostSystem)which;
        string[] remedies =
            [Remedies.Driver(system), Remedies.Nvrtc(system), Remedies.CuBlas(system), Remedies.Nccl(system)];

        Assert.That(remedies, Has.All.Not.Empty);
        bool isDebian = system is HostSystem.Debian or HostSystem.Wsl;
        Assert.That(remedies.Any(remedy => remedy.Contains("Debian", StringComparison.Ordinal)), Is.EqualTo(isDebian));
        Assert.That(
            remedies.All(remedy => remedy.StartsWith("compute on the CPU", StringComparison.Ordinal)),
            Is.EqualTo(system == HostSystem.MacOS));
    }

    [Test]
    public void This_system_is_one_of_them() =>
        Assert.That(Remedies.Here == HostSystem.Windows, Is.EqualTo(OperatingSystem.IsWindows()));
}
