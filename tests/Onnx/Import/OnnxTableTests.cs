using Engine.Build;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>The table of ONNX's ops: those that are supported, and those that are listed as unsupported.</summary>
public class OnnxTableTests
{
    [Test]
    public void An_op_has_one_row_for_a_version() =>
        Assert.That(
            OnnxTable.All().GroupBy(op => (op.Domain, op.Name, op.Since)).Where(rows => rows.Count() > 1), Is.Empty);

    [Test]
    public void What_is_there_is_not_said_not_to_be() =>
        Assert.That(OnnxRefused.Reasons.SelectMany(group => group.Ops).Intersect(OnnxTable.All().Select(op => op.Name)),
            Is.Empty);

    [Test]
    public void The_documentation_lists_what_is_not_there_by_the_reason()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "files.md"));
        foreach ((string why, string[] ops) in OnnxRefused.Reasons)
        {
            Assert.That(lines, Has.Some.StartsWith($"| {why} | {string.Join(", ", ops)}"));
        }
    }

    [Test]
    public void The_documentation_lists_what_is_not_exported_by_the_reason()
    {
        string[] lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "files.md"));
        foreach ((string why, Type[] ops) in OnnxLeftOut.Reasons)
        {
            Assert.That(lines, Has.Some.EqualTo($"| {why} | {string.Join(", ", ops.Select(OnnxLeftOut.Name))} |"));
        }
    }
}
