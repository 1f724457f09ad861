using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

public class CubinCacheTests
{
    private static readonly byte[] s_cubin = [1, 2, 3, 4, 5];

    [Test]
    public void What_is_kept_is_found_under_its_key_alone()
    {
        using var folder = new TempFolder();
        var cache = new CubinCache(folder.File("cubins"));

        cache.Keep("key", s_cubin);

        Assert.That(cache.Find("key"), Is.EqualTo(s_cubin));
        Assert.That(cache.Find("another key"), Is.Null);
        Assert.That(Directory.GetFiles(folder.File("cubins")), Has.Length.EqualTo(1), "no temporary file is left");
    }

    [Test]
    public void An_entry_that_was_changed_or_cut_short_is_not_used([Values(0, 31, 36)] int changed, [Values] bool cut)
    {
        using var folder = new TempFolder();
        var cache = new CubinCache(folder.Path);
        cache.Keep("key", s_cubin);
        byte[] entry = File.ReadAllBytes(cache.PathOf("key"));
        entry[changed] ^= 1;

        File.WriteAllBytes(cache.PathOf("key"), cut ? entry[..changed] : entry);

        Assert.That(cache.Find("key"), Is.Null);
    }

    [Test]
    public void Another_keys_entry_is_not_used()
    {
        using var folder = new TempFolder();
        var cache = new CubinCache(folder.Path);
        cache.Keep("key", s_cubin);

        File.Move(cache.PathOf("key"), cache.PathOf("another key"));

        Assert.That(cache.Find("another key"), Is.Null);
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_done_without()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("file"), "");
        var cache = new CubinCache(Path.Combine(folder.File("file"), "cubins"));

        cache.Keep("key", s_cubin);

        Assert.That(cache.Find("key"), Is.Null);
    }

    [Test]
    public void No_folder_is_done_without()
    {
        var cache = new CubinCache(null);

        cache.Keep("key", s_cubin);

        Assert.That(cache.Find("key"), Is.Null);
    }
}
