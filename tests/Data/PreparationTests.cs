using System.Text.Json;
using Engine.Data;

namespace Engine.Tests.Data;

public class PreparationTests
{
    private static readonly Table s_train = new(
        new NumberColumn("size", [1, 2, double.NaN, 3, 10, 2]),
        new NumberColumn("same", [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),
        new TextColumn("color", ["red", "blue", "red", null, "red", "blue"]),
        new TextColumn("y", ["a", "b", "a", "b", "a", "b"]));

    [Test]
    public void It_knows_of_the_samples_that_train_alone_and_fills_what_is_missing()
    {
        Preparation preparation = Preparation.Fit(s_train, "y");
        var test = new Table(
            new TextColumn("color", ["green", null]), new NumberColumn("same", [0.3, 0.1]),
            new NumberColumn("size", [double.NaN, 3.6]));

        float[] prepared = preparation.Apply(test).AsSpan<float>().ToArray();

        // 1, 2, 3, 10, 2 have the mean 3.6, the variance 10.64 and the median 2.
        float median = (float)((2 - 3.6) / Math.Sqrt(10.64));
        Assert.That(preparation.Dimensions, Is.EqualTo(new Shape(4)));
        Assert.That(prepared[0], Is.EqualTo(median).Within(1e-6f), "the median");
        Assert.That(prepared[1], Is.EqualTo(0.2f).Within(1e-6f), "a column that is constant is not divided by 0");
        Assert.That(prepared[2..4], Is.EqualTo((float[])[0, 0]), "a new word is none of those known");
        Assert.That(prepared[4..], Is.EqualTo((float[])[0, 0, 0, 1]).Within(1e-6f),
            "the mean, the constant, and red, the most frequent");
    }

    [Test]
    public void Sentences_become_their_words_by_how_few_texts_have_them()
    {
        string[] texts = ["The cat sat on the mat.", "A dog sat on a mat!", "the bird sang a song today"];
        var table =
            new Table(
                new TextColumn(
                    "text", texts.Concat(texts).Concat(texts).Select((text, i) => $"{text} {(char)('k' + i)}{i}")),
                    new TextColumn("y", "abaabbaba".Select(c => $"{c}")));

        Preparation preparation = Preparation.Fit(table, "y");
        var words = (WordCounts)preparation.Transforms[0];

        // Each word is in three or six of nine texts, except k0 to s8: they are in one and not in the vocabulary.
        Assert.That(words.Vocabulary,
            Is.EqualTo((string[])["a", "bird", "cat", "dog", "mat", "on", "sang", "sat", "song", "the", "today"]));
        double six = Math.Log(10.0 / 7) + 1, three = Math.Log(10.0 / 4) + 1,
            norm = Math.Sqrt((5 * six * six) + (three * three));
        float[] prepared = preparation.Apply(new Table(new TextColumn("text", ["THE the cat, on; unheard-of", null])))
            .AsSpan<float>().ToArray();
        Assert.That(prepared[..11], Is.EqualTo(
            (double[])[0, 0, 3 * three / norm, 0, 0, 3 * six / norm, 0, 0, 0, 6 * six / norm, 0]).Within(1e-6));
        Assert.That(prepared[11..], Is.All.Zero, "a text that is missing has no word");

        string json = JsonSerializer.Serialize(preparation, DataJson.Default.Preparation);
        Assert.That(DataJson.Read(json, DataJson.Default.Preparation, "file"), Is.EqualTo(preparation));
        Assert.That(
            () => DataJson.Read(json.Replace("\"bird\"", "\"cat\"", StringComparison.Ordinal),
                DataJson.Default.Preparation, "file"), Throws.InstanceOf<EngineException>());
    }

    [Test]
    public void It_is_the_same_after_it_was_written_and_read()
    {
        var pictures = new Table(
            new TensorColumn("p", Tensor.From<byte>([.. Enumerable.Range(0, 24).Select(i => (byte)i)], 2, 3, 2, 2)),
            new TextColumn("y", ["a", "b"]));
        foreach (Preparation preparation in (Preparation[])[
            Preparation.Fit(s_train, "y"), Preparation.Fit(pictures, "y")])
        {
            string json = JsonSerializer.Serialize(preparation, DataJson.Default.Preparation);
            Preparation read = DataJson.Read(json, DataJson.Default.Preparation, "file");

            Table table = preparation.Dimensions.Rank == 1 ? s_train : pictures;
            Assert.That(read.Apply(table).Bytes.ToArray(), Is.EqualTo(preparation.Apply(table).Bytes.ToArray()), json);
        }

        foreach (Target target in (Target[])[new ClassTarget("y", ["a", "b"]), new ValueTarget("y", 0.1, 1e-17)])
        {
            string json = JsonSerializer.Serialize(target, DataJson.Default.Target);
            Assert.That(DataJson.Read(json, DataJson.Default.Target, "file"), Is.EqualTo(target));
        }
    }

    [Test]
    public void Channels_of_pictures_come_to_mean_0_and_deviation_1()
    {
        var random = new Random(3);
        byte[] pixels = new byte[8 * 3 * 25];
        random.NextBytes(pixels);
        var table = new Table(new TensorColumn("p", Tensor.From(pixels, 8, 3, 5, 5)),
            new TextColumn("y", ["a", "b", "a", "b", "a", "b", "a", "b"]));

        float[] prepared = Preparation.Fit(table, "y").Apply(table).AsSpan<float>().ToArray();

        for (int channel = 0; channel < 3; channel++)
        {
            float[] own = [.. prepared.Where((_, i) => i / 25 % 3 == channel)];
            Assert.That(own.Average(), Is.Zero.Within(1e-5));
            Assert.That(own.Average(x => x * x), Is.EqualTo(1).Within(1e-4));
        }
    }

    /// <summary>A web API gives a row as a dictionary of JSON's elements.</summary>
    [TestCase("""{"isNew": true, "text": "True", "area": 2.5}""")]
    [TestCase("""{"isNew": 1, "text": true, "area": "2.5"}""")]
    [TestCase("""{"isNew": "True", "text": 1, "area": 2.5}""")]
    [TestCase("""{"isNew": "true", "text": "1.0", "area": "2.5"}""")]
    public void A_row_of_JSON_is_prepared_as_the_record_is(string json)
    {
        var table = new Table(
            new NumberColumn("isNew", [1, 0, 1, 0]), new TextColumn("text", ["True", "False", "True", "False"]),
            new NumberColumn("area", [2.5, 1, 3, 4]), new TextColumn("y", ["a", "b", "a", "b"]));
        Preparation inputs = Preparation.Fit(table, "y");

        Table row = Table.Row(JsonSerializer.Deserialize<Dictionary<string, object?>>(json)!);

        Assert.That(inputs.Apply(row).ToArray<float>(), Is.EqualTo(inputs.Apply(table).ToArray<float>()[..4]));
    }

    [Test]
    public void Values_come_back_in_their_own_unit()
    {
        double[] prices = [100_000, 250_000, 130_000, 90_500];
        ValueTarget target = (ValueTarget)Target.Fit(new NumberColumn("price", prices));

        float[] scaled = target.Apply(new NumberColumn("price", prices)).AsSpan<float>().ToArray();

        Assert.That(scaled.Average(), Is.Zero.Within(1e-6));
        Assert.That(scaled.Select(y => target.Inverse(y)), Is.EqualTo(prices).Within(0.05));
    }

    /// <summary>Numbers whose squares are infinite or 0.</summary>
    [TestCase(1e300)]
    [TestCase(1e-300)]
    [TestCase(1.7e308)]
    [TestCase(5e-324)]
    public void Numbers_of_any_size_are_brought_to_mean_0_and_deviation_1(double unit)
    {
        var table = new Table(new NumberColumn("x", [-unit, unit, -unit, unit, double.NaN]),
            new TextColumn("y", ["a", "b", "a", "b", "a"]));

        float[] prepared = Preparation.Fit(table, "y").Apply(table).AsSpan<float>().ToArray();

        Assert.That(prepared, Is.EqualTo((float[])[-1, 1, -1, 1, 0]).Within(1e-5f));
    }

    [TestCase(1e300)]
    [TestCase(double.MaxValue)]
    [TestCase(-1e300)]
    public void A_number_that_is_further_off_than_any_that_trained_stays_finite(double value)
    {
        Preparation preparation = Preparation.Fit(s_train, "y");
        var one = new Table(
            new NumberColumn("size", [value]), new NumberColumn("same", [value]), new TextColumn("color", ["red"]));

        Assert.That(preparation.Apply(one).AsSpan<float>().ToArray(), Has.All.Matches<float>(float.IsFinite));
    }

    [TestCase(1e200, "too large")]
    [TestCase(1e-200, "too small")]
    public void A_target_whose_squares_are_none_is_refused(double unit, string said) =>
        Assert.That(() => Target.Fit(new NumberColumn("y", [0.5 * unit, 1.5 * unit, 2.5 * unit]), areValues: true),
            Throws.InstanceOf<EngineException>()
            .With.Message.Contains("'y'").And.Message.Contains(said));

    [Test]
    public void A_column_is_found_by_its_name_in_other_capitals_if_it_is_the_only_one()
    {
        Preparation preparation = Preparation.Fit(s_train, "y");
        Column size = new NumberColumn("Size", [3.6]), same = new NumberColumn("SAME", [0.1]),
            color = new TextColumn("Color", ["red"]);

        Assert.That(preparation.Apply(new Table(size, same, color)).AsSpan<float>().ToArray(),
            Is.EqualTo((float[])[0, 0, 0, 1]).Within(1e-6f));
        Assert.That(() => preparation.Apply(new Table(size, new NumberColumn("SIZE", [1]), same, color)),
            Throws.InstanceOf<EngineException>()
            .With.Message.Contains("The column 'size' that the model was trained with is missing"));
    }

    [TestCase("0,1,0,1,1,0", true)]
    [TestCase("3,1,2,3,1,2", true)]
    [TestCase("0.5,1,0,1,1,0", false)]
    [TestCase("10,20,30,40,50,60", false)]
    public void Whole_numbers_of_few_values_are_classes(string numbers, bool areClasses)
    {
        var column = new NumberColumn("y",
            [.. numbers.Split(',').Select(x => double.Parse(x, System.Globalization.CultureInfo.InvariantCulture))]);

        Assert.That(Target.Fit(column) is ClassTarget, Is.EqualTo(areClasses));
        Assert.That(Target.Fit(column, areValues: true), Is.TypeOf<ValueTarget>());
    }

    [Test]
    public void Numbers_of_classes_are_in_their_order_not_in_that_of_their_letters() =>
        Assert.That(((ClassTarget)Target.Fit(new NumberColumn("y", [10, 9, 2, 10, 9, 2]))).Classes,
            Is.EqualTo((string[])["2", "9", "10"]));

    [Test]
    public void What_cannot_be_learnt_from_is_left_out_or_refused()
    {
        var table = new Table(
            new NumberColumn("id", [.. Enumerable.Range(1, 40).Select(i => (double)i)]),
            new NumberColumn("none", [.. Enumerable.Repeat(double.NaN, 40)]),
            new TextColumn("name", Enumerable.Range(0, 40).Select(i => $"n{i}")),
            new TextColumn("day", Enumerable.Range(0, 40).Select(i => $"2026-11-{1 + (i % 30):00}")),
            new TextColumn("time", Enumerable.Range(0, 40).Select(i => $"2026-11-30T10:{i:00}:00Z")),
            new NumberColumn("x", [.. Enumerable.Range(0, 40).Select(i => i * 0.5)]),
            new TextColumn("y", Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? "a" : "b")));

        Preparation preparation = Preparation.Fit(table, "y");

        Assert.That(preparation.Transforms.Select(transform => transform.Column), Is.EqualTo((string[])["x"]));
        Assert.That(preparation.Unused, Is.EqualTo((string[])
        [
            "'id' is not used: it numbers the rows.", "'none' is not used: it has no value.",
            "'name' is not used: most rows have another of its 40 texts, as a name of each would be.",
            "'day' is not used: it has dates: write what matters of them as numbers, "
            + "the year or the days since one say.",
            "'time' is not used: it has dates: write what matters of them as numbers, "
            + "the year or the days since one say.",
        ]));
        Assert.That(() => Preparation.Fit(table.Without("x"), "y"), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("There is no column to learn 'y' from"));
        Assert.That(() => preparation.Apply(table.Without("x")), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("The column 'x' that the model was trained with is missing"));
        Assert.That(() => Target.Fit(new TextColumn("y", ["a", "a"])), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("is 'a' in every row"));
    }

    /// <summary>Rows, different texts, and missing ones; then the kept values and the others; 0 if left out.</summary>
    [TestCase(400, 64, 0, 64, 0)]
    [TestCase(400, 80, 0, 70, 10)]
    [TestCase(9_000, 3_000, 0, 1_000, 2_000)]
    [TestCase(4_000, 2_001, 0, 0, 0)]
    [TestCase(4_000, 1_000, 2_500, 0, 0)]
    [TestCase(40, 9, 0, 9, 0)]
    [TestCase(40, 9, 25, 0, 0)]
    public void Of_many_categories_the_frequent_ones_are_known_and_the_others_alike(
        int rows, int distinct, int missing, int kept, int others)
    {
        // The first ten texts are of one row each.
        int repeated = distinct > 10 ? distinct - 10 : distinct;
        var table = new Table(
            new TextColumn("city", Enumerable.Range(0, rows).Select(i => i < missing
                ? null
                : $"c{(i - missing < distinct ? i - missing : distinct - 1 - ((i - missing - distinct) % repeated))}")),
            new NumberColumn("x", [.. Enumerable.Range(0, rows).Select(i => i * 0.5)]),
            new TextColumn("y", Enumerable.Range(0, rows).Select(i => i % 2 == 0 ? "a" : "b")));

        Preparation preparation = Preparation.Fit(table, "y");
        OneHot? city = preparation.Transforms.OfType<OneHot>().SingleOrDefault();

        Assert.That((city?.Values.Count ?? 0, city?.Others ?? 0), Is.EqualTo((kept, others)));
        Assert.That(preparation.Unused, Has.Count.EqualTo(kept == 0 ? 1 : 0));
        if (city is null || others == 0)
        {
            return;
        }

        Assert.That(city.Words, Does.StartWith(FormattableString.Invariant(
            $"one of {kept:N0}, {others:N0} rarer ones are alike: 'c")));
        float[] prepared = preparation.Apply(new Table(
            new TextColumn("city", ["c0", "unheard of", $"c{distinct - 1}"]), new NumberColumn("x", [1, 1, 1])))
            .AsSpan<float>().ToArray();
        Assert.That(prepared.Chunk(kept + 1).Select(row => row[..kept].Sum()), Is.EqualTo((float[])[0, 0, 1]));
        string json = JsonSerializer.Serialize(preparation, DataJson.Default.Preparation);
        Assert.That(((OneHot)DataJson.Read(json, DataJson.Default.Preparation, "file").Transforms[0]).Others,
            Is.EqualTo(others));
    }

    [TestCase(0.2)]
    [TestCase(0.5)]
    public void A_split_gives_every_class_to_both_parts_and_no_sample_to_two(double share)
    {
        var labels = new TextColumn("y", Enumerable.Range(0, 103).Select(i => i < 4 ? "rare" : i % 3 == 0 ? "a" : "b"));

        (int[] train, int[] test) = DataSplit.Stratified(labels, share, seed: 7);

        Assert.That(train.Concat(test).Order(), Is.EqualTo(Enumerable.Range(0, 103)));
        Assert.That(test, Has.Length.EqualTo((int)Math.Round(share * 103)).Within(1));
        Assert.That(train.Select(labels.Text).Distinct().Count(), Is.EqualTo(3));
        Assert.That(test.Select(labels.Text).Distinct().Count(), Is.EqualTo(3));
        Assert.That(DataSplit.Stratified(labels, share, seed: 7).Test, Is.EqualTo(test), "the same seed");
    }

    [TestCase("each value once", 0.2)]
    [TestCase("each value twice", 0.2)]
    [TestCase("each value twice", 0.05)]
    [TestCase("fractions", 0.3)]
    [TestCase("once or often", 0.2)]
    public void A_share_of_values_is_the_share_of_the_samples(string kind, double share)
    {
        var labels = new NumberColumn("y", [.. Enumerable.Range(0, 200).Select(i => kind switch
        {
            "each value once" => i,
            "each value twice" => i % 100,
            "fractions" => (i % 7) + 0.5,
            _ => (double)(i < 30 ? i : 100 + (i % 5)),
        })]);

        (int[] train, int[] test) = DataSplit.Stratified(labels, share, seed: 3);

        Assert.That(train.Concat(test).Order(), Is.EqualTo(Enumerable.Range(0, 200)));
        Assert.That(test, Has.Length.EqualTo((int)Math.Round(share * 200)).Within(1));
    }

    [Test]
    public void Groups_are_not_torn_apart_and_the_latest_samples_test()
    {
        var groups = new TextColumn("patient", Enumerable.Range(0, 60).Select(i => $"p{i / 5}"));
        (int[] train, int[] test) = DataSplit.Grouped(groups, 0.25, seed: 1);

        Assert.That(train.Select(groups.Text).Intersect(test.Select(groups.Text)), Is.Empty);
        Assert.That(test, Has.Length.EqualTo(15).Within(5));

        var times = new NumberColumn("t", [5, 1, 4, 2, 3]);
        Assert.That(DataSplit.ByTime(times, 0.4), Is.EqualTo(((int[])[1, 3, 4], (int[])[2, 0])));
    }

    /// <summary>Texts of dates do not always sort by time.</summary>
    [TestCase("2026-2-1|2025-11-30|2026-10-1", "1,0,2")]
    [TestCase("2026-01-01T01:00+02:00|2026-01-01T00:30Z|2025-12-31T22:00Z", "2,0,1")]
    [TestCase("2026-Q2|2025-Q4|2026-Q1", "1,2,0")]
    [TestCase("31.12.2025|01.01.2026|02.01.2026", "'t' of sample 0 is '31.12.2025', whose day and month")]
    [TestCase("2026-01-01||2026-01-02", "'t' of sample 1 is missing")]
    public void Times_are_in_their_order_or_refused(string texts, string expected)
    {
        var times = new TextColumn("t", texts.Split('|').Select(text => text.Length == 0 ? null : text));

        if (expected[0] == '\'')
        {
            Assert.That(
                () => DataSplit.ByTime(times, 0), Throws.TypeOf<EngineException>().With.Message.StartsWith(expected));
        }
        else
        {
            Assert.That(string.Join(',', DataSplit.ByTime(times, 0).Train), Is.EqualTo(expected));
        }
    }

    [Test]
    public void Records_of_ones_own_become_columns()
    {
        Table table =
            Table.Of((House[])[new(120.5f, "north", true, Kind.Flat, null), new(80, null, false, Kind.House, 3)]);

        Assert.That(table.Columns.Select(column => $"{column.Name} {column.Text(0) ?? "_"} {column.Text(1) ?? "_"}"),
            Is.EqualTo((string[])
            ["Area 120.5 80", "Side north _", "IsNew True False", "Kind Flat House", "Rooms _ 3"]));
        Assert.That(((NumberColumn)table["IsNew"]).Values.ToArray(), Is.EqualTo((double[])[1, 0]));
    }

    /// <summary>Records of a label of some type, and the names of its classes.</summary>
    private static readonly (Func<Table> Make, string Classes)[] s_labels =
    [
        (() => Labeled('a', 'b', 'a'), "a|b"),
        (() => Labeled('1', '0', '1'), "0|1"),
        (() => Labeled(new Guid(1, 2, 3, new byte[8]), new Guid(2, 2, 3, new byte[8])),
            "00000001-0002-0003-0000-000000000000|00000002-0002-0003-0000-000000000000"),
        (() => Labeled(new DateOnly(2026, 11, 30), new DateOnly(2026, 1, 2)), "01/02/2026|11/30/2026"),
        (() => Labeled(true, false, true), "False|True"),
        (() => Labeled<bool?>(true, false, true), "False|True"),
        (() => Labeled(9007199254740993, 9007199254740992, 9007199254740993), "9007199254740992|9007199254740993"),
        (() => Labeled(ulong.MaxValue, ulong.MaxValue - 1, ulong.MaxValue),
            "18446744073709551614|18446744073709551615"),
        (() => Labeled((Int128)long.MaxValue * 10, ((Int128)long.MaxValue * 10) + 1, (Int128)5, (Int128)5),
            "5|92233720368547758070|92233720368547758071"),
        (() => Labeled(2L, 1L, 2L), "1|2"),
        (() => Labeled((Half)2, (Half)1, (Half)2), "1|2"),
        (() => Labeled(2m, 1m, 2m), "1|2"),
        (() => Labeled(Kind.House, Kind.Flat), "Flat|House"),
        (() => Labeled("-", "none", "-"), "-|none"),
    ];

    [Test]
    public void Labels_of_any_type_are_classes_by_their_names([Range(0, 13)] int which)
    {
        Table table = s_labels[which].Make();

        var target = (ClassTarget)Target.Fit(table["Label"]);

        Assert.That(string.Join('|', target.Classes), Is.EqualTo(s_labels[which].Classes));
        int[] labels = target.Apply(table["Label"]).ToArray<int>();
        Assert.That(labels.Select(label => target.Classes[label]),
            Is.EqualTo(Enumerable.Range(0, table.Count).Select(table["Label"].Text)));
        // Another table writes the same numbers in another way.
        Assert.That(labels, Is.EqualTo(
            target.Apply(new TextColumn("Label", labels.Select(label => target.Classes[label]))).ToArray<int>()));
    }

    [TestCase("1|2", "2.0", 1)]
    [TestCase("1.0|2.0", "2", 1)]
    [TestCase("007|8", "7", 0)]
    [TestCase("007|7", "7", 1)]
    [TestCase("007|07", "7", -1)]
    [TestCase("a|b", "A", -1)]
    public void A_class_is_found_if_only_the_spelling_of_its_number_differs(string classes, string text, int index)
    {
        var target = new ClassTarget("y", classes.Split('|'));

        if (index >= 0)
        {
            Assert.That(target.Apply(new TextColumn("y", [text])).ToArray<int>(), Is.EqualTo((int[])[index]));
        }
        else
        {
            Assert.That(() => target.Apply(new TextColumn("y", [text])),
                Throws.InstanceOf<EngineException>().With.Message.StartsWith($"'{text}' is no class"));
        }
    }

    private static Table Labeled<T>(params T[] labels) =>
        Table.Of(labels.Concat(labels).Select(label => new Sample<T>(1, label)));

    private sealed record Sample<T>(double X, T Label);

    private enum Kind
    {
        Flat,
        House,
    }

    private sealed record House(float Area, string? Side, bool IsNew, Kind Kind, int? Rooms);
}
