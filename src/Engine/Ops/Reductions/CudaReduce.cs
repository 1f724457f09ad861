using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>The launches of a reduction on CUDA: reduce.cu, which says what its three ways are for.</summary>
internal static class CudaReduce
{
    private const int RowThreads = 128, Warps = RowThreads / 32, Columns = 32;

    /// <summary>An output is worth a whole block where it is joined from this many elements.</summary>
    private const int LongRow = 512;

    /// <summary>
    /// As many blocks keep any GPU busy; with fewer, what is reduced is split into parts of at least so much work.
    /// </summary>
    private const int EnoughBlocks = 256, MaxParts = 64, PartRows = 256, PartElements = 4096;

    /// <summary>Returns the bytes in which the parts' results lie, if there are parts.</summary>
    public static long Workspace(Shape from, OperandType to)
    {
        var plan = new Walk(from, to.Shape);
        return plan.Parts > 1 ? plan.Parts * to.Shape.Count * to.DType.Size() : 0;
    }

    /// <summary>Joins the elements that broadcasting would make one of the step's output.</summary>
    /// <param name="step">The step; its workspace has as many bytes as <see cref="Workspace"/> says.</param>
    /// <param name="from">The shape of what is reduced.</param>
    /// <param name="elements">What makes that of the step's inputs; null where it is the first input.</param>
    /// <param name="epilogue">What is done with each element of the result; null for nothing.</param>
    public static CudaLaunch[] Launches<TRow>(CudaStep step, Shape from, Composite? elements, CudaComposite? epilogue)
        where TRow : struct, IReduction
    {
        var walk = new Walk(from, step.OutShape());
        if (walk.Outputs == 0)
        {
            return [];
        }

        CudaEpilogue read = elements is null
            ? CudaComposite.Element(step.DType(0), step.In(0))
            : CudaComposite.Element(elements, step);
        if (walk.Parts == 1)
        {
            return [Launch<TRow>(step.OutDType(), walk, read, step.Out(), epilogue)];
        }

        var ofParts = new Walk([walk.Parts, walk.Outputs], [walk.Outputs]);
        CudaEpilogue part = CudaComposite.Element(step.OutDType(), step.Workspace);
        return
        [
            Launch<TRow>(step.OutDType(), walk, read, step.Workspace, null),
            Launch<TRow>(step.OutDType(), ofParts, part, step.Out(), epilogue),
        ];
    }

    private static KernelLaunch Launch<TRow>(
        DType dtype, Walk walk, CudaEpilogue element, ulong y, CudaComposite? composite)
        where TRow : struct, IReduction
    {
        CudaEpilogue epilogue = composite?.Epilogue("x", "at") ?? CudaEpilogue.None;
        var kernel = new CudaKernel(
            "reduce.cu",
            walk.ByColumns ? "reduce_columns" : walk.Count >= LongRow ? "reduce_rows" : "reduce_warps",
            [
                $"T {dtype.Cuda()}",
                $"JOIN(a, b) ({TRow.Cuda})",
                $"START ({TRow.CudaStart})",
                $"INPUTS {string.Join(", ", element.Operands.Select(operand => operand.Declaration))}",
                $"ELEMENT(at) {element.Text}",
                .. epilogue.Defines("EPILOGUE(x, at)"),
            ]);
        return kernel.Launch(
            new Dim3(walk.Blocks, walk.Parts), RowThreads,
            [.. element.Arguments, y, walk.Kept, walk.Reduced, walk.Outputs, walk.Count, .. epilogue.Arguments]);
    }

    /// <summary>How the elements are walked over, which the shapes alone decide.</summary>
    private readonly struct Walk
    {
        public Walk(Shape from, Shape to)
        {
            Outputs = checked((int)to.Count);
            Count = Outputs == 0 ? 0 : checked((int)(from.Count / Outputs));
            (int[] sides, int[][] strides) = Broadcasting.Loops(from, [to]);
            List<int> kept = [], keptSteps = [], reduced = [], reducedSteps = [];
            int step = 1;
            for (int loop = sides.Length - 1; loop >= 0; loop--)
            {
                bool isReduced = strides[0][loop] == 0;
                (isReduced ? reduced : kept).Insert(0, sides[loop]);
                (isReduced ? reducedSteps : keptSteps).Insert(0, step);
                step *= sides[loop];
            }

            Kept = new CudaLoops([.. kept], [.. keptSteps]);
            Reduced = new CudaLoops([.. reduced], [.. reducedSteps]);
            ByColumns = strides[0][^1] != 0;
            Blocks = ByColumns ? CudaTypes.Blocks(Outputs, Columns)
                : Count >= LongRow ? Outputs
                : CudaTypes.Blocks(Outputs, Warps);
            int enough = Count / (ByColumns ? PartRows : PartElements);
            Parts = Blocks is 0 or >= EnoughBlocks ? 1 : Math.Clamp(enough, 1, MaxParts);
        }

        public int Outputs { get; }

        /// <summary>Gets how many elements are joined to one.</summary>
        public int Count { get; }

        public CudaLoops Kept { get; }

        public CudaLoops Reduced { get; }

        public bool ByColumns { get; }

        public int Blocks { get; }

        public int Parts { get; }
    }
}
