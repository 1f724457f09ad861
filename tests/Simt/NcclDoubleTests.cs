using System.Diagnostics;
using System.Globalization;

namespace Engine.Tests.Simt;

/// <summary>
/// The double of NCCL exchanges data like NCCL, and finds errors with which NCCL would hang or give wrong results. Its
/// ranks are processes of a C program (tests/Simt/nccl_ranks).
/// </summary>
public class NcclDoubleTests
{
    private const string InvalidArgument = "nccl 4, cuda 0; ", InvalidUsage = "nccl 5, cuda 0; ",
        Failed = "nccl 0, cuda 719; -; ";

    [TestCase("sum", 2, "3 30 300", "3 30 300")]
    [TestCase("sum", 4, "10 100 1000", "10 100 1000", "10 100 1000", "10 100 1000")]
    [TestCase("max", 2, "2 20 200", "2 20 200")]
    [TestCase("broadcast", 3, "3 30 300", "3 30 300", "3 30 300")]
    [TestCase("gather", 3, "1 10 2 20 3 30", "1 10 2 20 3 30", "1 10 2 20 3 30")]
    [TestCase("all-to-all", 3, "1 0 2 0 3 0", "10 0 20 0 30 0", "100 0 200 0 300 0")]
    [TestCase("long", 2, "3", "3")]
    [TestCase("graph", 2, "6 60 600", "6 60 600")]
    [TestCase("lazy", 2, "1 10 100", "2 20 200")]
    public void Each_rank_gets_what_nccl_gives(string what, int ranks, params string[] expected) =>
        Assert.That(Run(what, ranks), Is.EqualTo(expected.Select(values => $"nccl 0, cuda 0; {values};")));

    [TestCase("count",
        Failed + "the ranks do not do the same: rank 0 calls ncclAllReduce of 3 elements of type 7 with operation 0, "
        + "rank 1 calls ncclAllReduce of 2 elements of type 7 with operation 0")]
    [TestCase("type",
        Failed + "the ranks do not do the same: rank 0 calls ncclAllReduce of 2 elements of type 7 with operation 0, "
        + "rank 1 calls ncclAllReduce of 2 elements of type 2 with operation 0")]
    [TestCase("operation",
        Failed + "the ranks do not do the same: rank 0 calls ncclAllReduce of 3 elements of type 7 with operation 0, "
        + "rank 1 calls ncclAllReduce of 3 elements of type 7 with operation 2")]
    [TestCase("order",
        Failed + "the ranks do not do the same: rank 0 calls ncclAllReduce of 3 elements of type 7 with operation 0, "
        + "rank 1 calls ncclAllGather of 1 elements of type 7")]
    [TestCase("unmatched", Failed + "rank 0 sends 4 bytes to rank 1, which expects 8")]
    [TestCase("no-type", InvalidArgument + "1 10 100; there is no type 99")]
    [TestCase("no-stream", "nccl 1, cuda 0; 1 10 100; the stream takes nothing: CUDA error 400")]
    [TestCase("alone", InvalidUsage + "1 10 100; ncclSend and ncclRecv outside a group wait for each other for ever")]
    [TestCase("end", InvalidUsage + "1 10 100; a group ends that has not begun")]
    [TestCase("destroyed", InvalidArgument + "1 10 100; this is no communicator, or it was destroyed")]
    [TestCase("device", "nccl 5, cuda 0;; Duplicate GPU detected: ranks 0 and 1 both are on device 0")]
    public void Misuse_is_found_on_each_rank(string what, string expected)
    {
        string[] lines = Run(what, 2);

        Assert.That(lines[0], Is.EqualTo(expected));
        Assert.That(lines[1], Is.EqualTo(expected.Replace("1 10 100", "2 20 200", StringComparison.Ordinal)));
    }

    [TestCase("beyond", @"^nccl 4, cuda 0; .*; 4000000 bytes at 0x[0-9a-f]+ are not memory of the device$")]
    [TestCase("host", @"^nccl 4, cuda 0; .*; 12 bytes at 0x[0-9a-f]+ are not memory of the device$")]
    [TestCase("overlap",
        @"^nccl 4, cuda 0; .*; 4 bytes at 0x\w+ are sent and 8 at 0x\w+ received, which overlap and are not in place$")]
    [TestCase(
        "capture", "^nccl 1, cuda 0;; memory cannot be allocated: CUDA error 900.*while a stream was being captured$")]
    public void Misuse_is_found_by_the_rank_that_does_it(string what, string expected) =>
        Assert.That(Run(what, 2)[0], Does.Match(expected));

    [TestCase("size", "one rank said that there are")]
    [TestCase("twice", "there are two ranks 0")]
    public void Ranks_that_do_not_belong_together_do_not_join(string what, string expected) =>
        // Which of the two arrives first, and so waits, varies.
        Assert.That(
            Run(what, 2),
            Has.Exactly(1).Contains(expected).And.Exactly(1)
                .Matches("rank [01] waits in ncclCommInitRank, and does not see rank [01]"));

    [Test]
    public void A_rank_that_does_not_come_is_named() => Assert.That(
        Run("missing", 3)[2], Is.EqualTo(Failed + "rank 2 waits in ncclAllReduce, and does not see rank 1"));

    /// <summary>Returns the output of each rank, in order.</summary>
    private static string[] Run(string what, int ranks)
    {
        var start = new ProcessStartInfo(
            Path.Combine(SimtDouble.Folder, "nccl-ranks"), [what, ranks.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The test would also wait for a rank that waits in vain.
        start.Environment["SIMT_NCCL_SECONDS"] = what is "size" or "twice" or "missing" or "overlap" ? "1" : "60";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string[] lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.GetAwaiter().GetResult());
        return [.. lines.Order(StringComparer.Ordinal)
            .Select(line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..].TrimEnd())];
    }
}
