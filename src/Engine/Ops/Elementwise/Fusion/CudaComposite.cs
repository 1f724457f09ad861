using System.Globalization;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Represents a composite as CUDA C: statements over the elements of its inputs at one index. They are a kernel of
/// their own (<see cref="CudaMap"/>) or the epilogue of another kernel, whose element is then input 0.
/// </summary>
internal sealed class CudaComposite
{
    private readonly Composite _composite;
    private readonly string _prefix;
    private readonly List<(string Declaration, CudaArgument Value)> _operands = [];
    private readonly List<string> _loads = [];
    private readonly List<string> _stores = [];

    private CudaComposite(Composite composite, string prefix)
    {
        _composite = composite;
        _prefix = prefix;
        Stored = Array.FindIndex(composite.Outputs, output => composite.TypeOf(output) == composite.DType);
    }

    /// <summary>
    /// Gets which of the composite's outputs the kernel itself stores: the first that has its type; -1 if none has.
    /// </summary>
    public int Stored { get; }

    /// <summary>Returns a composite in the epilogue of a step's kernel.</summary>
    /// <param name="composite">The functions that are applied to an element.</param>
    /// <param name="step">The step.</param>
    /// <param name="inputs">
    /// The indices of the step's inputs that are the composite's, from its second input on.
    /// </param>
    /// <param name="outputs">The indices of the step's outputs that are the composite's.</param>
    /// <param name="prefix">The prefix of all names.</param>
    public static CudaComposite Of(Composite composite, CudaStep step, int[] inputs, int[] outputs, string prefix)
    {
        var result = new CudaComposite(composite, prefix);
        for (int i = 0; i < inputs.Length; i++)
        {
            string name = $"{prefix}x{i + 1}", type = step.DType(inputs[i]).Cuda();
            // A single number shares no memory with an output, so __restrict__ lets the compiler read it once for all
            // elements.
            bool isNumber = step.Shape(inputs[i]).Count == 1 && composite.Shape.Count > 1;
            result._operands.Add(($"const {type}* {(isNumber ? "__restrict__ " : "")}{name}", step.In(inputs[i])));
            string at = Index(composite.Shape, step.Shape(inputs[i]));
            result._loads.Add($"T {prefix}v{i + 1} = convert({name}[{at}], T());");
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            if (i != result.Stored)
            {
                result._operands.Add(($"{step.OutDType(outputs[i]).Cuda()}* {prefix}y{i}", step.Out(outputs[i])));
                result._stores.Add($"{prefix}y{i}[flatIndex] = {Value(composite, composite.Outputs[i], prefix)};");
            }
        }

        return result;
    }

    /// <summary>
    /// Returns an expression for the element at index <c>at</c> of the only output of a composite that reads a step's
    /// inputs.
    /// </summary>
    public static CudaEpilogue Element(Composite composite, CudaStep step)
    {
        int[] inputs = [.. Enumerable.Range(0, composite.Inputs)];
        IEnumerable<string> loads = inputs.Select(i =>
            $"T v{i} = convert(x{i}[{Index(composite.Shape, step.Shape(i))}], T());");
        string statements = string.Join(' ', loads.Concat(Statements(composite)));
        return new CudaEpilogue(
            $"[&](size_t flatIndex) -> T {{ {statements} return v{composite.Outputs[0]}; }}(at)",
            [.. inputs.Select(i => ($"const {step.DType(i).Cuda()}* x{i}", (CudaArgument)step.In(i)))]);
    }

    /// <summary>Returns an expression for the element at index <c>at</c> of an array.</summary>
    public static CudaEpilogue Element(DType dtype, ulong address) =>
        new("x0[at]", [($"const {dtype.Cuda()}* x0", address)]);

    /// <summary>Returns one statement for each term; value k is the variable <c>vk</c> with the prefix.</summary>
    public static IEnumerable<string> Statements(Composite composite, string prefix = "")
    {
        for (int i = 0; i < composite.Constants.Length; i++)
        {
            yield return $"T {prefix}v{composite.Inputs + i} = T({Literal(composite.Constants[i])});";
        }

        for (int t = 0; t < composite.Terms.Length; t++)
        {
            Term term = composite.Terms[t];
            string type = term.Row.GivesMask ? DType.Bool.Cuda() : "T";
            string parameters = string.Join(", ", term.Row.Parameters.Split(", ").Select(name => $"T {name}"));
            string operands = string.Join(", ", term.Operands.Select(i => $"{prefix}v{i}"));
            yield return $"{type} {prefix}v{composite.FirstTerm + t} = "
                + $"[&]({parameters}) -> {type} {{ return {term.Row.Cuda}; }}({operands});";
        }
    }

    /// <summary>Returns the expression for a value of a composite in the type in which it is stored.</summary>
    public static string Value(Composite composite, int value, string prefix = "") =>
        composite.TypeOf(value) is var type && type.IsHalf()
            ? $"convert({prefix}v{value}, {type.Cuda()}())"
            : $"{prefix}v{value}";

    /// <summary>Returns what the kernel does with an element.</summary>
    /// <param name="element">The element, an lvalue.</param>
    /// <param name="index">Its flat index in the output: it counts in C order.</param>
    public CudaEpilogue Epilogue(string element, string index) => new(
        string.Join(' ',
        [
            $"{{ size_t flatIndex = {index}; T {_prefix}v0 = {element};",
            .. _loads,
            .. Statements(_composite, _prefix),
            .. _stores,
            Stored < 0 ? "}" : $"{element} = {_prefix}v{_composite.Outputs[Stored]}; }}",
        ]),
        _operands);

    /// <summary>Returns the index into an input that broadcasts to the shape, computed from `flatIndex`.</summary>
    private static string Index(Shape shape, Shape input)
    {
        (int[] dimensions, int[][] strides) = Broadcasting.Loops(shape, [input]);
        var terms = new List<string>();
        long block = 1;
        for (int loop = dimensions.Length - 1; loop >= 0; loop--)
        {
            if (strides[0][loop] != 0)
            {
                string at = block == 1 ? "flatIndex" : $"flatIndex / {block}";
                at = loop == 0 ? at : $"{at} % {dimensions[loop]}";
                terms.Add(strides[0][loop] == 1 ? at : $"({at}) * {strides[0][loop]}");
            }

            block *= dimensions[loop];
        }

        return terms.Count == 0 ? "0" : string.Join(" + ", terms);
    }

    private static string Literal(double value) =>
        double.IsNaN(value) ? "__longlong_as_double(0x7ff8000000000000LL)"
        : double.IsInfinity(value) ? value > 0 ? "infinity(0.0)" : "-infinity(0.0)"
        : value.ToString("R", CultureInfo.InvariantCulture) is var text && text.AsSpan().ContainsAny(".E")
            ? text
            : $"{text}.0";
}
