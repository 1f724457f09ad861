using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Builds the launches of element-wise ops on CUDA: elementwise.cu, compiled with the statements for one element.
/// </summary>
internal static class CudaMap
{
    private const int Threads = 256, MaxBlocks = 1 << 16;

    /// <summary>Returns the launch of one function of the inputs.</summary>
    /// <param name="step">The step.</param>
    /// <param name="parameters">The expression's names for the inputs' elements.</param>
    /// <param name="expression">
    /// An expression in CUDA C over the parameters. Their type is T, the type of the result is R, and the expression
    /// may use all that common.cuh declares.
    /// </param>
    public static CudaLaunch[] Launches(CudaStep step, string parameters, string expression)
    {
        string[] names = parameters.Split(", ");
        int[] operands = [.. Enumerable.Range(0, names.Length)];
        string statements = $"{step.OutDType().Cuda()} y = ({expression}); y0[i] = y;";
        return Launches(step, step.OutShape(), step.DType(0), operands.Length, i => names[i], statements);
    }

    /// <summary>
    /// Returns the launch of a composite: its terms, one after the other. The names of its values are their numbers.
    /// </summary>
    public static CudaLaunch[] Launches(CudaStep step, Composite composite)
    {
        IEnumerable<string> stores =
            composite.Outputs.Select((value, i) => $"y{i}[i] = {CudaComposite.Value(composite, value)};");
        string statements = string.Join(' ', CudaComposite.Statements(composite).Concat(stores));
        return Launches(
            step, composite.Shape, composite.DType, composite.Inputs, i => $"v{i}", statements);
    }

    /// <summary>Returns the launches that convert an input to another dtype, at an address.</summary>
    public static CudaLaunch[] Conversion(CudaStep step, int input, DType dtype, ulong to)
    {
        int count = checked((int)step.Shape(input).Count);
        var kernel = new CudaKernel(
            "elementwise.cu",
            "map",
            $"T {dtype.Cuda()}",
            $"PARAMETERS const {step.DType(input).Cuda()}* x0, {dtype.Cuda()}* y0",
            "PATTERNS 0",
            "LOAD T x = convert(x0[i], T());",
            "COMPUTE y0[i] = x;");
        return count == 0
            ? []
            : [kernel.Launch(
                Math.Min(CudaTypes.Blocks(count, Threads), MaxBlocks), Threads, step.In(input), to, count)];
    }

    /// <param name="step">The step.</param>
    /// <param name="shape">The shape that the inputs broadcast to.</param>
    /// <param name="dtype">The dtype that they are converted to.</param>
    /// <param name="inputs">The number of the step's inputs that are read.</param>
    /// <param name="name">The name of an input's element.</param>
    /// <param name="statements">The statements for the elements; output k is the array yk.</param>
    private static CudaLaunch[] Launches(
        CudaStep step, Shape shape, DType dtype, int inputs, Func<int, string> name, string statements)
    {
        int[] operands = [.. Enumerable.Range(0, inputs)];
        int[] results = [.. Enumerable.Range(0, step.OutputCount)];
        int count = checked((int)shape.Count);
        (int[] dimensions, int[][] strides) = Broadcasting.Loops(shape, [.. operands.Select(step.Shape)]);

        // Inputs are as long as the outputs, single numbers, or others. Those of the others with the same layout share
        // an index.
        var patterns = new List<int[]>();
        string[] indices = [.. operands.Select(i => IndexOf(strides[i]))];
        var kernel = new CudaKernel(
            "elementwise.cu",
            "map",
            $"T {dtype.Cuda()}",
            $"PARAMETERS {string.Join(", ", [
                .. operands.Select(i => $"const {step.DType(i).Cuda()}* x{i}"),
                .. results.Select(i => $"{step.OutDType(i).Cuda()}* y{i}")])}",
            $"PATTERNS {patterns.Count}",
            $"LOAD {string.Join(' ', operands.Select(i => $"T {name(i)} = convert(x{i}[{indices[i]}], T());"))}",
            $"COMPUTE {statements}");
        CudaArgument[] arguments =
        [
            .. operands.Select(i => (CudaArgument)step.In(i)), .. results.Select(i => (CudaArgument)step.Out(i)),
            .. patterns.Count > 0 ? [new CudaLoops(dimensions, [.. patterns])] : Array.Empty<CudaArgument>(),
            count,
        ];
        return [kernel.Launch(Math.Min(CudaTypes.Blocks(count, Threads), MaxBlocks), Threads, arguments)];

        string IndexOf(int[] steps)
        {
            if (dimensions.Length == 1)
            {
                return steps[0] == 0 ? "0" : "i";
            }

            if (steps.All(step => step == 0))
            {
                return "0";
            }

            if (IsWhole(steps))
            {
                return "i";
            }

            int pattern = patterns.FindIndex(other => other.AsSpan().SequenceEqual(steps));
            if (pattern < 0)
            {
                pattern = patterns.Count;
                patterns.Add(steps);
            }

            return $"at{pattern}";
        }

        bool IsWhole(int[] steps)
        {
            int next = 1;
            for (int axis = dimensions.Length - 1; axis >= 0; axis--)
            {
                if (steps[axis] != next)
                {
                    return false;
                }

                next *= dimensions[axis];
            }

            return true;
        }
    }
}
