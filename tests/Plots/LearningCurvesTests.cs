using System.Globalization;
using System.Xml.Linq;
using Engine.Plots;

namespace Engine.Tests.Plots;

public class LearningCurvesTests
{
    private static readonly TrainingCurves s_first = new("first", [1, 2, 3], [3, 2, 1], [3, 2.5, 2], [0.1, 0.2, 0.3]);
    private static readonly TrainingCurves s_second = new("second", [1, 2], [3, 2], [3, 2.5], [0.1, 0.4]);

    [Test]
    public void Each_training_has_a_color_in_both_halves()
    {
        var one = new Pixels(LearningCurves.Draw([s_first], 600, 300));
        var two = new Pixels(LearningCurves.Draw([s_first, s_second], 600, 300));

        Assert.That((one.Width, one.Height), Is.EqualTo((1200, 600)));
        (int left, int right) = one.Count(0x00, 0x72, 0xB2);
        Assert.That(left, Is.GreaterThan(200));
        Assert.That(right, Is.GreaterThan(200));
        Assert.That(one.Count(0xD5, 0x5E, 0x00), Is.EqualTo((0, 0)));
        (left, right) = two.Count(0xD5, 0x5E, 0x00);
        Assert.That(left, Is.GreaterThan(200));
        Assert.That(right, Is.GreaterThan(200));
    }

    [Test]
    public void Without_accuracies_the_losses_take_all_of_the_width()
    {
        var pixels = new Pixels(LearningCurves.Draw(
            [s_first with { ValidAccuracy = [double.NaN, double.NaN, double.NaN] }], 600, 300));

        (int left, int right) = pixels.Count(0x00, 0x72, 0xB2);
        Assert.That(left, Is.GreaterThan(200));
        Assert.That(right, Is.GreaterThan(200));
    }

    [TestCase(new double[] { 3, 2, 1 }, true)]
    [TestCase(new double[] { 1, 2, 3 }, false)]
    public void The_legend_goes_where_no_curve_is(double[] losses, bool isAbove)
    {
        var curves = new TrainingCurves("one", [1, 2, 3], losses, losses, [double.NaN, double.NaN, double.NaN]);

        XElement legend = XDocument.Parse(LearningCurves.Draw([curves], width: 600).ToSvg()).Root!.Descendants()
            .Single(part => part.Name.LocalName == "text" && part.Value.Trim() == "training");

        string transform = (string)legend.Attribute("transform")!;
        double y = double.Parse(
            transform[transform.IndexOf(' ', StringComparison.Ordinal)..^1], CultureInfo.InvariantCulture);
        Assert.That(y, isAbove ? Is.LessThan(200) : Is.GreaterThan(200));
    }

    [Test]
    public void Each_line_and_text_is_drawn_once_so_that_what_is_pale_stays_pale()
    {
        XElement[] parts = [.. XDocument.Parse(LearningCurves.Draw([s_first]).ToSvg()).Root!.Descendants()];

        Assert.That(parts.Count(part => part.Name.LocalName == "text" && part.Value.Trim() == "epoch"), Is.EqualTo(2));
        Assert.That(parts.Count(part => part.Name.LocalName == "text" && part.Value.Trim() == "loss"), Is.EqualTo(1));
    }

    [Test]
    public void An_svg_is_whole_xml_with_the_same_texts_in_letters_that_every_browser_has()
    {
        XElement svg = XDocument.Parse(LearningCurves.Draw([s_first, s_second], title: "A < B").ToSvg()).Root!;

        XElement[] texts = [.. svg.Descendants().Where(element => element.Name.LocalName == "text")];
        Assert.That(texts.Select(text => text.Value.Trim()), Is.SupersetOf(
            new[] { "loss", "epoch", "accuracy, %", "first, training", "second, validation", "A < B" }));
        Assert.That(texts.Select(text =>
            (string?)text.Attribute("font-family")), Has.All.EndsWith("Verdana, sans-serif"));
        Assert.That((string?)svg.Attribute("width"), Is.EqualTo("1000"));
    }
}
