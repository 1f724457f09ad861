using Engine.Data;

namespace Engine.Tests.Data;

public class PreprocessingTests
{
    [Test]
    public void Gray_is_the_weighted_sum_scaled_to_half_around_zero()
    {
        // One image of 1 x 4: black, white, (10, 20, 30) and pure red.
        var images = Tensor.From(new byte[] { 0, 255, 10, 255, 0, 255, 20, 0, 0, 255, 30, 0 }, 1, 3, 1, 4);

        float[] gray = images.Grayscaled();

        // 0.299 · 10 + 0.587 · 20 + 0.114 · 30 = 18.15; 18.15 / 255 - 0.5 = -0.428823…; 0.299 - 0.5 = -0.201.
        Assert.That(gray[0], Is.EqualTo(-0.5f));
        Assert.That(gray[1], Is.EqualTo(0.5f));
        Assert.That(gray[2], Is.EqualTo(-0.42882353f).Within(1e-7f));
        Assert.That(gray[3], Is.EqualTo(-0.201f).Within(1e-7f));
    }

    [TestCase(1, 32, 32)]
    [TestCase(3, 5, 7)]
    [TestCase(300, 3, 11)]
    [TestCase(2, 1, 1)]
    [TestCase(0, 32, 32)]
    public void Every_pixel_is_the_float64_value_rounded(int count, int height, int width)
    {
        var bytes = new byte[count * 3 * height * width];
        new Random(1).NextBytes(bytes);
        int plane = height * width;

        float[] gray = Tensor.From(bytes, count, 3, height, width).Grayscaled();

        Assert.That(gray, Has.Length.EqualTo(count * plane));
        for (int i = 0; i < gray.Length; i++)
        {
            int at = (i / plane * 3 * plane) + (i % plane);
            float level = (float)(
                (0.299 * bytes[at]) + (0.587 * bytes[at + plane]) + (0.114 * bytes[at + (2 * plane)]));
            Assert.That(gray[i], Is.EqualTo((level / 255f) - 0.5f).Within(6e-8f));
        }
    }

    [Test]
    public void The_shape_is_that_of_the_convolutional_network_or_flat_for_the_perceptron()
    {
        var images = new Tensor(DType.UInt8, [2, 3, 32, 32]);

        Assert.That(Preprocessing.Grayscale(images).TypeText, Is.EqualTo("float32 (2, 1, 32, 32)"));
        Assert.That(Preprocessing.Grayscale(images, flat: true).TypeText, Is.EqualTo("float32 (2, 1024)"));
    }

    [Test]
    public void Other_tensors_than_color_images_are_refused()
    {
        Tensor[] wrong =
            [new(DType.Float32, [1, 3, 4, 4]), new(DType.UInt8, [1, 1, 4, 4]), new(DType.UInt8, [3, 4, 4])];

        foreach (Tensor images in wrong)
        {
            Assert.That(() => Preprocessing.Grayscale(images), Throws.TypeOf<EngineException>()
                .With.Message.Contains("uint8 (n, 3, height, width)").And.Message.Contains(images.TypeText));
        }
    }
}

internal static class PreprocessingExtensions
{
    public static float[] Grayscaled(this Tensor images) => Preprocessing.Grayscale(images).AsSpan<float>().ToArray();
}
