namespace Engine.Data;

/// <summary>
/// Draws synthetic images in ten classes, in CIFAR-10's format: a shape or a pattern of random size, position,
/// direction and colors, lighter or darker than its background, with clutter and noise. No single pixel says anything
/// about the class: in libtorch, the source's convolutional network classifies 94 % of the test images correctly after
/// 4 epochs, its perceptron 46 % after 5. The same arguments give the same images on every machine: they use only
/// integers and the exactly rounded operations + - * / and square root, and an image depends only on the seed and its
/// number.
/// </summary>
public static class SyntheticImages
{
    private const int Side = 32;
    private const int Plane = Side * Side;

    private static readonly string[] s_classNames =
        ["disc", "ring", "square", "frame", "triangle", "cross", "crescent", "stripes", "checks", "dots"];

    /// <summary>Draws a set.</summary>
    /// <param name="train">The number of training images. Every ten in sequence contain each class once.</param>
    /// <param name="test">The number of test images, which differ from the training images.</param>
    /// <param name="seed">The seed. Another seed gives other images.</param>
    public static Cifar10Set Draw(int train = 50_000, int test = 10_000, ulong seed = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(train);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(test);
        return new Cifar10Set(
            Draw(train, seed, 0), Draw(test, seed, 1), s_classNames, "built-in drawn set (not CIFAR-10)")
        {
            IsSynthetic = true,
            Notice = "Using a built-in drawn set: accuracies are not CIFAR-10's.",
        };
    }

    private static Cifar10Images Draw(int count, ulong seed, ulong part)
    {
        var pixels = GC.AllocateUninitializedArray<byte>(checked(count * 3 * Plane));
        var labels = new int[count];
        ulong key = new SplitMix(seed).Next() + part;
        Parallel.For(0, (count + 9) / 10, block =>
        {
            Span<int> classes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
            var random = new SplitMix(new SplitMix(key).Next() + (ulong)block);
            for (int i = 9; i > 0; i--)
            {
                int other = random.Below(i + 1);
                (classes[i], classes[other]) = (classes[other], classes[i]);
            }

            for (int i = 0; i < 10 && (10 * block) + i < count; i++)
            {
                int image = (10 * block) + i;
                labels[image] = classes[i];
                DrawImage(classes[i], new SplitMix(random.Next()), pixels.AsSpan(image * 3 * Plane, 3 * Plane));
            }
        });
        return new Cifar10Images(Tensor.From(pixels, count, 3, Side, Side), Tensor.From(labels));
    }

    private static void DrawImage(int label, SplitMix random, Span<byte> pixels)
    {
        Color back = Color.Random(ref random);
        Color fore = back.Contrasting(ref random);
        var figure = new Figure(label, ref random);
        // Two blots of other colors, so that the presence of an edge alone says nothing.
        var first = new Blot(ref random);
        var second = new Blot(ref random);
        float slopeX = random.Between(-1.5f, 1.5f), slopeY = random.Between(-1.5f, 1.5f);
        float noise = random.Between(10f, 60f);
        for (int y = 0; y < Side; y++)
        {
            for (int x = 0; x < Side; x++)
            {
                float inside = Coverage(figure.Distance(x, y));
                float light = (slopeX * (x - 15.5f)) + (slopeY * (y - 15.5f));
                Color color = Color.Mix(back, fore, inside);
                color = second.Over(first.Over(color, x, y), x, y);
                ulong bits = random.Next();
                int i = (y * Side) + x;
                pixels[i] = Level(color.Red + light + (noise * Centered(bits)));
                pixels[Plane + i] = Level(color.Green + light + (noise * Centered(bits >> 21)));
                pixels[(2 * Plane) + i] = Level(color.Blue + light + (noise * Centered(bits >> 42)));
            }
        }
    }

    // The part of a pixel that is inside an edge at this distance. The edge is one pixel wide.
    private static float Coverage(float distance) => Math.Clamp(0.5f - distance, 0f, 1f);

    private static float Centered(ulong bits) => ((int)(bits & 0x1F_FFFF) * (1f / 0x20_0000)) - 0.5f;

    private static byte Level(float value) => (byte)Math.Clamp((int)value, 0, 255);

    private readonly record struct Color(float Red, float Green, float Blue)
    {
        private const float MinimumContrast = 55;

        private float Luma => (0.299f * Red) + (0.587f * Green) + (0.114f * Blue);

        public static Color Random(ref SplitMix random) =>
            new(random.Between(0, 255), random.Between(0, 255), random.Between(0, 255));

        public static Color Mix(Color a, Color b, float part) => new(
            a.Red + ((b.Red - a.Red) * part),
            a.Green + ((b.Green - a.Green) * part),
            a.Blue + ((b.Blue - a.Blue) * part));

        public Color Contrasting(ref SplitMix random)
        {
            Color other;
            do
            {
                other = Random(ref random);
            }
            while (Math.Abs(other.Luma - Luma) < MinimumContrast);
            return other;
        }
    }

    private readonly struct Blot
    {
        private readonly Color _color;
        private readonly float _x, _y, _radius;

        public Blot(ref SplitMix random)
        {
            _x = random.Between(0, Side);
            _y = random.Between(0, Side);
            _radius = random.Between(1f, 3f);
            _color = Color.Random(ref random);
        }

        public Color Over(Color under, int x, int y)
        {
            float squared = ((x - _x) * (x - _x)) + ((y - _y) * (y - _y));
            return squared > (_radius + 1) * (_radius + 1)
                ? under
                : Color.Mix(under, _color, Coverage(MathF.Sqrt(squared) - _radius));
        }
    }

    /// <summary>Represents a class's shape at its position.</summary>
    private readonly struct Figure
    {
        private readonly int _label;
        private readonly float _x, _y, _radius, _cos, _sin;

        public Figure(int label, ref SplitMix random)
        {
            _label = label;
            _radius = random.Between(5.5f, 11f);
            _x = random.Between(9f, 22f);
            _y = random.Between(9f, 22f);
            // A point on the circle from the tangent of half its angle. A sine would differ between machines.
            float t = random.Between(-1, 1);
            float sign = random.Below(2) == 0 ? -1 : 1;
            _cos = sign * (1 - (t * t)) / (1 + (t * t));
            _sin = sign * 2 * t / (1 + (t * t));
        }

        /// <summary>Returns the distance of the pixel's center from the shape; negative inside.</summary>
        public float Distance(int x, int y)
        {
            float dx = x - _x, dy = y - _y;
            float u = (_cos * dx) + (_sin * dy), v = (_cos * dy) - (_sin * dx);
            float au = Math.Abs(u), av = Math.Abs(v), r = _radius;
            return _label switch
            {
                0 => Length(u, v) - r,
                1 => Math.Abs(Length(u, v) - (0.8f * r)) - (0.2f * r),
                2 => Math.Max(au, av) - (0.85f * r),
                3 => Math.Abs(Math.Max(au, av) - (0.75f * r)) - (0.18f * r),
                4 => Math.Max(v, (0.866f * au) - (0.5f * v)) - (0.55f * r),
                5 => Math.Min(Math.Max(au - r, av - (0.25f * r)), Math.Max(av - r, au - (0.25f * r))),
                6 => Math.Max(Length(u, v) - r, (0.8f * r) - Length(u - (0.6f * r), v)),
                7 => 0.6f * r * Wave(u / (1.2f * r)),
                8 => 2.4f * r * Wave(u / (1.2f * r)) * Wave(v / (1.2f * r)),
                _ => Length(1.2f * r * Wave(u / (1.2f * r), 0), 1.2f * r * Wave(v / (1.2f * r), 0)) - (0.3f * r),
            };
        }

        private static float Length(float u, float v) => MathF.Sqrt((u * u) + (v * v));

        // A triangle wave of period 1: the distance to the nearest integer, minus the offset.
        private static float Wave(float t, float offset = 0.25f) => Math.Abs(t - MathF.Floor(t + 0.5f)) - offset;
    }

    /// <summary>
    /// Generates random numbers with SplitMix64 (G. Steele, D. Lea, C. Flood, Fast Splittable Pseudorandom Number
    /// Generators, 2014).
    /// </summary>
    private struct SplitMix(ulong state)
    {
        private ulong _state = state;

        public ulong Next()
        {
            ulong z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }

        public int Below(int end) => (int)((Next() >> 40) * (ulong)end >> 24);

        public float Between(float low, float high) => low + ((high - low) * ((Next() >> 40) * (1f / (1 << 24))));
    }
}
