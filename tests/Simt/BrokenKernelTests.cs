namespace Engine.Tests.Simt;

/// <summary>
/// Each kernel of broken.cu has one fault; the double must find it and report the kind, the line and the thread.
/// </summary>
[TestFixture(FrontEnd.Cpp)]
[TestFixture(FrontEnd.Ptx)]
public class BrokenKernelTests : SimtTests
{
    private const int IllegalAddress = 700, Misaligned = 716, LaunchFailed = 719;

    /// <summary>
    /// Differences in PTX: arrays have no inner bounds, signed sums wrap, and warps may return before a barrier (a GPU
    /// does not wait for them). The compiler removes accesses to a known null pointer.
    /// </summary>
    private static readonly Dictionary<string, (int Code, string What)> s_otherwiseInPtx = new()
    {
        ["shared_index_too_large"] = (IllegalAddress, "of the shared variable s, which has 256 bytes"),
        ["column_too_wide"] = (IllegalAddress, "byte 1024 of the shared variable s, which has 1024 bytes"),
        ["barrier_in_a_branch"] = (0, ""),
        ["overflows"] = (0, ""),
        ["exit_between_barriers"] = (0, ""),
        ["null_pointer"] = (LaunchFailed, "runs past its last instruction"),
    };

    public BrokenKernelTests(FrontEnd maker) => (Kernels, Maker) = ("broken.cu", maker);

    [TestCase("write_past_the_end", IllegalAddress, "byte 1024 of the allocation")]
    [TestCase("read_before_the_start", IllegalAddress, "out of bounds: a read")]
    [TestCase("no_tail_check", IllegalAddress, "out of bounds: a write", 2)]
    [TestCase("null_pointer", IllegalAddress, "where no memory of the device is")]
    [TestCase("misaligned_float4", Misaligned, "multiple of 16 bytes")]
    [TestCase("misaligned_float", Misaligned, "multiple of 4 bytes")]
    [TestCase("read_of_undefined_shared", LaunchFailed, "uninitialized read")]
    [TestCase("no_barrier_after_shared_write", LaunchFailed, "race within a block")]
    [TestCase("no_barrier_before_reuse", LaunchFailed, "race within a block")]
    [TestCase("no_barrier_in_a_template", LaunchFailed, "race within a block")]
    [TestCase("no_syncwarp", LaunchFailed, "race within a block")]
    [TestCase("warp_barrier_across_warps", LaunchFailed, "race within a block")]
    [TestCase("same_word_from_two_threads", LaunchFailed, "race within a block: a write")]
    [TestCase("same_word_from_two_blocks", LaunchFailed, "race between blocks: a write", 2)]
    [TestCase("reads_what_other_blocks_write", LaunchFailed, "race between blocks", 2)]
    [TestCase("last_block_without_fence", LaunchFailed, "race between blocks: a read", 2)]
    [TestCase("barrier_in_a_branch", LaunchFailed, "barrier divergence")]
    [TestCase("two_different_barriers", LaunchFailed, "barrier divergence")]
    [TestCase("exit_before_a_barrier", LaunchFailed, "barrier divergence")]
    [TestCase("exit_between_barriers", LaunchFailed, "barrier divergence")]
    [TestCase("shuffle_by_half_a_warp", LaunchFailed, "does not take part")]
    [TestCase("shuffle_with_a_wrong_mask", LaunchFailed, "does not name it")]
    [TestCase("shared_index_too_large", IllegalAddress, "of an array that ends before it")]
    [TestCase("shared_pointer_too_far", IllegalAddress, "of the shared variable s, which has 256 bytes")]
    [TestCase("dynamic_shared_too_far", IllegalAddress, "of the dynamic shared memory, which has 512 bytes", 1, 512)]
    [TestCase("column_too_wide", IllegalAddress, "out of bounds: index 16")]
    [TestCase("overflows", LaunchFailed, "a signed integer overflows")]
    [TestCase("divides_by_zero", LaunchFailed, "division of whole numbers by zero")]
    [TestCase("copy_not_waited_for", LaunchFailed, "uninitialized read")]
    [TestCase("stops_itself", LaunchFailed, "stopped itself by __trap()")]
    [TestCase("atomic_and_plain", LaunchFailed, "race within a block")]
    public void The_fault_is_found_with_its_line(string kernel, int code, string what, int blocks = 1, int shared = 0)
    {
        bool isOtherwise = Maker == FrontEnd.Ptx && s_otherwiseInPtx.ContainsKey(kernel);
        if (isOtherwise)
        {
            (code, what) = s_otherwiseInPtx[kernel];
        }

        ulong data = Upload(new float[256]);
        // Two such blocks have one element for each thread, so that only the order of blocks is wrong.
        uint threads = kernel is "reads_what_other_blocks_write" ? 128u : 256u;

        Good(Launch(kernel, new(((uint)blocks, 1), threads) { Shared = (uint)shared }, data, 256));

        int found = Synchronize();
        string report = SimtDouble.LastReport();
        Assert.That(found, Is.EqualTo(code), report);
        if (code == 0)
        {
            return;
        }

        Assert.That(report, Does.Contain(what));
        Assert.That(report, Does.Contain("in kernel " + kernel));
        Assert.That(report, Does.Match(@"thread \(\d+,0,0\) of block \(\d,0,0\)"));
        Assert.That(isOtherwise || FaultLines(kernel).Any(line => report.Contains($"broken.cu:{line}")), report);
    }

    [Test]
    public void Memory_that_nobody_wrote_cannot_be_read()
    {
        Good(Launch("sum_into_undefined", new((1, 1), 256), Allocate(1024), 256));

        Assert.That(Synchronize(), Is.EqualTo(LaunchFailed));
        Assert.That(SimtDouble.LastReport(), Does.Contain("uninitialized read"));
    }

    [Test]
    public void Waiting_for_a_block_that_never_comes_is_a_deadlock()
    {
        Good(Launch("waits_for_itself", new((1, 1), 64), Upload(new float[256]), 256));

        Assert.That(Synchronize(), Is.EqualTo(LaunchFailed));
        Assert.That(SimtDouble.LastReport(), Does.Contain("deadlock"));
    }

    [Test]
    public void Memory_that_was_freed_cannot_be_used()
    {
        ulong data = Upload(new float[256]);
        Free(data);

        Good(Launch("write_past_the_end", new((1, 1), 32), data, 256));

        Assert.That(Synchronize(), Is.EqualTo(IllegalAddress));
    }

    [Test]
    public void After_a_fault_every_call_says_so_until_the_context_is_new()
    {
        ulong data = Upload(new float[256]);
        Good(Launch("write_past_the_end", new((1, 1), 256), data, 256));

        Assert.That(Synchronize(), Is.EqualTo(IllegalAddress));
        Assert.That(Synchronize(), Is.EqualTo(IllegalAddress));
        Assert.That(ErrorText(IllegalAddress), Does.Contain("illegal memory access").And.Contain("broken.cu:8"));

        SimtDouble.Rewind();
        Assert.That(Synchronize(), Is.Zero);
    }

    [Test]
    public void Any_seed_finds_a_missing_barrier([Range(1, 8)] int seed)
    {
        SimtDouble.Set("SIMT_SEED", $"{seed}");

        Good(Launch("no_barrier_before_reuse", new((1, 1), 256), Upload(new float[256]), 256));

        Assert.That(Synchronize(), Is.EqualTo(LaunchFailed));
    }

    [Test]
    public void Reports_are_added_to_a_file()
    {
        using var folder = new TempFolder();
        string file = folder.File("report.txt");
        SimtDouble.Set("SIMT_REPORT", file);

        Good(Launch("write_past_the_end", new((1, 1), 256), Upload(new float[256]), 256));

        Assert.That(Synchronize(), Is.EqualTo(IllegalAddress));
        Assert.That(File.ReadAllText(file), Does.Contain("in kernel write_past_the_end at broken.cu:8"));
    }

    private static unsafe void Free(ulong address) =>
        Good(((delegate* unmanaged<ulong, int>)SimtDouble.Cuda("cuMemFree_v2"))(address));

    private static IEnumerable<int> FaultLines(string kernel)
    {
        string[] lines = SimtDouble.KernelText("broken.cu").Split('\n');
        // The fault of a template is in the code above the kernel.
        int start = Array.IndexOf(lines, kernel.EndsWith("template", StringComparison.Ordinal)
            ? "template <int N> __device__ float first_of(float v)"
            : $"KERNEL({kernel})");
        int end = Array.IndexOf(lines, "}", start);
        return Enumerable.Range(start, end - start).Where(i => lines[i].EndsWith("// FAULT", StringComparison.Ordinal))
            .Select(i => i + 1);
    }
}
