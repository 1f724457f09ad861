using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

public class CachesTests
{
    [TestCase(1)]
    [TestCase(2)]
    [Platform("Linux")]
    public void They_are_what_the_system_says_they_are(int level)
    {
        Assume.That(System.Runtime.Intrinsics.X86.X86Base.IsSupported, "Only these processors are asked.");
        const string Folder = "/sys/devices/system/cpu/cpu0/cache";
        Assume.That(Directory.Exists(Folder), "This system does not describe its caches.");
        string? cache = Directory.GetDirectories(Folder, "index*").FirstOrDefault(index =>
            Read(index, "level") == $"{level}" && Read(index, "type") is "Data" or "Unified");
        Assume.That(cache, Is.Not.Null, "This system does not describe this cache.");

        int bytes = level == 1 ? Caches.FirstBytes : Caches.SecondBytes;

        Assert.That($"{bytes >> 10}K", Is.EqualTo(Read(cache!, "size")));

        static string Read(string cache, string name) => File.ReadAllText($"{cache}/{name}").Trim();
    }

    [Test]
    public void Their_sizes_are_such_as_caches_have()
    {
        Assert.That(Caches.FirstBytes, Is.InRange(8 << 10, 1 << 28));
        Assert.That(Caches.SecondBytes, Is.InRange(8 << 10, 1 << 28));
    }
}
