using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.Bench;

/// <summary>The result of timing one item; the scripts in bench/peers print theirs in the same form.</summary>
/// <param name="Bench">The benchmark: exp, gemm, conv, ops, mlp or cnn.</param>
/// <param name="Item">The item of the benchmark: a shape, an epoch.</param>
/// <param name="Who">Whose code ran: engine, cublas, pytorch-eager …</param>
/// <param name="Version">Its version.</param>
/// <param name="Device">The device.</param>
/// <param name="Seconds">The times.</param>
internal sealed record Measurement(
    string Bench, string Item, string Who, string Version, string Device, Spread Seconds)
{
    /// <summary>The value of <see cref="Who"/> for this library.</summary>
    public const string Ours = "engine";

    /// <summary>The arithmetic of products: full float32, like everything here.</summary>
    [JsonPropertyName("math")]
    public string Arithmetic { get; init; } = "fp32";

    /// <summary>Floating-point operations in 10⁹ a second, at the median; null if none are counted.</summary>
    public double? Gflops { get; init; }

    /// <summary>The share of the device's peak of multiply-adds; null if it was not measured.</summary>
    public double? PartOfPeak { get; init; }

    /// <summary>The accuracy on the test images; null if no network is trained.</summary>
    public double? TestAccuracy { get; init; }

    /// <summary>‖ours − theirs‖ / ‖theirs‖; null if nothing is compared.</summary>
    public double? Error { get; init; }

    /// <summary>Its time divided by ours in the same run; null if nothing is compared.</summary>
    public double? Ratio { get; init; }

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Returns the measurement as one line.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>Reads a line of JSON; returns null if the line is not a measurement.</summary>
    public static Measurement? FromJson(string line)
    {
        try
        {
            return line.StartsWith('{') ? JsonSerializer.Deserialize<Measurement>(line, s_json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Returns the row of the table: bench, item, who, device, min – median – max.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Bench,-5} {Item,-22} {(Arithmetic == "fp32" ? Who : $"{Who} {Arithmetic}"),-8} {Device,-24} {Seconds}"
        + $"{(Gflops is { } rate ? $"  {rate,9:F1} GFLOP/s" : "")}"
        + $"{(PartOfPeak is { } peak ? $", {peak:P0} of the peak" : "")}{(Error is { } error ? $"  error {error:E1}" : "")}"
        + $"{(Ratio is { } ratio ? $"  {ratio:F2} times ours" : "")}"
        + $"{(TestAccuracy is { } part ? $"  accuracy {part:F4}" : "")}");
}

/// <summary>The times of several runs, in seconds.</summary>
internal sealed record Spread(double Min, double Median, double Max, int Runs)
{
    /// <exception cref="ArgumentException">There are no times.</exception>
    public static Spread Of(IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length == 0
            ? throw new ArgumentException("No run was timed.", nameof(seconds))
            : new Spread(
                sorted[0],
                sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
                sorted[^1],
                sorted.Length);
    }

    /// <summary>Returns the times multiplied by a factor.</summary>
    public Spread Times(int times) => new(Min * times, Median * times, Max * times, Runs);

    /// <summary>Returns min – median – max, in a unit that suits the median.</summary>
    public override string ToString() => Text(9);

    /// <summary>Returns the same, each with a width in columns.</summary>
    public string Text(int width)
    {
        (double scale, string unit) = Median < 1e-3 ? (1e6, "µs") : Median < 1 ? (1e3, "ms") : (1.0, "s ");
        return $"{Number(Min)} – {Number(Median)} – {Number(Max)} {unit} ({Runs} runs)";

        string Number(double seconds) => (seconds * scale).ToString("F3", CultureInfo.InvariantCulture).PadLeft(width);
    }
}
