using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.Bench;

/// <summary>What timing one thing came to; the scripts in bench/peers print theirs in the same form.</summary>
/// <param name="Bench">Which benchmark: exp, gemm, conv, ops, mlp or cnn.</param>
/// <param name="Item">What of it: a shape, an epoch.</param>
/// <param name="Who">Whose code ran: engine, cublas, pytorch-eager …</param>
/// <param name="Version">Its version.</param>
/// <param name="Device">On what.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record Measurement(
    string Bench, string Item, string Who, string Version, string Device, Spread Seconds)
{
    /// <summary>What <see cref="Who"/> is where it is us.</summary>
    public const string Ours = "engine";

    /// <summary>How products are calculated: in full float32, as everything here is.</summary>
    [JsonPropertyName("math")]
    public string Arithmetic { get; init; } = "fp32";

    /// <summary>Floating-point operations in 10⁹ a second, at the median; null where none are counted.</summary>
    public double? Gflops { get; init; }

    /// <summary>What part that is of the multiply-adds that the device can do; null where it was not measured.</summary>
    public double? PartOfPeak { get; init; }

    /// <summary>The part of the test images that the network takes for what they are; null for what trains none.</summary>
    public double? TestAccuracy { get; init; }

    /// <summary>‖ours − theirs‖ / ‖theirs‖; null where nothing is compared.</summary>
    public double? Error { get; init; }

    /// <summary>How many times as long it takes as ours in the same run; null where nothing is compared.</summary>
    public double? Ratio { get; init; }

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>One line.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>What a line of JSON says; null for a line that is none.</summary>
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

    /// <summary>The row of the table: bench, item, who, device, least – median – greatest.</summary>
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

    /// <summary>The same of so many times as much.</summary>
    public Spread Times(int times) => new(Min * times, Median * times, Max * times, Runs);

    /// <summary>Least – median – greatest, in a unit that suits the median.</summary>
    public override string ToString() => Text(9);

    /// <summary>The same, each of them in so many columns.</summary>
    public string Text(int width)
    {
        (double scale, string unit) = Median < 1e-3 ? (1e6, "µs") : Median < 1 ? (1e3, "ms") : (1.0, "s ");
        return $"{Number(Min)} – {Number(Median)} – {Number(Max)} {unit} ({Runs} runs)";

        string Number(double seconds) => (seconds * scale).ToString("F3", CultureInfo.InvariantCulture).PadLeft(width);
    }
}
