using Engine.Data;

namespace Engine.Tests.Data;

public class Cifar10LoadTests
{
    private static readonly DownloadSource s_unreachable =
        DownloadSource.Cifar10 with { Handler = () => new DownloaderTests.Unreachable() };

    private Batches _batches = null!;
    private Dictionary<string, string> _variables = null!;

    private Cifar10Options Options => new()
    {
        CurrentFolder = Path.Combine(_batches.Folder, "here"),
        Variable = name => _variables.GetValueOrDefault(name),
        Download = s_unreachable,
        SyntheticSize = (20, 10),
    };

    private string Cache => Cifar10.CacheFolder(name => _variables.GetValueOrDefault(name));

    [SetUp]
    public void MakeFolder()
    {
        _batches = new Batches();
        _variables = new() { ["XDG_CACHE_HOME"] = Path.Combine(_batches.Folder, "cache") };
    }

    [TearDown]
    public void DeleteFolder() => _batches.Dispose();

    [Test]
    public void The_first_place_that_holds_data_counts()
    {
        _variables["ENGINE_DATA"] = Path.Combine(_batches.Folder, "named");
        string[] folders = OperatingSystem.IsWindows()
            ? ["named", "here/data"]
            : ["named", "here/data", "cache/engine"];
        foreach (string folder in folders)
        {
            _batches.With(Batches.Small(), folder);
        }

        foreach (string folder in folders)
        {
            Cifar10Set set = Cifar10.Load(Options);

            Batches.AssertSmall(set with { Notice = null });
            Assert.That(set.Source, Is.EqualTo(Path.GetFullPath(folder, _batches.Folder)));
            Assert.That(set.Notice, folder == "named" ? Is.Null : Does.Contain("ENGINE_DATA").And.Contain(set.Source));
            Directory.Delete(Path.Combine(_batches.Folder, folder), recursive: true);
        }

        Assert.That(Cifar10.Load(Options).IsSynthetic);
    }

    [Test]
    public void A_given_path_is_the_only_place()
    {
        _batches.With(Batches.Small(), "here/data").With(Batches.Small(), "mine");

        Batches.AssertSmall(Cifar10.Load(Options with { Path = Path.Combine(_batches.Folder, "mine") }));
        Assert.That(() => Cifar10.Load(Options with { Path = Path.Combine(_batches.Folder, "cache") }),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("cache does not exist"));
        Assert.That(() => Cifar10.Load(Options with { Path = Path.Combine(_batches.Folder, "here") }),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("holds no CIFAR-10"));
    }

    [Test]
    public void Damaged_data_that_are_found_are_an_error_and_no_reason_to_look_elsewhere()
    {
        _batches.With(Batches.Small(), "here/data").Write("here/data/test_batch", [0x80]);

        Assert.That(() => Cifar10.Load(Options),
            Throws.TypeOf<DataFormatException>().With.Message.Contains("test_batch"));
    }

    [Test]
    public void Without_data_and_network_a_set_is_drawn_that_says_why()
    {
        Cifar10Set set = Cifar10.Load(Options);

        Assert.That(set.IsSynthetic);
        Assert.That((set.Train.Count, set.Test.Count), Is.EqualTo((20, 10)));
        Assert.That(set.Notice, Does.StartWith("No CIFAR-10 found in ").And.Contain(Path.Combine("here", "data"))
            .And.Contain("the download failed: ").And.Contain("Name or service not known")
            .And.EndsWith("using a built-in drawn set: accuracies are not CIFAR-10's."));
    }

    [Test]
    public void Where_no_download_is_wanted_none_is_tried()
    {
        Cifar10Options options = Options with
        {
            AllowDownload = false,
            Download = s_unreachable with { Handler = () => throw new AssertionException("It was tried.") },
        };

        Assert.That(Cifar10.Load(options).Notice, Does.Contain("no download was wanted"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "The cache folder cannot be moved there.")]
    public void A_download_is_unpacked_into_the_cache_and_found_there_the_next_time()
    {
        byte[] archive = Batches.Archive(Batches.Small());
        using (var server = new LoopbackServer(archive))
        {
            Batches.AssertSmall(Cifar10.Load(
                Options with { Download = DownloaderTests.SourceOf(server.Url, archive) }));
        }

        Assert.That(Directory.EnumerateFileSystemEntries(Cache).Select(Path.GetFileName),
            Is.EqualTo(new[] { "cifar-10-batches-py" }));
        Cifar10Set again = Cifar10.Load(Options);
        Batches.AssertSmall(again);
        Assert.That(again.Source, Is.EqualTo(Path.Combine(Cache, "cifar-10-batches-py")));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "The cache folder cannot be moved there.")]
    public void A_wrong_download_is_not_read()
    {
        using var server = new LoopbackServer(Batches.Archive(Batches.Small()));

        Cifar10Set set = Cifar10.Load(Options with { Download = DownloadSource.Cifar10 with { Url = server.Url } });

        Assert.That(set.IsSynthetic);
        Assert.That(set.Notice, Does.Contain("is not CIFAR-10").And.Contain(DownloadSource.Cifar10.Md5));
        Assert.That(Directory.EnumerateFileSystemEntries(Cache), Is.Empty);
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "The cache folder is another there.")]
    public void The_cache_folder_is_XDG_s_when_it_is_absolute_and_else_in_the_home_folder()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

        Assert.That(Cifar10.CacheFolder(_ => "/var/cache"), Is.EqualTo("/var/cache/engine"));
        Assert.That(Cifar10.CacheFolder(_ => "relative"), Is.EqualTo(Path.Combine(home, ".cache", "engine")));
        Assert.That(Cifar10.CacheFolder(_ => null), Is.EqualTo(Path.Combine(home, ".cache", "engine")));
    }
}
