using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// A grid with one block too few, or a bound that is wrong by one thread, fails only if the last block has work for
/// exactly one thread. The examples must include this case for every kernel with one element, or a fixed number of
/// them, for each thread.
/// </summary>
[TestFixture]
public sealed partial class LastBlockTests
{
    private const int Threads = 256;

    private static readonly ILookup<string, KernelLaunch> s_launches =
        KernelVariants.Launches().Select(launch => launch.Launch).ToLookup(launch => launch.Function.Entry);

    private static IEnumerable<TestCaseData> Kernels => s_launches
        .Where(launches => launches.First().Block.X == Threads && OneThreadAnElement(launches.First().Function))
        .Select(launches => new TestCaseData(launches.Key).SetArgDisplayNames(launches.Key));

    [TestCaseSource(nameof(Kernels))]
    public void A_kernel_is_tried_in_grids_of_several_sizes_whose_last_block_has_one_thread_to_do(string kernel)
    {
        int[] grids = [.. s_launches[kernel].Where(LastBlockHasOneThread).Select(launch => launch.Grid.X).Distinct()];

        Assert.That(
            grids.Count(blocks => blocks > 1), Is.GreaterThanOrEqualTo(2), $"grids of {string.Join(", ", grids)}");
    }

    /// <summary>
    /// Whether an argument is a number of elements for which the first thread of the last block computes the last.
    /// </summary>
    private static bool LastBlockHasOneThread(KernelLaunch launch) =>
        launch.ArgumentOffsets.Any(argument =>
        {
            int count = BinaryPrimitives.ReadInt32LittleEndian(launch.Arguments[argument.Offset..]);
            return ((int[])[1, 2, 4]).Any(each =>
                count > 0 && (count + each - 1) / each == ((launch.Grid.X - 1) * Threads) + 1);
        });

    private static bool OneThreadAnElement(CudaFunction function)
    {
        string body = function.Source[function.Source.IndexOf($" {function.Entry}(", StringComparison.Ordinal)..];
        int next = body.IndexOf("__global__", StringComparison.Ordinal);
        return Place().IsMatch(next < 0 ? body : body[..next]);
    }

    [GeneratedRegex(@"blockIdx\.x \* (blockDim\.x|Threads) \+ threadIdx\.x")]
    private static partial Regex Place();
}
