using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds the launches of a reduction on CUDA: reduce.cu, which explains its three kernels.</summary>
internal static class CudaReduce
{
    private const int RowThreads = 128, Warps = RowThreads / 32, Columns = 32;

    /// <summary>From this many elements on, an output has a whole block.</summary>
    private const int LongRow = 512;

    /// <summary>
    /// The number of blocks that keep any GPU busy. With fewer, the elements are split into parts with at least this
    /// many rows or elements.
    /// </summary>
    private const int EnoughBlocks = 256, MaxParts = 64, PartRows = 256, PartElements = 4096;

    /// <summary>Returns the bytes for the results of the parts; 0 if there is only one part.</summary>
    public static long Workspace(Shape from, OperandType to)
    {
        var plan = new Walk(from, to.Shape);
        return plan.Parts > 1 ? plan.Parts * to.Shape.Count * to.DType.Size() : 0;
    }

    /// <summary>
    /// Returns the launches that join elements to the step's output. The elements have the shape to which the output
    /// would broadcast.
    /// </summary>
    /// <param name="step">The step, with a workspace of <see cref="Workspace"/> bytes.</param>
    /// <param name="from">The shape of the elements.</param>
    /// <param name="elements">Computes the elements from the step's inputs; null if they are the first input.</param>
    /// <param name="epilogue">The statements for each element of the result; null for none.</param>
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

    /// <summary>Describes the order of the elements, which depends only on the shapes.</summary>
    private readonly struct Walk
    {
        public Walk(Shape from, Shape to)
        {
            Outputs = checked((int)to.Count);
            Count = Outputs == 0 ? 0 : checked((int)(from.Count / Outputs));
            (int[] dimensions, int[][] strides) = Broadcasting.Loops(from, [to]);
            List<int> kept = [], keptSteps = [], reduced = [], reducedSteps = [];
            int step = 1;
            for (int loop = dimensions.Length - 1; loop >= 0; loop--)
            {
                bool isReduced = strides[0][loop] == 0;
                (isReduced ? reduced : kept).Insert(0, dimensions[loop]);
                (isReduced ? reducedSteps : keptSteps).Insert(0, step);
                step *= dimensions[loop];
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

        /// <summary>Gets the number of elements that are joined to one.</summary>
        public int Count { get; }

        public CudaLoops Kept { get; }

        public CudaLoops Reduced { get; }

        public bool ByColumns { get; }

        public int Blocks { get; }

        public int Parts { get; }
    }
}
