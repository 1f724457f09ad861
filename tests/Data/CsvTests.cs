using System.IO.Compression;
using System.Text;
using Engine.Data;

namespace Engine.Tests.Data;

public class CsvTests
{
    /// <summary>A file and its expected rows: columns with a colon, values with bars; _ is a missing value.</summary>
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
        ("quotes, doubled and over lines", "a,b\n\"x, \"\"y\"\"\",1\n\"two\nlines\",2\n",
            "a: x, \"y\"|two\nlines; b: 1|2"),
        ("escaped quotes", "a,b\n\"x \\\"y\\\"\",1\n\"z\",2\n", "a: x \"y\"|z; b: 1|2"),
        ("single quotes", "'a','b','c'\n'1','x','p, q'\n'2','y','r'\n", "a: 1|2; b: x|y; c: p, q|r"),
        ("a lone quote within a field", "a,b\n6\" pipe,1\nrod,2\n", "a: 6\" pipe|rod; b: 1|2"),
        ("blanks before quotes", "\"a\", \"b\", \"c\"\n 1, \"x, y\", 2\n3,  \"z\" , 4\n", "a: 1|3; b: x, y|z; c: 2|4"),
        ("blanks before quotes over lines", "a,b,c\n1, \"x \"\"y\"\",\n\n, 5, z\",u\n2,d\"e,v\n",
            "a: 1|2; b: x \"y\",\n\n, 5, z|d\"e; c: u|v"),
        ("blanks before quotes, escaped ones in them", "a, b\n1, \"x \\\"y\\\", z\"\n2, \"u\"\n", "a: 1|2; b: x \"y\", z|u"),
        ("a lone quote after a blank", "a,b\n1, \"x\n2,y\n3,z\n", "a: 1|2|3; b: \"x|y|z"),
        ("blanks after commas", "39, State-gov, 77\n50, ?, 83\n38, Private, 21\n",
            "column1: 39|50|38; column2: State-gov|_|Private; column3: 77|83|21"),
        ("missing in many words", "a,b\n1,x\nNA,\n?,n/a\nnan,NULL\n2,y\n", "a: 1|_|_|_|2; b: x|_|_|_|y"),
        ("infinity", "a,b\n1,1\ninf,2\n-Infinity,3\n", "a: 1|_|_; b: 1|2|3"),
        ("remarks and empty lines", "// about\n//more\n\na,b\n// in between\n1,2\n\n3,4\n", "a: 1|3; b: 2|4"),
        ("a header that begins with #", "#a\tb\n1\t2\n3\t4\n", "a: 1|3; b: 2|4"),
        ("scikit-learn's line of counts", "3,2,red,blue\n1.5,2.5,0\n3.5,4.5,1\n5.5,6.5,0\n",
            "column1: 1.5|3.5|5.5; column2: 2.5|4.5|6.5; column3: red|blue|red"),
        ("short rows", "a,b,c\n1,2,3\n4\n5,6\n", "a: 1|4|5; b: 2|_|6; c: 3|_|_"),
        ("a header with more names than there are columns", "a,b,c,d\n1,2\n3,4\n5,6\n", "a: 1|3|5; b: 2|4|6"),
        ("names that are alike or missing", "a,a,\n1,2,3\n4,5,6\n", "a: 1|4; a_2: 2|5; column3: 3|6"),
        ("years as names", "2019,2020,y\n1,2,3.5\n4,5,6.5\n7,8,9.5\n", "2019: 1|4|7; 2020: 2|5|8; y: 3.5|6.5|9.5"),
        ("numbers and words without a header", "1,2,x\n3,4,y\n5,6,x\n",
            "column1: 1|3|5; column2: 2|4|6; column3: x|y|x"),
        ("a missing value in a first row of numbers", "1,?,2\n3,4,5\n6,7,8\n",
            "column1: 1|3|6; column2: _|4|7; column3: 2|5|8"),
        ("separators at the ends of rows", "y,a,b\nu,1,2,\nv,3,4,\n", "y: u|v; a: 1|3; b: 2|4"),
        ("separators at the ends of all lines", "y,a,\nu,1,\nv,3,\n", "y: u|v; a: 1|3; column3: _|_"),
        ("R's row names and a missing last value", "a,b\nr1,1,\nr2,3,4\nr3,5,6\n",
            "column1: r1|r2|r3; a: 1|3|5; b: _|4|6"),
        ("R's row names", "a,b\nr1,1,2\nr2,3,4\nr3,5,6\n", "column1: r1|r2|r3; a: 1|3|5; b: 2|4|6"),
        ("a header that comes again", "a,b\n1,x\na,b\n2,y\n", "a: 1|2; b: x|y"),
        ("units in a second line", "a,b,kind\ncm,kg,name\n1,2,x\n3,4,y\n5,6,x\n", "a: 1|3|5; b: 2|4|6; kind: x|y|x"),
        ("a second line that is a row of values", "a,b\nten,y\n1,y\n2,z\n3,y\n", "a: ten|1|2|3; b: y|y|z|y"),
        ("no header among words", "red,big\nblue,big\nred,small\nred,big\nblue,small\n",
            "column1: red|blue|red|red|blue; column2: big|big|small|big|small"),
        ("numbers that turn out to be words", "a,b\n1,1\n2,2\nthree,3\n", "a: 1|2|three; b: 1|2|3"),
        ("exponents", "a,b\n1.5e+02,1\n-3E-1,2\n", "a: 150|-0.3; b: 1|2"),
        ("one column", "1.5\n2.5\n3.5\n", "column1: 1.5|2.5|3.5"),
        ("rows that begin as comments do", "tag,n\n# sharp,1\nplain,2\n% of all,3\n// slashes,4\n",
            "tag: # sharp|plain|% of all|// slashes; n: 1|2|3|4"),
        ("only rows that begin as comments do", "# a\n# b\n# a\n# a\n", "column1: # a|# b|# a|# a"),
        ("a comment with commas among numbers", "a,b\n1,2\n# off, lamp broke\n3,4\n", "a: 1|3; b: 2|4"),
        ("a comment without a blank", "#made by a program\n#on a day\na,b\n1,2\n3,4\n", "a: 1|3; b: 2|4"),
        ("ends of lines of old Macs", "# about\ra,b\r1,x\r2,y\r", "a: 1|2; b: x|y"),
        ("names in a comment", "# made by a program\n# a b\n1 2\n3 4\n", "a: 1|3; b: 2|4"),
        ("a name that begins as a comment does", "%fat,age\n1,2\n3,4\n", "%fat: 1|3; age: 2|4"),
        ("decimal commas, points between thousands", "price;n\n1.234,56;1\n987,65;2\n1.234;3\n",
            "price: 1234.56|987.65|1234; n: 1|2|3"),
        ("thousands in one column, decimal commas in another", "people;share\n1.234;0,5\n12.345;2,25\n900;1,5\n",
            "people: 1234|12345|900; share: 0.5|2.25|1.5"),
        ("millions with points", "a;b\n1.234.567;1\n2.000;2\n", "a: 1234567|2000; b: 1|2"),
        ("decimal points, commas between thousands", "price;n\n\"1,234.5\";1\n987.25;2\n",
            "price: 1234.5|987.25; n: 1|2"),
        ("three decimals are no thousands", "a;b\n1.234;1\n2.345;2\n", "a: 1.234|2.345; b: 1|2"),
        ("whole numbers with points between thousands", "a;b\n1.234;x\n12.500;y\n999;x\n2.100;x\n3.050;y\n7.777;x\n",
            "a: 1234|12500|999|2100|3050|7777; b: x|y|x|x|y|x"),
        ("whole numbers with commas between thousands", "a;b\n1,234;x\n12,500;y\n999;x\n2,100;x\n3,050;y\n7,777;x\n",
            "a: 1234|12500|999|2100|3050|7777; b: x|y|x|x|y|x"),
        ("three decimals and a whole number are no thousands", "a;b\n1.125;1\n2.375;2\n5;3\n",
            "a: 1.125|2.375|5; b: 1|2|3"),
        ("commas that are not between thousands", "price;n\n\"1,234.5\";x\n\"2,345.5\";\"1,2\"\n987.25;y\n",
            "price: 1234.5|2345.5|987.25; n: x|1,2|y"),
        ("apostrophes between thousands", "a;b\n1'234.5;1\n12’000;2\n", "a: 1234.5|12000; b: 1|2"),
        ("no-break spaces between thousands", "a;b\n1\u00A0234,5;1\n12\u202F345\u202F678;2\n2,5;3\n",
            "a: 1234.5|12345678|2.5; b: 1|2|3"),
        ("blanks between thousands", "a;b;c\n1\u2009234;1 234;1\n12\u2009345;12 345;2\n7;7;3\n",
            "a: 1234|12345|7; b: 1234|12345|7; c: 1|2|3"),
        ("telephone numbers are no thousands", "a;b\n030 123;1\n089 456;2\n", "a: 030 123|089 456; b: 1|2"),
        ("minus signs of typesetters", "a,b\n\u22125,1\n3,\u22121.5e2\n", "a: -5|3; b: 1|-150"),
        ("currencies before numbers", "a;b;c;d\n$0.50;US$ 1;CHF 1;-$1\n$1,234.5;US$ 2;CHF 2;$-2\n",
            "a: 0.5|1234.5; b: 1|2; c: 1|2; d: -1|-2"),
        ("currencies after numbers and decimal commas", "a;b\n€ 3,20;1.234,5 €\n€ 4,5;2,25 €\n",
            "a: 3.2|4.5; b: 1234.5|2.25"),
        ("percents and measures", "a,b,c\n12%,1 %,4 kg\n7.5%,-2 %,10 kg\n", "a: 12|7.5; b: 1|-2; c: 4|10"),
        ("missing values among units", "a,b\n12%,1\n,2\nN/A,3\n", "a: 12|_|_; b: 1|2|3"),
        ("parentheses for a minus", "a;b;c\n(1,234);($5);(12 %)\n1,234.5;$6;3 %\n",
            "a: -1234|1234.5; b: -5|6; c: -12|3"),
        ("names of files", "a,b\n1.png,3\n22.png,4\n3.png,5\n", "a: 1.png|22.png|3.png; b: 3|4|5"),
        ("several units in a column", "a,b,c\n$5,12%,1kg\n€5,12,2g\n", "a: $5|€5; b: 12%|12; c: 1kg|2g"),
        ("names with numbers are no units", "a,b,c,d\nQ1,A1,1st,(030)\nQ2,A2,2nd,(089)\n",
            "a: Q1|Q2; b: A1|A2; c: 1st|2nd; d: (030)|(089)"),
        ("numbers with units as a header", "name,5 kg,10 kg\nx,1,2\ny,3,4\n", "name: x|y; 5 kg: 1|3; 10 kg: 2|4"),
        ("addresses that look like millions", "ip,x\n192.168.100.101,0.5\n192.168.100.102,2.25\n",
            "ip: 192.168.100.101|192.168.100.102; x: 0.5|2.25"),
        ("Excel's line of the separator", "sep=;\na;b\n1;2\n3;4\n", "a: 1|3; b: 2|4"),
        ("Excel's line, quoted, of another separator than is frequent",
            "\"sep=|\"\r\na,b|c,d\r\n1,5|x,y\r\n2,5|z,w\r\n", "a,b: 1.5|2.5; c,d: x,y|z,w"),
        ("none and - are words among words", "a,b\n1,none\n2,-\n3,NA\n4,x\n", "a: 1|2|3|4; b: none|-|_|x"),
        ("none and - are missing among numbers", "a,b\n1,none\n-,2\n3,4\n", "a: 1|_|3; b: _|2|4"),
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
        byte[] text = Encoding.Latin1.GetBytes(
            "a,b\n" + string.Concat(Enumerable.Repeat("1,plain\n", 200_000)) + "2,wei\u00DF\n");
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
        Assert.That(() => new Csv(folder.File("wrong.csv.gz")).DetectDialect(),
            Throws.InstanceOf<DataFormatException>().With.Message.Contains("wrong.csv.gz is damaged"));
    }

    [TestCase("", "is empty")]
    [TestCase("sep=§\na§b\n1§2\n", "'§' cannot stand between values")]
    [TestCase("a,b\n", "has no rows")]
    [TestCase("\0\0\0\u0001binary\0", "is no text")]
    [TestCase("a,b\n1,2\n1,2,3\n1,2,3\n1,2\n", "have more values than the 2 columns, the first is row 3")]
    [TestCase("a,b\n1,2\n1,\"2\n3,4\n5,6\n7,8\n9,1\n2,3\n4,5\n6,7\n8,9\n1,2\n",
        "lines that look like rows themselves: a quote is not closed there")]
    [TestCase("a,b,c\n1,\"2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n",
        "lines that look like rows themselves: a quote is not closed there")]
    [TestCase("<!DOCTYPE html>\n<html><body>404</body></html>\n", "it is a page of HTML")]
    [TestCase("<?xml version=\"1.0\"?>\n<rows/>\n", "it is XML")]
    [TestCase("[{\"a\": 1, \"b\": 2}]\n", "it is JSON")]
    [TestCase("Once upon a time\nthere was, they say, a king\nwho had, as kings have, a crown\nof gold\nand glass\n",
        "is no table")]
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
        File.WriteAllText(folder.File("several.csv"), "x,y,class\n1,2,a\n3,4,b\n");

        Assert.That(new Csv(folder.File("several.csv")).Load().Target, Is.EqualTo("class"), "y may be a place");
        Assert.That(new Csv(folder.File("named.csv")) { Target = "PRICE" }.Load().Target, Is.EqualTo("price"));
        Assert.That(new Csv(folder.File("usual.csv")).Load().Target, Is.EqualTo("Class"));
        Assert.That(new Csv(folder.File("bare.csv")).Load().Target, Is.EqualTo("column2"));
        Assert.That(() => new Csv(folder.File("named.csv")).Load(), Throws.InstanceOf<DataFormatException>()
            .With.Message.Contains("which column is to be predicted").And.Message.Contains("'price'"));
        Assert.That(
            () => new Csv(folder.File("named.csv")) { Target = "cost" }.Load(), Throws.InstanceOf<EngineException>()
                .With.Message.Contains("There is no column 'cost'"));
    }

    [Test]
    public void Rows_without_the_target_are_left_out_and_a_target_like_a_number_of_rows_is_warned_of()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("gaps.csv"), "x,y\n1,a\n2,\n3,b\n");
        File.WriteAllText(
            folder.File("ids.csv"), "x,y\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"{i % 3},{i}\n")));

        DataSet gaps = new Csv(folder.File("gaps.csv")).Load();

        Assert.That(Show(gaps.Train), Is.EqualTo("x: 1|3; y: a|b"));
        Assert.That(gaps.Notes, Has.Some.Contains("Left out: 1 row without a value of the target 'y'"));
        Assert.That(
            new Csv(folder.File("ids.csv")).Load().Warnings, Has.One.Contains("is another in each of the 40 rows"));
    }

    [Test]
    public void A_class_or_a_category_named_NA_can_be_kept()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "region,y\nNA,EU\n,NA\nAS,EU\nnull,NA\nNA,\n");
        File.WriteAllText(folder.File("new.csv"), "region\nNA\n\n");

        DataSet data = new Csv(folder.File("t.csv")) { Target = "y", KeepNA = ["Region", "y"] }.Load();
        Table train = new Csv(folder.File("t.csv")) { Target = "y" }.Load().Train;
        var inputs = Preparation.Fit(data.Train, "y");

        Assert.That(Show(data.Train), Is.EqualTo("region: NA|_|AS|null; y: EU|NA|EU|NA"));
        Assert.That(data.Notes, Has.One.EqualTo("Left out: 1 row without a value of the target 'y'."));
        Assert.That(Show(train), Is.EqualTo("region: _|AS; y: EU|EU"));
        Assert.That(Show(new Csv(folder.File("new.csv")).As(inputs, Target.Fit(data.Train["y"])).Read()),
            Is.EqualTo("region: NA"));
    }

    [TestCase(3)]
    [TestCase(2_000_000)]
    public void Blank_lines_packed_or_not_are_no_table(int count)
    {
        using var folder = new TempFolder();
        byte[] lines = [.. Enumerable.Repeat((byte)'\n', count)];
        File.WriteAllBytes(folder.File("t.csv"), lines);
        using (var gzip = new GZipStream(File.Create(folder.File("t.csv.gz")), CompressionLevel.Fastest))
        {
            gzip.Write(lines);
        }

        foreach (string name in (string[])["t.csv", "t.csv.gz"])
        {
            Assert.That(() => Csv.Read(folder.File(name)), Throws.InstanceOf<DataFormatException>()
                .With.Message.Contains(name).And.Message.Contains(count == 3 ? "has no rows" : "begins with"));
        }
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
        Assert.That(() => new Csv(folder.File("train.csv")) { TestPath = folder.File("test.csv") }.Load(),
            Throws.InstanceOf<DataFormatException>()
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

    internal static string Show(Table table) => string.Join("; ", table.Columns.Select(column =>
        $"{column.Name}: {string.Join('|', Enumerable.Range(0, column.Count).Select(row => column.Text(row) ?? "_"))}"));
}
