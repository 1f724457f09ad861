using System.Globalization;
using Engine.Inspection;
using Engine.Plots;

namespace Engine.Runner;

/// <summary>A picture that can be drawn in any width and theme.</summary>
/// <param name="Name">The name of its file, without the extension.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Note">How to read it; null if the picture explains itself.</param>
/// <param name="Draw">Draws it, given a width, the title and the note, and the theme.</param>
internal sealed record ModelPicture(
    string Name, string Title, string? Note, Func<int, string?, string?, Theme, Picture> Draw)
{
    /// <summary>Returns the picture with its title, to be viewed alone.</summary>
    public Picture Alone(int width) => Draw(width, Title, Note, Theme.Light);
}

/// <summary>The pictures of a tested model.</summary>
internal sealed class ModelPictures
{
    /// <summary>A matrix of more classes is not readable.</summary>
    private const int MaxClasses = 40;

    /// <summary>
    /// The maximum number of positions in a row at which an image is covered; each is another image for the network.
    /// </summary>
    private const int MaxPlaces = 64;

    private readonly TestedModel _model;
    private readonly InspectionOptions.Inspected _options;

    /// <summary>Computes the contents of the pictures.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What to show.</param>
    /// <param name="maxFilters">The maximum number of filters.</param>
    /// <exception cref="EngineException">There is no image with a requested number.</exception>
    public ModelPictures(TestedModel model, InspectionOptions.Inspected options, int maxFilters)
    {
        (_model, _options) = (model, options);
        Confusion = model.Confusion is not { } confusion || confusion.Classes > MaxClasses ? null
            : new ModelPicture("confusion", "Confusion matrix", null, (width, title, _, theme) =>
                ConfusionTable.Draw(Counts(confusion), model.Classes, width, title, theme));
        Filters = MakeFilters(maxFilters);
        Mistakes = MakeMistakes();
        Maps = MakeMaps();
    }

    /// <summary>The weights that the first layer applies to pixels; null if its input is not pixels.</summary>
    public ModelPicture? Filters { get; }

    /// <summary>The confusion matrix; null if there are no classes, or too many.</summary>
    public ModelPicture? Confusion { get; }

    /// <summary>The mistakes; null if there are none to show.</summary>
    public ModelPicture? Mistakes { get; }

    /// <summary>The maps; null if no image is to be explained.</summary>
    public ModelPicture? Maps { get; }

    /// <summary>Returns all pictures.</summary>
    public IEnumerable<ModelPicture> All => new[] { Filters, Confusion, Mistakes, Maps }.OfType<ModelPicture>();

    private ModelPicture? MakeFilters(int max)
    {
        if (!_model.HasPictures
            || FirstFilters.Of(_model.Model.Network, _model.Net.GetParameters(), max) is not { } first)
        {
            return null;
        }

        string shown = first.Filters.Count < first.Total ? $"; the first {first.Filters.Count}" : "";
        return new ModelPicture(
            "filters", $"First layer, {first.Layer}: {first.What}{shown}",
            first.Filters[0].Count == 1
                ? "What the first layer looks for: red where it wants an image bright, blue where it wants it dark."
                : "What the first layer looks for, in the colors that it wants to see.",
            (width, title, note, theme) => FilterSheet.Draw(first.Filters, width, title, note, theme));
    }

    private ModelPicture? MakeMistakes()
    {
        CaptionedImage[] images = !_model.HasPictures
            ? []
            : [.. _model.Mistakes(_options.MistakeCount).Select(mistake => new CaptionedImage(
            Image(mistake.Index),
            _model.Classes[mistake.Label],
            $"{_model.Classes[mistake.Predicted]} {Percent(mistake.Probability)}"))];
        return images.Length == 0 ? null : new ModelPicture(
            "mistakes", "The most confident mistakes",
            "In bold what the image is, below it what it is taken for, with the probability.",
            (width, title, note, theme) => ImageSheet.Draw(images, width, title, note, theme));
    }

    private ModelPicture? MakeMaps()
    {
        int[] indices = _options.Indices(_model.Count);
        if (indices.Length == 0 || _model.Labels is null || !_model.HasPictures)
        {
            return null;
        }

        int[] labels = [.. indices.Select(_model.Label)];
        Tensor inputs = _model.Inputs(indices), pictures = _model.Pictures(indices);
        (int height, int width) = (pictures.Shape[2], pictures.Shape[3]);
        int step = Math.Max((Math.Max(height, width) + MaxPlaces - 1) / MaxPlaces, 1);
        int channels = inputs.Shape.Product(1, inputs.Shape.Rank) / (height * width);
        Tensor slopes = Saliency.Maps(
            Saliency.Of(_model.Net, inputs, labels).Reshape(indices.Length, channels, height, width));
        ExplainedImage[] images = [.. indices.Select((index, i) =>
        {
            double whole = _model.Probability(index, labels[i]);
            Tensor image = inputs.Rows(i, 1).Reshape(channels, height, width);
            float[] covered = Occlusion.Map(_model.Net, image, labels[i], _options.Square, value: 0, step)
                .AsSpan<float>().ToArray();
            return new ExplainedImage(
                Image(index), Heading(index, labels[i]),
                new Raster(height, width, [.. covered.Select(left => (float)(whole - left))]),
                new Raster(height, width, slopes.Rows(i, 1).AsSpan<float>().ToArray()));
        })];
        return new ModelPicture(
            "maps", "What the network looks at",
            $"Covered: a gray square of {_options.Square}x{_options.Square} pixels is laid over each place in turn; "
                + "red where the probability of the image's class falls, blue where it rises. Saliency: how much each "
                + "pixel moves the class's score.",
            (wide, title, note, theme) => MapSheet.Draw(images, wide, title, note, theme));
    }

    private string Heading(int index, int label)
    {
        ReadOnlySpan<float> row = _model.Probabilities.Rows(index, 1).Cast(DType.Float32).AsSpan<float>();
        int best = 0;
        for (int c = 1; c < row.Length; c++)
        {
            best = row[c] > row[best] ? c : best;
        }

        string own = $"{index}: {_model.Classes[label]}, {Percent(row[label])}";
        return best == label ? own : $"{own}; taken for {_model.Classes[best]}, {Percent(row[best])}";
    }

    private static int[,] Counts(ConfusionMatrix confusion)
    {
        int classes = confusion.Classes;
        var counts = new int[classes, classes];
        for (int i = 0; i < classes * classes; i++)
        {
            counts[i / classes, i % classes] = confusion[i / classes, i % classes];
        }

        return counts;
    }

    private PlanarImage Image(int index)
    {
        Tensor picture = _model.Pictures([index]);
        return new PlanarImage(picture.Shape[2], picture.Shape[3], picture.AsSpan<byte>().ToArray());
    }

    /// <summary>Returns a share in percent, with a decimal if it would otherwise be rounded to 0 or 100.</summary>
    internal static string Percent(double share) =>
        (100 * share).ToString(
            share is (> 0.9949 and < 1) or (< 0.01 and > 0) ? "F1" : "F0", CultureInfo.InvariantCulture) + " %";
}
