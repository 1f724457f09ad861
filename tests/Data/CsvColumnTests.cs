using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>What the columns of a table are: names of classes, numbers with or without units, texts.</summary>
public class CsvColumnTests
{
    /// <summary>A file whose column y is predicted, and the names of its classes in their order.</summary>
    private static readonly (string Name, string Text, string Classes)[] s_labels =
    [
        ("zeros before", "x,y\n1,007\n2,7\n3,007\n4,7\n", "007|7"),
        ("more digits than float64 has", "x,y\n1,9007199254740993\n2,9007199254740992\n3,9007199254740993\n",
            "9007199254740992|9007199254740993"),
        ("fractions of 0", "x,y\n1,1.0\n2,2.0\n3,1.0\n4,2.0\n", "1.0|2.0"),
        ("two spellings of a number", "x,y\n1,1\n2,2\n3,1.0\n4,2\n", "1|2"),
        ("signs", "x,y\n1,+\n2,-\n3,+\n", "+|-"),
        ("none", "x,y\n1,none\n2,mild\n3,None\n", "None|mild|none"),
        ("comments", "x,y\n1,# a\n2,% b\n3,# a\n", "# a|% b"),
        ("zip codes", "x,y\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i % 7},0{1000 + (i % 30)}\n")),
            string.Join('|', Enumerable.Range(1000, 30).Select(i => $"0{i}"))),
        ("a number with zeros after many without", "x,y\n"
            + string.Concat(Enumerable.Range(1, 2400).Select(i => $"{i % 7},{1 + (i % 1200)}\n")) + "1,007\n2,007\n",
            string.Join('|', Enumerable.Range(1, 6)) + "|007|" + string.Join('|', Enumerable.Range(7, 1194))),
    ];

    private static IEnumerable<TestCaseData> Labels() => s_labels.Select(file =>
        new TestCaseData(file.Text, file.Classes).SetArgDisplayNames(file.Name));

    [TestCaseSource(nameof(Labels))]
    public void The_text_of_a_cell_is_the_name_of_its_class(string text, string classes)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), text);

        Column target = new Csv(folder.File("t.csv")) { Target = "y" }.Load().Train["y"];

        var found = (ClassTarget)Target.Fit(target, areValues: classes.Length > 1000 ? false : null);
        Assert.That(string.Join('|', found.Classes), Is.EqualTo(classes));
        int[] labels = found.Apply(target).ToArray<int>();
        string[] names = [.. text.Trim().Split('\n').Skip(1).Select(line => line.Split(',')[1])];
        Assert.That(labels.Select((label, row) => (found.Classes[label], names[row]))
            .Where(pair => pair.Item1 != pair.Item2), Is.All.EqualTo(("1", "1.0")));
    }

    [Test]
    public void What_is_passed_over_is_said()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "// about\nx,y\n1,a\n// between\n2,NA\n3,b\n4,\n");

        IReadOnlyList<string> notes = new Csv(folder.File("t.csv")).Load().Notes;

        Assert.That(notes, Has.One.EqualTo("Passed over: 2 lines of comments, such as '// about'."));
        Assert.That(
            notes, Has.One.EqualTo("Left out: 2 rows without a value of the target 'y', which is empty or 'NA' there. "
                + "If that is the name of a class, keep it in this column (KeepNA, --keep-na)."));
    }

    [Test]
    public void A_text_among_many_numbers_is_said()
    {
        using var folder = new TempFolder();
        File.WriteAllText(
            folder.File("t.csv"),
            "x;z;y\n"
                + string.Concat(Enumerable.Range(0, 60)
                    .Select(i => $"{(i == 50 ? "oops" : $"{i},5")};{(i % 2 == 0 ? "beta" : "2,0")};{"ab"[i % 2]}\n")));

        IReadOnlyList<string> notes = new Csv(folder.File("t.csv")) { Target = "y" }.Load().Notes;

        Assert.That(
            notes, Has.One.EqualTo("'x' is taken for texts, though 59 of its 60 values are numbers: 'oops' is none."));
        Assert.That(notes, Has.None.Contains("'z'"));
        Assert.That(
            new Csv(folder.File("t.csv")) { Target = "y", Texts = ["x"] }.Load().Notes, Has.None.Contains("'x'"));
    }

    [TestCase("customer_id", "n * 37 % 1009", true)]
    [TestCase("CustomerID", "n * 37 % 1009", true)]
    [TestCase("y", "100000 + n", true)]
    [TestCase("y", "random", true)]
    [TestCase("y", "uuid", true)]
    [TestCase("y", "0random", true)]
    [TestCase("paid", "n * 37 % 1009", false)]
    [TestCase("price", "1000 * (n * n + 77)", false)]
    [TestCase("y", "n / 8.0", false)]
    [TestCase("y", "n % 4", false)]
    public void A_target_that_numbers_or_names_the_rows_is_warned_of(string name, string kind, bool isWarned)
    {
        using var folder = new TempFolder();
        var random = new Random(3);
        IEnumerable<string> values = Enumerable.Range(1, 60).Select(n => kind switch
        {
            "n * 37 % 1009" => $"{n * 37 % 1009}",
            "100000 + n" => $"{100000 + n}",
            "random" => $"{random.Next(10_000_000, 100_000_000)}",
            "0random" => $"0{random.Next(10_000_000, 100_000_000)}",
            "uuid" => $"{new Guid(random.Next(), 1, 2, new byte[8])}",
            "1000 * (n * n + 77)" => $"{1000 * ((n * n) + 77)}",
            "n / 8.0" => FormattableString.Invariant($"{n / 8.0}"),
            _ => $"{n % 4}",
        });
        File.WriteAllText(
            folder.File("t.csv"), $"x,{name}\n" + string.Concat(values.Select((value, i) => $"{i % 3},{value}\n")));

        IReadOnlyList<string> warnings = new Csv(folder.File("t.csv")) { Target = name }.Load().Warnings;

        Assert.That(
            warnings, isWarned ? Has.One.Contains($"The target '{name}' is another in each of the 60 rows") : Is.Empty);
    }

    [Test]
    public void Types_of_columns_can_be_given_so_that_another_file_is_read_alike()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("train.csv"), "v,n,y\n1.0,1,a\nbeta,2,b\n1.0,3,a\n2.0,4,b\n");
        File.WriteAllText(folder.File("test.csv"), "n,v,y\n1,1.0,a\n2,2.0,b\n");
        File.WriteAllText(folder.File("odd.csv"), "v,n\nbeta,1\n2.0,two\n");

        DataSet data = new Csv(folder.File("train.csv")) { TestPath = folder.File("test.csv") }.Load();
        Preparation inputs = Preparation.Fit(data.Train, "y");
        Csv odd = new Csv(folder.File("odd.csv")).As(inputs, Target.Fit(data.Train["y"]));

        Assert.That(CsvTests.Show(data.Test!), Is.EqualTo("n: 1|2; v: 1.0|2.0; y: a|b"));
        Assert.That(() => odd.Read(), Throws.InstanceOf<DataFormatException>().With.Message
            .Contains("'n' of row 2 is 'two', which is no number"));
        // Numbers find their category, too.
        float[] row = inputs.Apply(Table.Row([new("v", 1.0), new("n", 1)])).ToArray<float>();
        Assert.That(row[..3], Is.EqualTo((float[])[1, 0, 0]), string.Join(' ', ((OneHot)inputs.Transforms[0]).Values));
    }

    /// <summary>1.234 and 1,234 are read in two ways; the table that trained says which.</summary>
    [TestCase("x;y\n1.234,5;a\n987,65;b\n", "x\n1.234\n", 1234)]
    [TestCase("x;y\n1.234,5;a\n987,65;b\n", "x\n2,125\n", 2.125)]
    [TestCase("x;y\n1.234,5;a\n987,65;b\n", "x;z\n1.234;0.5\n", 1.234)]
    [TestCase("x;y\n\"1,234.5\";a\n987.65;b\n", "x;z\n1,234;1\n", 1234)]
    [TestCase("x,y\n1234.5,a\n987.65,b\n", "x;z\n1,234;1\n", 1234)]
    [TestCase("x;y\n5,1;a\n987,65;b\n", "x\n5,125\n", 5.125)]
    [TestCase("x;y\n5,1;a\n987,65;b\n", "x;z\n1.234;2,345\n", 1234)]
    public void A_number_that_can_be_read_in_two_ways_is_read_as_in_the_table_that_trained(
        string train, string other, double expected)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("train.csv"), train);
        File.WriteAllText(folder.File("other.csv"), other);
        DecimalStyle usual = new Csv(folder.File("train.csv")).DetectDecimals();

        Table table = new Csv(folder.File("other.csv")) { UsualDecimals = usual }.Read();

        Assert.That(((NumberColumn)table["x"]).Values[0], Is.EqualTo(expected));
    }

    /// <summary>A column's unit goes with the model: later files and texts have it, or none, and no other.</summary>
    [TestCase("share\n12%\n", 12)]
    [TestCase("share\n12\n", 12)]
    [TestCase("share\n-1,5 %\n", -1.5)]
    [TestCase("share\n€12\n", null)]
    public void A_model_reads_units_as_in_the_table_that_trained(string other, double? expected)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("train.csv"),
            "share;price\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i},5 %;€ {i * i % 37},20\n")));
        DataSet data = new Csv(folder.File("train.csv")) { Target = "price" }.Load();
        Preparation inputs = Preparation.Fit(data.Train, "price");
        var target = (ValueTarget)Target.Fit(data.Train["price"]);
        File.WriteAllText(folder.File("other.csv"), other);
        Csv file = new Csv(folder.File("other.csv")) { UsualDecimals = DecimalStyle.Comma }.As(inputs, target);

        Assert.That(
            (target.Unit, inputs.Transforms[0].Words), Is.EqualTo(("€", "(x - 20) / 11.54, missing: 20, x in %")));
        if (expected is { } number)
        {
            Assert.That(((NumberColumn)file.Read()["share"]).Values[0], Is.EqualTo(number));
            Assert.That(
                inputs.Apply(Table.Row([new("share", FormattableString.Invariant($"{number} %"))])).ToArray<float>(),
                Is.EqualTo(inputs.Apply(Table.Row([new("share", number)])).ToArray<float>()));
        }
        else
        {
            Assert.That(() => file.Read(),
                Throws.TypeOf<DataFormatException>().With.Message.Contains("'€12', which is no number in %"));
            Assert.That(() => inputs.Apply(Table.Row([new("share", "€12")])), Throws.TypeOf<EngineException>());
        }
    }

    /// <summary>Booleans are written as words by pandas and as numbers by others, whichever of them trained.</summary>
    [TestCase("True", "False")]
    [TestCase("TRUE", "FALSE")]
    [TestCase("1", "0")]
    [TestCase("1.0", "0.0")]
    public void A_model_reads_booleans_as_words_and_as_numbers(string yes, string no)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), $"flag,word,y\n{yes},{yes},a\n{no},{no},b\n");
        var train = new Table(
            new NumberColumn("flag", [1, 0]), new TextColumn("word", ["True", "False"]),
            new TextColumn("y", ["a", "b"]));
        Preparation inputs = Preparation.Fit(train, "y");

        Table table = new Csv(folder.File("t.csv")).As(inputs, Target.Fit(train["y"])).Read();

        Assert.That(inputs.Apply(table).ToArray<float>(), Is.EqualTo(inputs.Apply(train).ToArray<float>()));
    }

    [Test]
    public void What_makes_a_column_of_numbers_one_of_texts_is_said()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "a,y\n1%,u\n2%,v\n3,u\n4%,v\n");

        Assert.That(
            new Csv(folder.File("t.csv")).Load().Notes,
            Has.Some.EqualTo("'a' is taken for texts, though 3 of its 4 values are numbers in %: '3' is none."));
    }

    [TestCase("x\n1.234\n", true, 1234)]
    [TestCase("x;z\n1,234;1\n", true, 1.234)]
    [TestCase("x\n1.234\n", false, 1.234)]
    [TestCase("x;z\n1,234;1\n", false, 1234)]
    public void The_decimal_mark_can_be_said(string text, bool isComma, double expected)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), text);

        Table table = new Csv(folder.File("t.csv")) { DecimalComma = isComma }.Read();

        Assert.That(((NumberColumn)table["x"]).Values[0], Is.EqualTo(expected));
    }
}
