using System.Text.Json;
using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>Custom transforms and splits.</summary>
[NonParallelizable]
public class CustomTransformTests
{
    [TearDown]
    public void Forget() => CustomTransforms.Forget("times");

    [Test]
    public void A_transform_of_ones_own_is_saved_by_its_name_and_settings()
    {
        CustomTransforms.Register("times", (column, settings) =>
            new Times(column, float.Parse(settings, System.Globalization.CultureInfo.InvariantCulture)));
        var inputs = new Preparation([new CustomTransform("x", "times", "3")]);

        string json = JsonSerializer.Serialize(inputs, DataJson.Default.Preparation);
        Preparation read = DataJson.Read(json, DataJson.Default.Preparation, "file");

        Assert.That(read, Is.EqualTo(inputs));
        Assert.That(read.Apply(new Table(new NumberColumn("x", [2, 5]))).AsSpan<float>().ToArray(),
            Is.EqualTo((float[])[6, 15]));
        Assert.That(read.Transforms[0].Words, Is.EqualTo("x times 3"));
    }

    [Test]
    public void Without_its_name_a_model_says_what_to_do() =>
        Assert.That(() => new CustomTransform("x", "times", "3").Dimensions, Throws.InstanceOf<EngineException>()
            .With.Message
            .EqualTo(
                "'x' is prepared by 'times', a transform of a program's own: "
                + "call CustomTransforms.Register(\"times\", …) first."));

    [Test]
    public void Splits_take_the_samples_that_they_say()
    {
        var table = new Table(
            new NumberColumn("time", [3, 1, 2, 5, 4]), new TextColumn("who", ["a", "b", "a", "b", "c"]),
            new TextColumn("y", ["u", "v", "u", "v", "u"]));
        var data = new DataSet("data", table, "y");

        DataSet byTime = data.WithTest(new TimeSplit("time", 0.4)),
            grouped = data.WithTest(new GroupedSplit("who", 0.4));

        Assert.That(((NumberColumn)byTime.Test!["time"]).Values.ToArray(), Is.EqualTo((double[])[4, 5]));
        string?[] tests = [.. Enumerable.Range(0, grouped.Test!.Count).Select(grouped.Test["who"].Text)];
        Assert.That(
            Enumerable.Range(0, grouped.Train.Count).Select(grouped.Train["who"].Text).Intersect(tests), Is.Empty);
        Assert.That(byTime.WithTest(new GroupedSplit("who")), Is.EqualTo(byTime));
    }

    private sealed record Times(string Column, float Factor) : Transform(Column)
    {
        public override Shape Dimensions => [1];

        public override string Words => $"x times {Factor}";

        public override void Apply(Column column, int row, Span<float> to) =>
            to[0] = Factor * (float)((NumberColumn)column).Values[row];
    }
}
