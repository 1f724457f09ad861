using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Engine.Build;

namespace Engine.Tests.Build;

public class PackagesTests
{
    private const string Url = "https://example.org/engine";

    [Test]
    public void The_library_is_packed_small_managed_documented_and_without_a_path_of_this_machine()
    {
        Assume.That(AppContext.BaseDirectory, Does.Contain("release"));
        using var folder = new TempFolder();

        int code = Dotnet.RunQuietly(
            "pack", "src/Engine", "-c", "Release", "--no-build", "-o", folder.Path, "-v", "q", "--nologo",
            $"-p:PackageProjectUrl={Url}");

        Assert.That(code, Is.Zero);
        string package = Directory.GetFiles(folder.Path, "Engine.*.nupkg").Single();
        string symbols = Directory.GetFiles(folder.Path, "Engine.*.snupkg").Single();
        Assert.That(Packages.Complaints(package), Is.Empty);
        Assert.That(Packages.Complaints(symbols), Is.Empty);
        Assert.That(Files(symbols), Does.Contain("lib/net10.0/Engine.pdb"));
        Assert.That(
            Files(package).Where(file => file[0] is not ('_' or '[') && !file.StartsWith("package/")),
            Is.EquivalentTo((string[])
            [
                "Engine.nuspec", "LICENSE", "README.md", "icon.png",
                "buildTransitive/Engine.props", "lib/net10.0/Engine.dll", "lib/net10.0/Engine.xml",
            ]));

        XElement data = Metadata(package);
        Assert.That(Text(data, "version"), Is.EqualTo(typeof(Tensor).Assembly.GetName().Version!.ToString(3)));
        Assert.That(Text(data, "license"), Is.EqualTo("Apache-2.0"));
        Assert.That(Text(data, "readme"), Is.EqualTo("README.md"));
        Assert.That(Text(data, "icon"), Is.EqualTo("icon.png"));
        Assert.That(Text(data, "projectUrl"), Is.EqualTo(Url));
        Assert.That(Text(data, "tags"), Does.Contain("neural-network"));
        Assert.That(Readme(package), Does.Match($@"!\[.*\]\({Url}/raw/\w+/docs/images/training\.png\)")
            .And.Match($@"\]\({Url}/blob/\w+/CONTRIBUTING\.md\)")
            .And.Not.Match(@"\]\((?!https://)"));
        Assert.That(data.Descendants().Where(element => element.Name.LocalName == "dependency"), Is.Empty);
    }

    [TestCase("true", 6)]
    [TestCase("false", 1)]
    public void Native_code_for_pictures_is_packed_for_six_systems_and_built_for_one(string isPacking, int systems)
    {
        const string Native = "RuntimeTargetsCopyLocalItems";
        string[] arguments =
            ["msbuild", "src/Runner", "-t:ResolvePackageAssets", $"-getItem:{Native}", $"-p:_IsPacking={isPacking}"];
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        using var items = JsonDocument.Parse(process.StandardOutput.ReadToEnd());
        process.WaitForExit();
        string?[] kept = [.. items.RootElement.GetProperty("Items").GetProperty(Native).EnumerateArray()
            .Select(item => item.GetProperty("RuntimeIdentifier").GetString())];

        Assert.That(kept.Distinct().ToList(), Has.Count.EqualTo(systems));
        Assert.That(kept, Has.Length.EqualTo(2 * systems), "SkiaSharp's and HarfBuzz's");
    }

    [TestCase("runtimes/linux-x64/native/libEngine.so", "x", "Engine.1.0.0.nupkg has native code")]
    [TestCase("lib/net10.0/engine.exe", "x", "Engine.1.0.0.nupkg has native code")]
    [TestCase("lib/net10.0/Engine.dll", "…ROOT/src/Engine", "Engine.1.0.0.nupkg names a folder of this machine")]
    public void What_a_package_should_not_hold_is_found(string file, string text, string complaint)
    {
        using var folder = new TempFolder();
        foreach (Encoding encoding in (Encoding[])[Encoding.UTF8, Encoding.Unicode])
        {
            byte[] content = encoding.GetBytes(text.Replace("ROOT", Repository.Root, StringComparison.Ordinal));
            string package = Write(folder.File("Engine.1.0.0.nupkg"), file, content);

            Assert.That(Packages.Complaints(package), Has.One.StartsWith(complaint));
        }
    }

    [Test]
    public void A_package_that_is_too_large_is_found()
    {
        using var folder = new TempFolder();
        byte[] noise = new byte[6 << 20];
        new Random(1).NextBytes(noise);

        string package = Write(folder.File("Engine.1.0.0.nupkg"), "lib/net10.0/Engine.dll", noise);

        Assert.That(
            Packages.Complaints(package), Is.EqualTo((string[])["Engine.1.0.0.nupkg has 6.0 MiB, of at most 5."]));
    }

    private static string Readme(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        using var reader = new StreamReader(zip.GetEntry("README.md")!.Open());
        return reader.ReadToEnd();
    }

    private static string Write(string package, string file, byte[] content)
    {
        File.Delete(package);
        using ZipArchive zip = ZipFile.Open(package, ZipArchiveMode.Create);
        using Stream stream = zip.CreateEntry(file).Open();
        stream.Write(content);
        return package;
    }

    private static string[] Files(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        return [.. zip.Entries.Select(entry => entry.FullName)];
    }

    private static XElement Metadata(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        using Stream stream = zip.GetEntry("Engine.nuspec")!.Open();
        return XDocument.Load(stream).Root!;
    }

    private static string Text(XElement data, string name) =>
        data.Descendants().First(element => element.Name.LocalName == name).Value;
}
