using System.Text;
using Engine.Data;

namespace Engine.Tests.Data;

public class TextFolderTests
{
    private const string Letters = "Grüße aus Köln, ça va?";

    private static readonly Encoding s_windows = CodePagesEncodingProvider.Instance.GetEncoding(1252)!;

    private static IEnumerable<TestCaseData> Encoded =>
    [
        new(Encoding.UTF8.GetBytes(Letters)) { TestName = "UTF-8" },
        new((byte[])[.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Letters)]) { TestName = "UTF-8 with a mark" },
        new(s_windows.GetBytes(Letters)) { TestName = "Latin-1" },
        new((byte[])[.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes(Letters)])
        {
            TestName = "UTF-16 with a mark",
        },
        new((byte[])[.. Encoding.BigEndianUnicode.Preamble, .. Encoding.BigEndianUnicode.GetBytes(Letters)])
        {
            TestName = "UTF-16BE with a mark",
        },
        new(Encoding.Unicode.GetBytes(Letters)) { TestName = "UTF-16" },
        new(Encoding.BigEndianUnicode.GetBytes(Letters)) { TestName = "UTF-16BE" },
        new((byte[])[.. Encoding.UTF32.Preamble, .. Encoding.UTF32.GetBytes(Letters)])
        {
            TestName = "UTF-32 with a mark",
        },
    ];

    private static IEnumerable<TestCaseData> NoTexts =>
    [
        new((byte[])[0x7F, .. "ELF"u8, 2, 1, 1, 0, 0, 0, 0xF0], "is no text") { TestName = "a program" },
        new((byte[])[0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 0x80], "is no text") { TestName = "a picture" },
        new((byte[])[], "is empty") { TestName = "nothing" },
        new((byte[])[.. " \r\n"u8], "is empty") { TestName = "blanks" },
        new(Encoding.UTF8.GetBytes(new string('x', (1 << 20) + 1)),
            "has 1,048,577 bytes, and a text has 1,048,576 at most: cut it into pieces") { TestName = "too long" },
    ];

    [TestCaseSource(nameof(Encoded))]
    public void A_text_is_read_in_its_encoding(byte[] bytes)
    {
        using TempFolder folder = Texts();
        File.WriteAllBytes(folder.File("a/x.txt"), bytes);

        DataSet data = new TextFolder(folder.Path).Load();

        Assert.That(((TextColumn)data.Train["text"]).Words, Has.Member(Letters));
        Assert.That(data.Train.Count, Is.EqualTo(21));
        Assert.That(data.Warnings, Is.Empty);
    }

    [TestCaseSource(nameof(NoTexts))]
    public void A_file_that_is_no_text_is_named_and_left_out_and_many_are_refused(byte[] bytes, string said)
    {
        using TempFolder folder = Texts();
        File.WriteAllBytes(folder.File("a/x.txt"), bytes);

        DataSet data = new TextFolder(folder.Path).Load();

        Assert.That(data.Train.Count, Is.EqualTo(20));
        Assert.That(data.Warnings,
            Has.One.Contains("Left out: 1 text that cannot be read").And.One.Contains(said).And.One.Contains("x.txt"));
        Assert.That(() => new TextFolder(folder.Path) { MaxBroken = 0 }.Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("1 of 21 texts cannot be read"));
        Assert.That(() => TextFolder.ReadFile(folder.File("a/x.txt"), "text", null),
            Throws.InstanceOf<EngineException>().With.Message.Contains(said));
    }

    [Test]
    public void Every_text_counts_whatever_the_case_of_its_ending_and_links_to_files_too()
    {
        Assume.That(OperatingSystem.IsWindows(), Is.False);
        using TempFolder folder = Texts();
        File.WriteAllText(folder.File("a/LOUD.TXT"), "loud");
        File.WriteAllText(folder.File("elsewhere"), "linked");
        File.CreateSymbolicLink(folder.File("b/link.txt"), folder.File("elsewhere"));
        Directory.CreateSymbolicLink(folder.File("b/loop"), folder.Path);
        File.WriteAllText(folder.File("b/notes.md"), "");

        DataSet data = new TextFolder(folder.Path).Load();

        Assert.That(((TextColumn)data.Train["text"]).Words, Has.Member("loud").And.Member("linked"));
        Assert.That(data.Train.Count, Is.EqualTo(22));
        Assert.That(data.Warnings, Has.One.Contains("Left out of").And.One.Contains("2 files that do not end in .txt"));
    }

    [Test]
    public void Encodings_are_said_and_can_be_given()
    {
        using TempFolder folder = Texts();
        File.WriteAllBytes(folder.File("a/x.txt"), [0xE4]);

        Assert.That(new TextFolder(folder.Path).Load().Notes,
            Has.One.EndsWith("21 texts of 2 classes; 20 in UTF-8, 1 in WINDOWS-1252."));
        DataSet cyrillic = new TextFolder(folder.Path)
        {
            Encoding = CodePagesEncodingProvider.Instance.GetEncoding("windows-1251"),
        }.Load();
        Assert.That(((TextColumn)cyrillic.Train["text"]).Words, Has.Member("д"));
        Assert.That(cyrillic.Notes, Has.One.EndsWith("WINDOWS-1251."));
    }

    [Test]
    public void One_class_is_refused()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("a"));
        File.WriteAllText(folder.File("a/x.txt"), "x");

        Assert.That(() => new TextFolder(folder.Path).Load(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("one class alone, 'a'"));
    }

    private static TempFolder Texts()
    {
        var folder = new TempFolder();
        for (int i = 0; i < 20; i++)
        {
            string path = folder.File($"{(i % 2 == 0 ? "a" : "b")}/{i}.txt");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, $"text {i}");
        }

        return folder;
    }
}
