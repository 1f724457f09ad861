using System.Text;
using System.Text.RegularExpressions;

namespace Engine.Devices.Cuda;

/// <summary>
/// Runs independent kernels in one launch: each block belongs to one of them and computes its index in that kernel's
/// grid. A small kernel costs as much as its launch, so two of them in one launch are twice as fast. A single kernel
/// also runs this way, along x, if its grid is too long along y or z for the hardware. It runs this way too if it reads
/// rows of an array whose first row only the device knows.
/// </summary>
internal sealed partial record HorizontalFusion : CudaFunction
{
    /// <summary>The most bytes of a kernel's arguments.</summary>
    private const int MaxArgumentBytes = 4096;

    /// <summary>
    /// The static shared memory of each part is separate, as if all ran in one block: some totals or, if the launch
    /// gives the kernel dynamic memory, a flag. All parts share the dynamic memory.
    /// </summary>
    private const int TotalsBytes = 2112, FlagBytes = 16;

    /// <summary>
    /// The most products and convolutions in one launch. All parts share one number of registers, and with more parts
    /// the tiles' addresses need so many that registers spill.
    /// </summary>
    private const int MaxTiled = 6;

    private readonly KernelLaunch[] _parts;

    private HorizontalFusion(KernelLaunch[] parts) : base("horizontal_fusion.cuh", "horizontal_fusion") => _parts = parts;

    public IReadOnlyList<KernelLaunch> Parts => _parts;

    /// <inheritdoc/>
    public override int DynamicBytes => _parts.Max(part => part.Function.DynamicBytes);

    /// <inheritdoc/>
    public override string Source
    {
        get
        {
            var text = new StringBuilder();
            text.Append(KernelSource.Expand(File, [$"ARGUMENT_BYTES {_parts.Sum(part => part.ArgumentBytes)}"]));
            for (int i = 0; i < _parts.Length; i++)
            {
                AppendPart(text, i, _parts[i], FirstBlock(i));
            }

            AppendEntry(text);
            return text.ToString();
        }
    }

    public override string ToString() => string.Join(" + ", _parts.Select(part => part.Function.Entry));

    /// <summary>Returns one launch in place of several, or the same ones if they cannot be joined.</summary>
    public static IEnumerable<KernelLaunch> Join(IReadOnlyList<KernelLaunch> launches)
    {
        var parts = new List<KernelLaunch>();
        foreach (KernelLaunch launch in launches)
        {
            if (parts.Count > 0 && !Fits(parts, launch))
            {
                yield return JoinAll(parts);
                parts.Clear();
            }

            parts.Add(launch);
        }

        if (parts.Count > 0)
        {
            yield return JoinAll(parts);
        }
    }

    private static bool Fits(List<KernelLaunch> parts, KernelLaunch launch) =>
        launch.Function.MayJoin && parts[0].Function.MayJoin
        && parts.Sum(part => part.ArgumentBytes) + launch.ArgumentBytes <= MaxArgumentBytes
        && parts.Append(launch).Max(part => part.Function.DynamicBytes)
            + parts.Append(launch).Sum(part => part.Function.DynamicBytes > 0 ? FlagBytes : TotalsBytes)
            <= CudaTypes.MaxSharedBytes
        && parts.Append(launch).Count(part => part.Function.DynamicBytes > 0) <= MaxTiled
        && parts.Sum(part => part.Blocks) + launch.Blocks <= int.MaxValue
        && launch.Block is { Y: 1, Z: 1 } && parts[0].Block is { Y: 1, Z: 1 };

    private static KernelLaunch JoinAll(List<KernelLaunch> parts)
    {
        if (parts.Count == 1 && parts[0].Grid.IsGrid && !parts[0].HasRows)
        {
            return parts[0];
        }

        var arguments = parts.SelectMany(part => part.Arguments.ToArray()).ToArray();
        var blocks = (int)parts.Sum(part => part.Blocks);
        Dim3 block = parts.Select(part => part.Block).MaxBy(block => block.Count);
        return new KernelLaunch(new HorizontalFusion([.. parts]), blocks, block, [CudaArgument.OfBytes(arguments)]);
    }

    private long FirstBlock(int part) => _parts.Take(part).Sum(other => other.Blocks);

    /// <summary>
    /// Appends the part's text in a namespace of its own: its kernels as functions, with blockIdx and gridDim as in a
    /// launch of its own. Its macros are undefined at the end.
    /// </summary>
    private static void AppendPart(StringBuilder text, int number, KernelLaunch part, long firstBlock)
    {
        (int x, int y, int z) = (part.Grid.X, part.Grid.Y, part.Grid.Z);
        string source = Kernel().Replace(part.Function.Source, "__device__ __forceinline__ void ");
        text.Append($"namespace part{number} {{\n");
        text.Append("#undef blockIdx\n#undef gridDim\n#undef blockDim\n");
        text.Append($"#define blockIdx partBlock({firstBlock}u, {x}u, {y}u)\n");
        text.Append($"#define gridDim partGrid({x}u, {y}u, {z}u)\n");
        text.Append($"#define blockDim partGrid({part.Block.X}u, {part.Block.Y}u, {part.Block.Z}u)\n");
        text.Append(source);
        foreach (string macro in Macro().Matches(source).Select(match => match.Groups[1].Value).Distinct())
        {
            text.Append($"#undef {macro}\n");
        }

        text.Append("}\n");
    }

    private void AppendEntry(StringBuilder text)
    {
        long threads = _parts.Max(part => part.Block.Count);
        text.Append(
            $"extern \"C\" __global__ void __launch_bounds__({threads}) horizontal_fusion(const Arguments arguments)\n{{\n");
        int bytes = 0;
        for (int i = 0; i < _parts.Length; i++)
        {
            KernelLaunch part = _parts[i];
            List<string> slots = [], checks = [];
            foreach ((int offset, bool isRows) in part.ArgumentOffsets)
            {
                string at = $"arguments.bytes + {bytes + offset}";
                slots.Add(isRows ? $"rowsAt({at})" : $"Slot{{{at}}}");
                if (isRows)
                {
                    checks.Add($"REQUIRE_ROWS(part{i}, rowsAt({at})) ");
                }
            }

            string condition = i == _parts.Length - 1 ? "" : $"if (launchedBlock() < {FirstBlock(i + 1)}u) ";
            string leave = part.Block.Count < threads ? $"if (threadIdx.x >= {part.Block.X}) {{ LEAVE(); }} " : "";
            string call = $"part{i}::{part.Function.Entry}({string.Join(", ", slots)});";
            text.Append($"    {condition}{{ {leave}{string.Concat(checks)}{call} }}");
            text.Append(i == _parts.Length - 1 ? "\n" : " else\n");
            bytes += part.ArgumentBytes;
        }

        text.Append("}\n");
    }

    [GeneratedRegex("""extern\s+"C"\s+__global__\s+void\s+(__launch_bounds__\([^()]*\)\s+)?""")]
    private static partial Regex Kernel();

    [GeneratedRegex("""^\s*#define\s+(\w+)""", RegexOptions.Multiline)]
    private static partial Regex Macro();
}
