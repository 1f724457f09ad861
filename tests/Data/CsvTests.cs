using System.IO.Compression;
using System.Text;
using Engine.Data;

namespace Engine.Tests.Data;

public class CsvTests
{
    /// <summary>
    /// A file and its columns: a colon follows the name, bars separate the values, and _ is a missing value.
    /// </summary>
    private static readonly (string Name, string Text, string Expected)[] s_files =
    [
        ("commas", "a,b\n1,x\n2,y\n", "a: 1|2; b: x|y"),
        ("CRLF and no end of line", "a,b\r\n1,x\r\n2,y", "a: 1|2; b: x|y"),
        ("semicolons and decimal commas", "a;b\n1,5;2\n-2,25;3\n", "a: 1.5|-2.25; b: 2|3"),
        ("tabs and decimal commas", "a\tb\n1,5\t2,1\n3,5\t4,1\n", "a: 1.5|3.5; b: 2.1|4.1"),
        ("bars", "a|b\n1|2\n3|4\n", "a: 1|3; b: 2|4"),
        ("runs of blanks", "  1.5   2\n 3.25 10 \n  4    5\n", "column1: 1.5|3.25|4; column2: 2|10|5"),
        ("quoted decimal commas", "\"l\",\"x\"\n\"0\",\"5,1\"\n\"1\",\"4,25\"\n", "l: 0|1; x: 5.1|4.25"),
        ("thousands", "price;n\n\"1,234.5\";1\n\"12,000,000\";2\n", "price: 1234.5|12000000; n: 1|2"),
        ("quotes, doubled and over lines", "a,b\n\"x, \"\"y\"\"\",1\n\"two\nlines\",2\n", "a: x, \"y\"|two\nlines; b: 1|2"),
        ("escaped quotes", "a,b\n\"x \\\"y\\\"\",1\n\"z\",2\n", "a: x \"y\"|z; b: 1|2"),
        ("single quotes", "'a','b','c'\n'1','x','p, q'\n'2','y','r'\n", "a: 1|2; b: x|y; c: p, q|r"),
        ("a lone quote within a field", "a,b\n6\" pipe,1\nrod,2\n", "a: 6\" pipe|rod; b: 1|2"),
        ("blanks after commas", "39, State-gov, 77\n50, ?, 83\n38, Private, 21\n", "column1: 39|50|38; column2: State-gov|_|Private; column3: 77|83|21"),
        ("missing in many words", "a,b\n1,x\nNA,\n?,n/a\nnan,NULL\n2,y\n", "a: 1|_|_|_|2; b: x|_|_|_|y"),
        ("infinity", "a,b\n1,1\ninf,2\n-Infinity,3\n", "a: 1|_|_; b: 1|2|3"),
        ("remarks and empty lines", "// about\n//more\n\na,b\n// in between\n1,2\n\n3,4\n", "a: 1|3; b: 2|4"),
        ("a header that begins with #", "#a\tb\n1\t2\n3\t4\n", "a: 1|3; b: 2|4"),
        ("scikit-learn's line of counts", "3,2,red,blue\n1.5,2.5,0\n3.5,4.5,1\n5.5,6.5,0\n", "column1: 1.5|3.5|5.5; column2: 2.5|4.5|6.5; column3: red|blue|red"),
        ("short rows", "a,b,c\n1,2,3\n4\n5,6\n", "a: 1|4|5; b: 2|_|6; c: 3|_|_"),
        ("a header with more names than there are columns", "a,b,c,d\n1,2\n3,4\n5,6\n", "a: 1|3|5; b: 2|4|6"),
        ("names that are alike or missing", "a,a,\n1,2,3\n4,5,6\n", "a: 1|4; a_2: 2|5; column3: 3|6"),
        ("R's row names", "a,b\nr1,1,2\nr2,3,4\nr3,5,6\n", "column1: r1|r2|r3; a: 1|3|5; b: 2|4|6"),
        ("a header that comes again", "a,b\n1,x\na,b\n2,y\n", "a: 1|2; b: x|y"),
        ("units in a second line", "a,b,kind\ncm,kg,name\n1,2,x\n3,4,y\n5,6,x\n", "a: 1|3|5; b: 2|4|6; kind: x|y|x"),
        ("a second line that is a row of values", "a,b\nten,y\n1,y\n2,z\n3,y\n", "a: ten|1|2|3; b: y|y|z|y"),
        ("no header among words", "red,big\nblue,big\nred,small\nred,big\nblue,small\n", "column1: red|blue|red|red|blue; column2: big|big|small|big|small"),
        ("numbers that turn out to be words", "a,b\n1,1\n2,2\nthree,3\n", "a: 1|2|three; b: 1|2|3"),
        ("exponents", "a,b\n1.5e+02,1\n-3E-1,2\n", "a: 150|-0.3; b: 1|2"),
        ("one column", "1.5\n2.5\n3.5\n", "column1: 1.5|2.5|3.5"),
    ];

    private static IEnumerable<TestCaseData> Files() => s_files.Select(file =>
        new TestCaseData(file.Text, file.Expected).SetArgDisplayNames(file.Name));

    [TestCaseSource(nameof(Files))]
    public void A_file_is_read_as_it_is_written(string text, string expected)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), text);

        Assert.That(Show(Csv.Read(folder.File("t.csv"))), Is.EqualTo(expected));
    }

    [TestCase("utf-8", true)]
    [TestCase("utf-8", false)]
    [TestCase("utf-16", true)]
    [TestCase("utf-16", false)]
    [TestCase("utf-16BE", true)]
    [TestCase("utf-32", true)]
    [TestCase("utf-32BE", true)]
    [TestCase("windows-1252", false)]
    public void Letters_are_read_whatever_they_are_stored_as(string name, bool hasMark)
    {
        using var folder = new TempFolder();
        Encoding encoding = CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        byte[] text = encoding.GetBytes("größe;farbe\n1,5;weiß\n2,5;grün\n");
        File.WriteAllBytes(folder.File("t.csv"), hasMark ? [.. encoding.GetPreamble(), .. text] : text);

        Assert.That(Show(Csv.Read(folder.File("t.csv"))), Is.EqualTo("größe: 1.5|2.5; farbe: weiß|grün"));
    }

    [Test]
    public void The_first_letter_that_is_no_UTF_8_may_stand_at_the_end_of_a_long_file()
    {
        using var folder = new TempFolder();
        byte[] text = Encoding.Latin1.GetBytes("a,b\n" + string.Concat(Enumerable.Repeat("1,plain\n", 200_000)) + "2,wei\u00DF\n");
        File.WriteAllBytes(folder.File("t.csv"), text);

        Table table = Csv.Read(folder.File("t.csv"));

        Assert.That(table.Count, Is.EqualTo(200_001));
        Assert.That(table["b"].Text(200_000), Is.EqualTo("weiß"));
    }

    [Test]
    public void A_packed_file_is_read_and_a_cut_one_refused()
    {
        using var folder = new TempFolder();
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.ASCII.GetBytes("a,b\n1,2\n3,4\n"));
        }

        byte[] packed = bytes.ToArray();
        File.WriteAllBytes(folder.File("t.csv.gz"), packed);
        File.WriteAllBytes(folder.File("wrong.csv.gz"), [.. packed[..12], .. new byte[20]]);

        Assert.That(Show(Csv.Read(folder.File("t.csv.gz"))), Is.EqualTo("a: 1|3; b: 2|4"));
        Assert.That(() => Csv.Read(folder.File("wrong.csv.gz")), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("wrong.csv.gz is damaged"));
    }

    [TestCase("", "is empty")]
    [TestCase("a,b\n", "has no rows")]
    [TestCase("\0\0\0\u0001binary\0", "is no text")]
    [TestCase("a,b\n1,2\n1,2,3\n1,2,3\n1,2\n", "have more values than the 2 columns, the first is row 3")]
    [TestCase("a,b\n1,2\n1,\"2\n3,4\n5,6\n7,8\n9,1\n2,3\n4,5\n6,7\n8,9\n1,2\n", "lines that look like rows themselves: a quote is not closed there")]
    [TestCase("<!DOCTYPE html>\n<html><body>404</body></html>\n", "it is a page of HTML")]
    [TestCase("<?xml version=\"1.0\"?>\n<rows/>\n", "it is XML")]
    [TestCase("[{\"a\": 1, \"b\": 2}]\n", "it is JSON")]
    [TestCase("Once upon a time\nthere was, they say, a king\nwho had, as kings have, a crown\nof gold\nand glass\n", "is no table")]
    public void What_is_no_table_is_refused_in_a_sentence(string text, string said)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), text);

        Assert.That(() => Csv.Read(folder.File("t.csv")), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains(folder.File("t.csv")).And.Message.Contains(said));
    }

    [Test]
    public void A_quote_that_is_not_closed_takes_bounded_memory()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "a,b\n1,\"" + new string('x', 30_000_000));

        Assert.That(() => Csv.Read(folder.File("t.csv")), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("t.csv").And.Message.Contains("a quote is not closed there"));
    }

    [Test]
    public void The_target_is_named_or_usual_or_without_names_the_last()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("named.csv"), "x,price\n1,2\n3,4\n");
        File.WriteAllText(folder.File("usual.csv"), "Class,x\na,2\nb,4\n");
        File.WriteAllText(folder.File("bare.csv"), "1,2\n3,4\n5,6\n");

        Assert.That(new Csv(folder.File("named.csv")) { Target = "PRICE" }.Load().Target, Is.EqualTo("price"));
        Assert.That(new Csv(folder.File("usual.csv")).Load().Target, Is.EqualTo("Class"));
        Assert.That(new Csv(folder.File("bare.csv")).Load().Target, Is.EqualTo("column2"));
        Assert.That(() => new Csv(folder.File("named.csv")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("which column is to be predicted").And.Message.Contains("'price'"));
        Assert.That(() => new Csv(folder.File("named.csv")) { Target = "cost" }.Load(), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("There is no column 'cost'"));
    }

    [Test]
    public void Rows_without_the_target_are_left_out_and_a_target_like_a_number_of_rows_is_warned_of()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("gaps.csv"), "x,y\n1,a\n2,\n3,b\n");
        File.WriteAllText(folder.File("ids.csv"), "x,y\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"{i % 3},{i}\n")));

        DataSet gaps = new Csv(folder.File("gaps.csv")).Load();

        Assert.That(Show(gaps.Train), Is.EqualTo("x: 1|3; y: a|b"));
        Assert.That(gaps.Notes, Has.Some.Contains("Left out: 1 row without a value of the target 'y'"));
        Assert.That(new Csv(folder.File("ids.csv")).Load().Warnings, Has.One.Contains("is another in each of the 40 rows"));
    }

    [Test]
    public void A_target_without_values_or_missing_in_the_rows_to_test_with_is_refused_by_the_files_name()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("none.csv"), "x,y\n1,\n2,nan\n");
        File.WriteAllText(folder.File("train.csv"), "x,y\n1,a\n2,b\n");
        File.WriteAllText(folder.File("test.csv"), "x,z\n1,a\n");

        Assert.That(() => new Csv(folder.File("none.csv")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.EqualTo($"{folder.File("none.csv")}: the target 'y' has no value in any row."));
        Assert.That(() => new Csv(folder.File("train.csv")) { TestPath = folder.File("test.csv") }.Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.StartsWith($"{folder.File("test.csv")} has no column 'y'"));
    }

    [Test]
    public void A_damaged_file_is_read_or_refused()
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        foreach ((_, string text, _) in s_files)
        {
            for (int i = 0; i < 20; i++)
            {
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                for (int j = 0; j < 3; j++)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }

                File.WriteAllBytes(folder.File("t.csv"), bytes[..random.Next(1, bytes.Length + 1)]);
                try
                {
                    Csv.Read(folder.File("t.csv"));
                }
                catch (EngineException error)
                {
                    Assert.That(error.Message, Does.Contain("t.csv"));
                }
            }
        }
    }

    private static string Show(Table table) => string.Join("; ", table.Columns.Select(column =>
        $"{column.Name}: {string.Join('|', Enumerable.Range(0, column.Count).Select(row => column.Text(row) ?? "_"))}"));
}
