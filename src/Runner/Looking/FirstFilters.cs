using Engine.Plots;
using Engine.Runner.Description;

namespace Engine.Runner;

/// <summary>The weights that the first learned layer applies to the images.</summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="What">A description: <c>16 filters of 3x3</c>.</param>
/// <param name="Filters">The planes of each filter or unit.</param>
/// <param name="Total">The number of filters; fewer may be shown.</param>
internal sealed record FirstFilters(string Layer, string What, IReadOnlyList<IReadOnlyList<Raster>> Filters, int Total)
{
    /// <summary>Finds the filters.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="max">The maximum number of filters.</param>
    /// <returns>Null if the input of the first learned layer is not pixels.</returns>
    public static FirstFilters? Of(
        NetworkDescription network, IReadOnlyList<KeyValuePair<string, Tensor>> parameters, int max)
    {
        (string name, Tensor weights) = parameters.FirstOrDefault(parameter => parameter.Value.Shape.Rank is 2 or 4);
        if (weights is null)
        {
            return null;
        }

        string layer = name.Split('.')[0];
        LayerDescription? described = network.Layers.FirstOrDefault(
            described => described.Kind.Name is "conv2d" or "dense");
        layer = described?.Name ?? layer;
        NdArray values = NdArray.From(weights);
        if (weights.Shape.Rank == 4)
        {
            bool isFlipped = described?.Kind.Name == "conv2d" && described.Settings.Flag("flip_filters");
            return Convolution(layer, values, max, isFlipped);
        }

        if (network.Layers.Count == 0)
        {
            return null;
        }

        int pixels = network.InputDimensions.Aggregate((a, b) => a * b);
        (int planes, int height, int width) = network.InputDimensions is [var first, var rows, var columns]
            ? (first, rows, columns)
            : (ImageInput.IsGray(network) ? 1 : 3, ImageInput.Side, ImageInput.Side);
        return weights.Shape[0] == pixels && pixels == planes * height * width && planes is 1 or 3
            ? Dense(layer, values, max, (planes, height, width)) : null;
    }

    /// <summary>
    /// Returns filters as they are applied to the image: those of a true convolution rotated by 180°.
    /// </summary>
    private static FirstFilters Convolution(string layer, NdArray w, int max, bool isFlipped)
    {
        (int filters, int channels, int height, int width) = (w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3]);
        bool isColor = channels == 3;
        int perFilter = isColor ? 1 : channels;
        IReadOnlyList<Raster>[] shown = [.. Enumerable.Range(0, Math.Min(max, filters * perFilter)).Select(Tile)];
        string planes = perFilter > 1 ? $"{channels} planes of " : "";
        return new FirstFilters(layer, $"{filters} filters of {planes}{height}x{width}", shown, filters * perFilter);

        IReadOnlyList<Raster> Tile(int i) => isColor
            ? [Plane(i, 0), Plane(i, 1), Plane(i, 2)]
            : [Plane(i / channels, i % channels)];

        Raster Plane(int filter, int channel) => new(height, width,
        [
            .. Enumerable.Range(0, height * width).Select(i => isFlipped ? (height * width) - 1 - i : i)
                .Select(i => (float)w.Data[(((filter * channels) + channel) * height * width) + i]),
        ]);
    }

    /// <summary>Returns the weights of each unit at the positions of their pixels.</summary>
    private static FirstFilters Dense(string layer, NdArray w, int max, (int Planes, int Height, int Width) image)
    {
        int units = w.Shape[1];
        IReadOnlyList<Raster>[] shown = [.. Enumerable.Range(0, Math.Min(max, units)).Select(unit =>
            (IReadOnlyList<Raster>)[.. Enumerable.Range(0, image.Planes).Select(plane => Plane(unit, plane))])];
        return new FirstFilters(layer, $"the weights of {units} units under the image", shown, units);

        Raster Plane(int unit, int plane) => new(image.Height, image.Width,
        [
            .. Enumerable.Range(plane * image.Height * image.Width, image.Height * image.Width)
                .Select(pixel => (float)w[pixel, unit]),
        ]);
    }
}
