namespace Engine.Data;

/// <summary>Represents images and their labels.</summary>
/// <param name="Images">The pixels: uint8 (n, 3, 32, 32), the planes red, green and blue, 0 to 255.</param>
/// <param name="Labels">The class of each image: int32 (n), 0 to 9.</param>
public sealed record Cifar10Images(Tensor Images, Tensor Labels)
{
    /// <summary>Gets the number of images.</summary>
    public int Count => Images.Shape[0];

    /// <summary>Returns the first images, up to this number.</summary>
    public Cifar10Images First(int count) =>
        count >= Count ? this : new Cifar10Images(Images.Rows(0, count), Labels.Rows(0, count));

    /// <summary>Returns the images in grayscale from -0.5 to 0.5: <see cref="Preprocessing.Grayscale"/>.</summary>
    /// <param name="flat">Whether the result has the shape (n, 1024) instead of (n, 1, 32, 32).</param>
    public Tensor Grayscale(bool flat = false) => Preprocessing.Grayscale(Images, flat);
}

/// <summary>Represents a CIFAR-10 data set, or the synthetic one in its place.</summary>
/// <param name="Train">The images of data_batch_1, data_batch_2 …, in this order.</param>
/// <param name="Test">The images of test_batch.</param>
/// <param name="ClassNames">The names of the labels 0 to 9.</param>
/// <param name="Source">The origin of the data, for display: a folder, an archive, or that they are synthetic.</param>
public sealed record Cifar10Set(
    Cifar10Images Train, Cifar10Images Test, IReadOnlyList<string> ClassNames, string Source)
{
    /// <summary>
    /// Gets or sets whether the images are synthetic. An accuracy on them says nothing about CIFAR-10 and must be
    /// marked.
    /// </summary>
    public bool IsSynthetic { get; init; }

    /// <summary>
    /// Gets or sets a sentence that the user must see, such as why the images are synthetic; null for none.
    /// </summary>
    public string? Notice { get; init; }
}
