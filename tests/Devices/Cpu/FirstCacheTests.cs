using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public class FirstCacheTests
{
    [Test]
    [Platform("Linux")]
    public void It_is_what_the_system_says_it_is()
    {
        Assume.That(System.Runtime.Intrinsics.X86.X86Base.IsSupported, "Only these processors are asked.");
        const string Folder = "/sys/devices/system/cpu/cpu0/cache/index0";
        Assume.That(File.Exists($"{Folder}/ways_of_associativity"), "This system does not describe its caches.");
        Assume.That(File.ReadAllText($"{Folder}/type").Trim(), Is.EqualTo("Data"));
        string size = File.ReadAllText($"{Folder}/size").Trim();

        (int bytes, int ways) = FirstCache.Size;

        Assert.That($"{bytes >> 10}K", Is.EqualTo(size));
        Assert.That($"{ways}", Is.EqualTo(File.ReadAllText($"{Folder}/ways_of_associativity").Trim()));
    }

    [Test]
    public void Its_size_is_one_that_caches_have()
    {
        (int bytes, int ways) = FirstCache.Size;

        Assert.That(bytes, Is.InRange(8 << 10, 1 << 20));
        Assert.That(ways, Is.InRange(1, 64));
        Assert.That(bytes % ways, Is.Zero);
    }
}
