using Engine.Bench;

namespace Engine.Tests.Bench;

public class ComparisonTests
{
    private static readonly Spread s_seconds = new(0.001, 0.002, 0.003, 4);

    private static readonly Measurement s_ours = new("gemm", "1x2x3", "engine", "1.0.0", "cpu, 2 threads", s_seconds)
    {
        Gflops = 5,
        PartOfPeak = 0.5,
    };

    [Test]
    public void A_line_of_json_is_read_as_it_was_written() =>
        Assert.That(Measurement.FromJson(s_ours.ToJson()), Is.EqualTo(s_ours));

    [TestCase("NOTE: the images are noise")]
    [TestCase("{\"bench\":")]
    [TestCase("")]
    public void Another_line_is_none(string line) => Assert.That(Measurement.FromJson(line), Is.Null);

    [Test]
    public void The_table_has_a_row_for_what_we_measured_with_the_peer_beside_it()
    {
        var theirs =
            s_ours with { Who = "libtorch", Version = "2.10", Seconds = s_seconds.Times(3), PartOfPeak = null };
        Measurement alone = s_ours with { Item = "4x5x6", Gflops = null, PartOfPeak = null };

        string[] lines = ResultTable.Of([s_ours, alone, theirs]).Split(Environment.NewLine);

        Assert.That(lines[0], Is.EqualTo("| what | engine | libtorch | libtorch / engine |"));
        Assert.That(lines[2], Is.EqualTo(
            "| gemm 1x2x3, cpu, 2 threads | 1.000 – 2.000 – 3.000 ms (4 runs), 5 GFLOP/s, 50 % of the peak "
            + "| 3.000 – 6.000 – 9.000 ms (4 runs) | 3.00 |"));
        Assert.That(lines[3], Is.EqualTo("| gemm 4x5x6, cpu, 2 threads | 1.000 – 2.000 – 3.000 ms (4 runs) | | |"));
        Assert.That(lines[5], Does.Contain("engine 1.0.0, libtorch 2.10"));
    }

    [Test]
    [Platform(Exclude = "Win")]
    public void A_yardstick_is_told_what_to_measure_and_its_lines_of_json_are_taken()
    {
        string script = Path.Combine(TestContext.CurrentContext.WorkDirectory, "yardstick.sh");
        File.WriteAllText(script, $"""
            echo "asked for $* with $OMP_NUM_THREADS threads" >&2
            [ "$* $OMP_NUM_THREADS" = "gemm --device cpu --epochs 5 --data some/folder 3" ] || exit 7
            echo "a note"
            echo '{s_ours.ToJson()}'
            """);
        var yardstick = Yardstick.Named($"sh {script}", find: null)!;
        using var errors = new StringWriter();

        Assert.That(yardstick.Measure("gemm", 3, "some/folder", 5, errors), Is.EqualTo(new[] { s_ours }));
        Assert.That(errors.ToString(), Is.Empty);
        Assert.That(yardstick.Measure("gemm", 1, null, 5, errors), Is.Empty);
        Assert.That(errors.ToString(), Does.Contain("left gemm with 7"));
    }

    [Test]
    public void A_yardstick_that_is_not_there_is_named()
    {
        using var errors = new StringWriter();

        Assert.That(new Yardstick(["no-such-program"]).Measure("exp", 1, null, 1, errors), Is.Empty);
        Assert.That(errors.ToString(), Does.StartWith("The yardstick 'no-such-program' cannot be run: "));
        Assert.That(Yardstick.Named("none", () => new Yardstick(["x"])), Is.Null);
        Assert.That(Yardstick.Named(" ", () => new Yardstick(["x"])), Is.Not.Null);
    }
}
