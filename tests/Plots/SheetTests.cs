using System.Xml.Linq;
using Engine.Plots;

namespace Engine.Tests.Plots;

public class SheetTests
{
    private static readonly (int, int, int) s_red = (0xB2, 0x18, 0x2B), s_blue = (0x21, 0x66, 0xAC);
    private static readonly (int, int, int) s_white = (255, 255, 255), s_quarterOfRed = (0xEC, 0xC5, 0xCA);

    [Test]
    public void Weights_are_red_above_zero_and_blue_below_on_the_scale_of_the_largest()
    {
        Picture picture = FilterSheet.Draw([[new Raster(1, 3, [2, 0, -2])], [new Raster(1, 3, [0.5f, 2, 0])]], 300);
        var pixels = new Pixels(picture);

        // Both tiles are below the margin of 14; their pixels are a third of a tile wide.
        int row = 14 + 8;
        (int, int, int)[] first = [pixels[28, row], pixels[56, row], pixels[84, row]];

        Assert.That(first, Is.EqualTo(new[] { s_red, s_white, s_blue }));
        Assert.That(
            pixels.Colors, Does.ContainKey(s_red).And.ContainKey(s_blue).And.ContainKey(s_quarterOfRed));
        Assert.That(Texts(picture), Is.SupersetOf(new[] { "0", "1", "-2", "2" }));
    }

    [Test]
    public void Weights_of_three_planes_are_colors_around_gray()
    {
        Raster none = new(1, 1, [0]);
        var pixels = new Pixels(FilterSheet.Draw([[new Raster(1, 1, [1]), none, new Raster(1, 1, [-1])]], 300));

        Assert.That(pixels[40, 40], Is.EqualTo((255, 128, 0)));
    }

    [Test]
    public void A_confusion_matrix_shows_percent_of_each_row_right_in_blue_and_wrong_in_orange()
    {
        Picture perfect = ConfusionTable.Draw(new[,] { { 5, 0 }, { 0, 7 } }, ["yes", "no"], 400);
        Picture mixed = ConfusionTable.Draw(new[,] { { 3, 1 }, { 0, 0 } }, ["yes", "no"], 400, "Title");

        Assert.That(Texts(perfect), Is.SupersetOf(new[] { "yes", "no", "taken for →", "is ↓" }));
        Assert.That(Texts(perfect).Count(text => text == "100"), Is.EqualTo(2));
        Assert.That(Texts(mixed), Is.SupersetOf(new[] { "75", "25", "Title", "yes", "no" }).And.Not.Contains("0"));
        // The largest mistake is 85 % orange, even if it is small.
        Assert.That(new Pixels(perfect).Colors, Does.ContainKey((0x00, 0x72, 0xB2)).And.Not.ContainKey((195, 95, 38)));
        Assert.That(new Pixels(mixed).Colors.GetValueOrDefault((195, 95, 38)), Is.GreaterThan(5000));
    }

    [Test]
    public void An_image_is_shown_by_squares_of_its_own_colors_with_its_texts()
    {
        var image = new PlanarImage(2, 2, [255, 0, 10, 20, 0, 255, 11, 21, 0, 0, 12, 22]);
        Picture picture = ImageSheet.Draw([new CaptionedImage(image, "cat", "dog 98 %")], 400, note: "A note");
        var pixels = new Pixels(picture);

        int[] counts = [.. new[] { (255, 0, 0), (0, 255, 0), (10, 11, 12), (20, 21, 22) }
            .Select(color => pixels.Colors.GetValueOrDefault(color))];

        Assert.That(counts.Distinct().Single(), Is.GreaterThan(1000));
        Assert.That(Texts(picture), Is.EquivalentTo(new[] { "cat", "dog 98 %", "A note" }));
        Assert.That(ImageSheet.Draw([], 400).Height, Is.LessThan(50));
    }

    [TestCase(800, "over the image", "full color: ")]
    [TestCase(340, "over it", "± ")]
    public void Maps_stand_beside_their_image_each_on_its_own_scale(int width, string head, string scale)
    {
        var image = new PlanarImage(1, 2, [50, 50, 50, 50, 50, 50]);
        Picture picture = MapSheet.Draw(
            [
                new ExplainedImage(image, "weak", new Raster(1, 2, [0.02f, 0]), new Raster(1, 2, [3, 0])),
                new ExplainedImage(image, "strong", new Raster(1, 2, [-0.5f, 0.5f]), new Raster(1, 2, [0, 0])),
            ],
            width);

        Assert.That(Texts(picture), Is.SupersetOf(
            new[] { head, "weak", $"{scale}2 points", "strong", $"{scale}50 points" }));
        Assert.That(new Pixels(picture).Colors, Does.ContainKey(s_red).And.ContainKey(s_blue)
            .And.ContainKey((50, 50, 50)).And.ContainKey((0x08, 0x40, 0x81)));
    }

    [Test]
    public void In_the_dark_the_paper_is_dark_and_what_is_written_light()
    {
        Picture[] dark =
        [
            ConfusionTable.Draw(new[,] { { 1 } }, ["only"], theme: Theme.Dark),
            LearningCurves.Draw([new TrainingCurves("a", [1, 2], [2, 1], [2, 1], [0, 1])], theme: Theme.Dark),
            FilterSheet.Draw([[new Raster(1, 1, [1])]], theme: Theme.Dark),
        ];

        foreach (Picture picture in dark)
        {
            var pixels = new Pixels(picture);
            Assert.That(pixels[1, 1], Is.EqualTo((0x1B, 0x1F, 0x24)));
            Assert.That(pixels.Colors, Does.Not.ContainKey(s_white));
            int light = pixels.Colors.Where(pair => pair.Key.Red + pair.Key.Green + pair.Key.Blue > 400)
                .Sum(pair => pair.Value);
            Assert.That(light, Is.GreaterThan(50));
        }
    }

    [Test]
    public void What_cannot_be_drawn_is_said()
    {
        Assert.That(() => FilterSheet.Draw([]), Throws.ArgumentException);
        Assert.That(() => FilterSheet.Draw([[new Raster(1, 1, [0]), new Raster(1, 1, [0])]]), Throws.ArgumentException);
        Assert.That(() => ConfusionTable.Draw(new int[2, 3], ["a", "b"]), Throws.ArgumentException
            .With.Message.StartsWith("2 names do not fit counts of 2x3."));
    }

    private static string[] Texts(Picture picture) =>
    [
        .. XDocument.Parse(picture.ToSvg()).Descendants().Where(each => each.Name.LocalName == "text")
            .Select(text => text.Value.Trim()),
    ];
}
