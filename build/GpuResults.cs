using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Engine.Build;

/// <summary>Writes the GPU part of docs/results.md from the results.json of gpu-check.sh.</summary>
internal static class GpuResults
{
    /// <summary>The marks around that part.</summary>
    public const string Begin = "<!-- gpu-check: begin -->", End = "<!-- gpu-check: end -->";

    /// <summary>
    /// Writes a file's figures into the page; returns false, with a message, if it has no figures of a GPU.
    /// </summary>
    public static bool Write(string file, string page, TextWriter errors)
    {
        if (JsonNode.Parse(File.ReadAllText(file)) is not { } results
            || Word(results, "verdict") is not ("passed" or "failed"))
        {
            errors.WriteLine($"{file} has no figures of a GPU: it is what gpu-check.sh leaves where there is one.");
            return false;
        }

        string text = File.ReadAllText(page);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal), end = text.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            errors.WriteLine($"{page} has no lines '{Begin}' and '{End}'.");
            return false;
        }

        File.WriteAllText(page, $"{text[..(begin + Begin.Length)]}\n\n{Of(results)}\n{text[end..]}");
        return true;
    }

    /// <summary>Returns the part.</summary>
    public static string Of(JsonNode results)
    {
        var text = new StringBuilder();
        JsonNode found = results["found"]!;
        text.Append($"On {Word(found, "date").Split('T')[0]}: {Word(found, "gpu")}; {Word(found, "cpu")}; data: ")
            .Append(
                $"{(Word(found, "data") == "drawn images" ? "drawn images" : "CIFAR-10")}, {Word(found, "images")} "
                + $"images. ")
            .Append($"`gpu-check.sh` {Word(results, "verdict")} in {Number(results["seconds"])} s.\n\n");
        AppendTable(
            text, "part | outcome | s", results["parts"]!.AsObject().Select(part => Part(part.Key, part.Value!)));
        AppendTable(
            text, "network | test accuracy CPU | GPU | first losses differ by | s an epoch CPU | GPU",
            results["comparisons"]!.AsArray().Select(line => Comparison(Word(line!, "network"), line!["comparison"]!)));
        AppendTable(
            text, "counted by `./build.sh count` | launches a step | warp-instructions | fma",
            results["counts"]!.AsArray().Select(count => Count(count!)));
        AppendTable(
            text, "what | who | math | min – median – max, ms | GFLOP/s | times ours",
            results["measurements"]!.AsArray().Select(measurement => Measured(measurement!)));
        return text.ToString();
    }

    private static void AppendTable(StringBuilder text, string head, IEnumerable<string[]> rows)
    {
        string[] all = [.. rows.Select(row => $"| {string.Join(" | ", row)} |")];
        if (all.Length > 0)
        {
            string line = string.Concat(Enumerable.Repeat("---|", head.Split('|').Length));
            text.Append($"| {head} |\n|{line}\n{string.Join('\n', all)}\n\n");
        }
    }

    private static string[] Part(string name, JsonNode part)
    {
        string reason = Word(part, "reason");
        return [name, Word(part, "outcome") + (reason.Length > 0 ? $": {reason}" : ""), Number(part["seconds"])];
    }

    private static string[] Comparison(string network, JsonNode both)
    {
        (JsonNode cpu, JsonNode gpu) = (both["cpu"]!, both["gpu"]!);
        return
        [
            network, Accuracies(both), Number(gpu["test_accuracy"], "0.0000"), Number(both["loss_difference"], "0.0e0"),
            Number(cpu["seconds_an_epoch"], "0.0000"), Number(gpu["seconds_an_epoch"], "0.0000"),
        ];
    }

    private static string[] Count(JsonNode count) =>
    [
        $"{Word(count, "what")}, {Word(count, "arch")}", Number(count["launchesPerTrainingStep"]),
        Number(count["warpInstructionsPerTrainingStep"], "#,0"), $"{Number(count["fmaPercent"], "0.0")} %",
    ];

    private static string[] Measured(JsonNode each) =>
    [
        $"{Word(each, "bench")} {Word(each, "item")}, {Word(each, "device")}",
        $"{Word(each, "who")} {Word(each, "version")}",
        Word(each, "math"),
        $"{Milliseconds(each, "min")} – {Milliseconds(each, "median")} – {Milliseconds(each, "max")}",
        Number(each["gflops"], "0.0"), Number(each["ratio"], "0.00"),
    ];

    private static string Accuracies(JsonNode comparison) =>
        comparison["cpu_accuracies"] is JsonArray { Count: > 0 } several
            ? string.Join(", ", several.Select(accuracy => Number(accuracy, "0.0000")))
            : Number(comparison["cpu"]!["test_accuracy"], "0.0000");

    private static string Milliseconds(JsonNode measurement, string which) =>
        ((double)measurement["seconds"]![which]! * 1e3).ToString("0.000", CultureInfo.InvariantCulture);

    private static string Word(JsonNode from, string name) => from[name]?.GetValue<string>() ?? "";

    private static string Number(JsonNode? number, string format = "0") =>
        number is null ? "" : ((double)number).ToString(format, CultureInfo.InvariantCulture);
}
