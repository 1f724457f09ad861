using System.Text.Json;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Compile;

[TestFixture(false)]
[TestFixture(true)]
public sealed class ProfileTests(bool isGpu)
{
    private const int Runs = 5;
    private const StringSplitOptions Tidy = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;

    private readonly CpuDevice _cpu = new(3);

    [OneTimeTearDown]
    public void Free() => _cpu.Dispose();

    [Test]
    public void Each_launch_has_a_row_with_its_calls()
    {
        (Profile profile, Function f) = Profiled();
        using (f)
        {
            string[] lines = profile.ToString().Split('\n');

            Assert.That(lines[0], Does.StartWith($"{Runs} runs with x (300, 200), 0 updates, "));
            string[][] rows = [.. lines.Skip(4).TakeWhile(line => line.Length > 0)
                .Select(line => line.Split("  ", Tidy))];
            Assert.That(rows, Has.Length.EqualTo(f.Launches.Count));
            Assert.That(rows.Select(row => row[1]), Is.All.EqualTo($"{Runs}"));
            Assert.That(rows.Select(row => row[0]), Is.All.Match(@"^\d+\.\d %$"));
            Assert.That(lines, Has.Some.StartsWith("The peak is "));
        }
    }

    [Test]
    public void A_trace_has_what_each_thread_did_and_when()
    {
        (Profile profile, Function f) = Profiled();
        using (f)
        {
            using var stream = new MemoryStream();
            profile.WriteTrace(stream);
            stream.Position = 0;
            using JsonDocument trace = JsonDocument.Parse(stream);
            JsonElement[] events = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()];
            JsonElement[] spans = [.. events.Where(each => each.GetProperty("ph").GetString() == "X")];
            JsonElement[] names = [.. events.Where(each => each.GetProperty("ph").GetString() == "M")];

            Assert.That(spans.Select(each => each.GetProperty("name").GetString()), Has.Some.Contains("dot"));
            int[] lanes = [.. spans.Select(Lane).Distinct().Order()];
            Assert.That(names.Select(Lane).Order(), Is.EqualTo(lanes));
            Assert.That(lanes, isGpu ? Is.EqualTo(new[] { 0 }) : Is.SubsetOf(new[] { 0, 1, 2 }));
            foreach (IGrouping<int, JsonElement> lane in spans.GroupBy(Lane))
            {
                double end = -1;
                foreach (JsonElement span in lane.OrderBy(each => each.GetProperty("ts").GetDouble()))
                {
                    // Both are rounded to a thousandth.
                    Assert.That(span.GetProperty("ts").GetDouble(), Is.GreaterThanOrEqualTo(end - 0.0021));
                    end = span.GetProperty("ts").GetDouble() + span.GetProperty("dur").GetDouble();
                }
            }
        }

        static int Lane(JsonElement each) => each.GetProperty("tid").GetInt32();
    }

    [Test]
    public void A_profiled_function_computes_the_same()
    {
        (_, Function f) = Profiled();
        using Function plain = Compile(null);
        using (f)
        {
            Assert.That(f.Call(X)[0].Bytes.SequenceEqual(plain.Call(X)[0].Bytes));
        }
    }

    private static Tensor X => Tensor.From(Enumerable.Range(0, 60_000).Select(i => (i % 17) / 16f).ToArray(), 300, 200);

    private (Profile Profile, Function Function) Profiled()
    {
        var profile = new Profile();
        Function f = Compile(profile);
        f.RunMany(Runs, X);
        return (profile, f);
    }

    private Function Compile(Profile? profile)
    {
        Device device = isGpu ? CudaTestDevice.Open() : _cpu;
        Input x = Matrix("x");
        return Function.Compile(
            [x], [Sum(Exp(Dot(x, Transpose(x)) * 0.01), [0])],
            device: device, options: new CompileOptions { Profile = profile });
    }
}
