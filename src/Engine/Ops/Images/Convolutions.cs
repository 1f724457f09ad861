using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Convolves images of one to three axes, (N, C, …), with filters, (O, C / groups, …), in any steps. This is the
    /// general form of
    /// <see cref="Conv2D(Variable, Variable, ValueTuple{int, int}?, ValueTuple{int, int}, bool, Variable?)"/>, and uses
    /// it where it can.
    /// </summary>
    /// <param name="x">Images, (N, C, W), (N, C, H, W) or (N, C, D, H, W).</param>
    /// <param name="w">Filters, (O, C / groups, …), whose last dimensions are known.</param>
    /// <param name="options">
    /// Strides, paddings, dilations and groups; by default steps of 1, no padding, one group.
    /// </param>
    /// <param name="bias">O numbers that are added to the result; null for none.</param>
    /// <exception cref="EngineException">The channels differ, or a filter is larger than the padded images.</exception>
    public static Variable Convolve(Variable x, Variable w, ConvOptions? options = null, Variable? bias = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(w);
        options ??= new ConvOptions();
        Variable[] operands = Promotion.Convert("convolve", bias is null ? [x, w] : [x, w, bias], takesIntegers: false);
        (x, w) = (operands[0], operands[1]);
        Patches patches = PatchesOf(x, w, options);
        if (patches.Rank <= 2 && options.Groups == 1 && !patches.IsPlain && patches.Dilation.All(step => step == 1))
        {
            // Zeros that only one dimension of the images has are added first.
            Shape both = [.. patches.Before.Zip(patches.Behind, Math.Min)];
            x = Pad(x, [.. both.Select((pad, axis) => (patches.Before[axis] - pad, patches.Behind[axis] - pad))]);
            patches = patches with { Before = both, Behind = both };
        }

        return patches.Rank <= 2 && options.Groups == 1 && patches.IsPlain
            ? Plain(x, w, patches, options.FlipFilters, bias is null ? null : operands[2])
            : WithBias(
                IsChannelwise(w, options)
                    ? new Channelwise(patches, options.FlipFilters).Call(x, w)
                    : ByPatches(x, w, patches, options),
                bias is null ? null : operands[2]);
    }

    /// <summary>
    /// Returns the adjoint of <see cref="Convolve"/>, called transposed convolution or deconvolution: from (N, O, …) to
    /// (N, C, …). The result has the size of images from which a convolution with these filters and options computes x.
    /// </summary>
    /// <param name="x">(N, O, …).</param>
    /// <param name="w">
    /// Filters, (O, C / groups, …), with the layout of the convolution, whose last dimensions are known.
    /// </param>
    /// <param name="options">Strides, paddings, dilations and groups of the convolution.</param>
    /// <param name="outputDimensions">
    /// The dimensions of the images. With a stride, images of several sizes give the same x; the default is the
    /// smallest:
    /// (dimension − 1)·stride + size − paddings.
    /// </param>
    /// <param name="bias">C numbers that are added to the result; null for none.</param>
    /// <exception cref="EngineException">
    /// The channels differ, or the convolution of such images has another size.
    /// </exception>
    public static Variable ConvTranspose(
        Variable x, Variable w, ConvOptions? options = null, IReadOnlyList<int>? outputDimensions = null,
        Variable? bias = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(w);
        options ??= new ConvOptions();
        Variable[] operands =
            Promotion.Convert("convTranspose", bias is null ? [x, w] : [x, w, bias], takesIntegers: false);
        (x, w) = (operands[0], operands[1]);
        Patches patches = PatchesOf(x, w, options);
        Dimension[] dimensions = outputDimensions is { } given
            ? [.. given.Select(dimension => (Dimension)dimension)]
            : [.. Enumerable.Range(0, patches.Rank)
            .Select(
                axis => (Dimension)(((DimensionOf(x, axis + 2) - 1) * patches.Stride[axis])
                    + ((patches.Size[axis] - 1) * patches.Dilation[axis])
                    + 1 - patches.Before[axis] - patches.Behind[axis]))];
        Variable channels = DimensionOf(w, 1) * options.Groups;

        // Only its shape is used.
        Variable images = BroadcastTo(Constant(0, x.DType), [DimensionOf(x, 0), channels, .. dimensions]);
        bool flips = options.FlipFilters;
        Variable y = patches.Rank == 2 && options.Groups == 1 && patches.IsPlain
            ? new Conv2DInputGradient(new Conv2D(Pair(patches.Stride), Pair(patches.Before), flips)).Call(w, x, images)
            : IsChannelwise(w, options)
            ? new ChannelwiseInputGradient(new Channelwise(patches, flips)).Call(w, x, images)
            : ToImages(x, w, patches, options, images);
        return WithBias(y, bias is null ? null : operands[2]);
    }

    /// <summary>Returns whether each channel has filters of its own. The only channel of volumes has, too.</summary>
    private static bool IsChannelwise(Variable w, ConvOptions options) =>
        w.Shape[1] == 1 && (options.Groups > 1 || w.Rank == 5);

    private static (int, int) Pair(Shape dimensions) => (dimensions[0], dimensions[1]);

    private static Patches PatchesOf(Variable x, Variable w, ConvOptions options)
    {
        int rank = x.Rank - 2;
        if (rank is < 1 or > 3 || w.Rank != x.Rank || w.Shape.Skip(2).Any(dimension => dimension == Shape.Unknown))
        {
            throw new EngineException(
                $"A convolution takes images (N, C, …) of one to three more axes and filters (O, C, "
                + $"…) of known dimensions, not '{x}' ({x.Type}) and '{w}' ({w.Type}).{Origin.Current}");
        }

        return options.Of([.. w.Shape.Skip(2)]);
    }

    /// <summary>Convolves with Conv2D. A line of pixels is an image of one row.</summary>
    private static Variable Plain(Variable x, Variable w, Patches patches, bool flipFilters, Variable? bias)
    {
        if (patches.Rank == 2)
        {
            return Conv2D(x, w, Pair(patches.Stride), Pair(patches.Before), flipFilters, bias);
        }

        Variable y = Conv2D(
            ExpandDims(x, 2), ExpandDims(w, 2), (1, patches.Stride[0]), (0, patches.Before[0]), flipFilters, bias);
        return Squeeze(y, [2]);
    }

    private static Variable WithBias(Variable y, Variable? bias) => bias is null
        ? y
        : y + DimShuffle(bias, [NewAxis, 0, .. Enumerable.Repeat(NewAxis, y.Rank - 2)]);

    /// <summary>
    /// Convolves by products of filters and patches, one matrix for each group: (O, N, …), which becomes (N, O, …).
    /// </summary>
    private static Variable ByPatches(Variable x, Variable w, Patches patches, ConvOptions options)
    {
        Variable columns = new Unfold(patches).Call(x);
        Dimension[] over = [.. DimensionsOf(columns).Skip(2)];
        Variable product =
            Grouped(FilterRows(w, options), GroupRows(columns, 2, options.Groups), options.Groups, transpose: false);
        Variable planes = Reshape(product, [DimensionOf(w, 0), .. over]);
        return SwapAxes(planes, 0, 1);
    }

    private static Variable ToImages(Variable x, Variable w, Patches patches, ConvOptions options, Variable images)
    {
        Variable planes = SwapAxes(x, 0, 1);
        Variable product =
            Grouped(FilterRows(w, options), GroupRows(planes, 1, options.Groups), options.Groups, transpose: true);
        Dimension[] dimensions =
            [DimensionOf(images, 1), patches.Size.Product(0, patches.Rank), .. DimensionsOf(planes).Skip(1)];
        return new Fold(patches).Call(Reshape(product, dimensions.AsSpan()), images);
    }

    private static Variable Grouped(Variable filters, Variable columns, int groups, bool transpose) => groups == 1
        ? new Dot(transpose, false).Call(filters, columns)
        : new BatchedDot(transpose, false).Call(filters, columns);

    /// <summary>Returns the filters, rotated if needed, as rows: a matrix, or one for each group.</summary>
    private static Variable FilterRows(Variable w, ConvOptions options)
    {
        Variable flipped = options.FlipFilters ? Flip(w, [.. Enumerable.Range(2, w.Rank - 2)]) : w;
        Dimension row = Joined(w, Enumerable.Range(1, w.Rank - 1));
        return options.Groups == 1
            ? Reshape(flipped, DimensionOf(w, 0), row)
            : Reshape(flipped, options.Groups, InGroup(w, 0, options.Groups), row);
    }

    /// <summary>
    /// Reshapes an array: its first axes become rows and the others columns of a matrix, or of one for each group.
    /// </summary>
    private static Variable GroupRows(Variable x, int axes, int groups)
    {
        Dimension columns = Joined(x, Enumerable.Range(axes, x.Rank - axes)),
            rest = Joined(x, Enumerable.Range(1, axes - 1));
        return groups == 1
            ? Reshape(x, Joined(x, Enumerable.Range(0, axes)), columns)
            : Reshape(x, groups, Product(IntDiv(DimensionOf(x, 0), Constant(groups, DType.Int32)), rest), columns);
    }

    private static Dimension InGroup(Variable x, int axis, int groups) => x.Shape[axis] == Shape.Unknown
        ? IntDiv(DimensionOf(x, axis), Constant(groups, DType.Int32))
        : x.Shape[axis] % groups == 0 ? x.Shape[axis] / groups
        : throw new EngineException(
            $"The {x.Shape[axis]} filters of '{x}' ({x.Type}) do not make {groups} groups.{Origin.Current}");
}

/// <summary>Specifies how a convolution steps over images, with one number for all axes, or one for each.</summary>
public sealed record ConvOptions
{
    /// <summary>Gets or sets the pixels from one position of the filter to the next.</summary>
    public IReadOnlyList<int> Stride { get; init; } = [1];

    /// <summary>
    /// Gets or sets the zeros before and behind the images. −1 stands for as many as keep the dimensions with a stride
    /// of 1; the extra one is behind.
    /// </summary>
    public IReadOnlyList<int> Padding { get; init; } = [0];

    /// <summary>Gets or sets the zeros behind the images; null for as many as before them.</summary>
    public IReadOnlyList<int>? PaddingBehind { get; init; }

    /// <summary>Gets or sets the pixels from one tap of the filter to the next.</summary>
    public IReadOnlyList<int> Dilation { get; init; } = [1];

    /// <summary>
    /// Gets or sets the number of groups of channels, each with its own filters. As many groups as channels make a
    /// depthwise convolution.
    /// </summary>
    public int Groups { get; init; } = 1;

    /// <summary>Gets or sets whether the filters are rotated by 180°, as in Lasagne: a true convolution.</summary>
    public bool FlipFilters { get; init; } = true;

    internal Patches Of(Shape size)
    {
        Shape stride = All(Stride), dilation = All(Dilation), before = All(Padding),
            behind = All(PaddingBehind ?? Padding);
        Shape Same(Shape padding, int rounding) => [.. padding.Select((pad, axis) =>
            pad == -1 ? (((size[axis] - 1) * dilation[axis]) + rounding) / 2 : pad)];
        return Groups >= 1
            ? new Patches(size, stride, Same(before, 0), Same(behind, 1), dilation)
            : throw new EngineException($"A convolution cannot have {Groups} groups.{Origin.Current}");

        Shape All(IReadOnlyList<int> numbers) => numbers.Count == size.Rank ? [.. numbers]
            : numbers.Count == 1 ? [.. Enumerable.Repeat(numbers[0], size.Rank)]
            : throw new EngineException(
                $"A convolution of {size.Rank} axes takes one number for all or as many, "
                + $"not {numbers.Count}.{Origin.Current}");
    }
}
