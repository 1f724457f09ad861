using Engine.Build;

namespace Engine.Tests.Build;

public class StampTests
{
    private TempFolder _folder = null!;
    private Stamp _stamp = null!;
    private string _taken = "";

    [SetUp]
    public void BuildOnce()
    {
        _folder = new TempFolder();
        Directory.CreateDirectory(_folder.File("src/inner"));
        File.WriteAllText(_folder.File("src/a.cs"), "a");
        File.WriteAllText(_folder.File("src/inner/b.cs"), "b");
        File.WriteAllText(_folder.File("one.props"), "c");
        _stamp = new Stamp(_folder.File("stamp"), _folder.Path, ["src", "one.props"]);
        _taken = _stamp.Take();
        _stamp.Write(_taken);
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void A_stamp_holds_while_nothing_changes()
    {
        Assert.That(_stamp.Holds(_stamp.Take()));

        File.Delete(_folder.File("stamp"));
        Assert.That(_stamp.Holds(_stamp.Take()), Is.False);
    }

    [Test]
    public void Every_kind_of_change_is_noticed([Values] Change change)
    {
        string file = _folder.File("src/inner/b.cs");
        switch (change)
        {
            case Change.Longer:
                File.WriteAllText(file, "bb");
                break;
            case Change.WrittenEarlier:
                File.SetLastWriteTimeUtc(file, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
                break;
            case Change.Deleted:
                File.Delete(file);
                break;
            case Change.Renamed:
                File.Move(file, _folder.File("src/inner/c.cs"));
                break;
            case Change.Added:
                File.WriteAllText(_folder.File("src/inner/d.cs"), "");
                break;
            case Change.Props:
                File.WriteAllText(_folder.File("one.props"), "longer");
                break;
        }

        Assert.That(_stamp.Holds(_stamp.Take()), Is.False);
    }

    public enum Change
    {
        Longer,
        WrittenEarlier,
        Deleted,
        Renamed,
        Added,
        Props,
    }
}
