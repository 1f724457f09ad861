using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Represents the CPU's loops around a composite's compiled kernel.</summary>
[SkipLocalsInit]
internal sealed unsafe class CompositeLoop
{
    private const int Grain = 4096;

    private readonly LoopRun _run;
    private readonly int[] _dimensions;
    private readonly int[][] _strides;
    private readonly nint[] _inputs;
    private readonly int[] _inputSizes;
    private readonly nint[] _outputs;
    private readonly int[] _outputSizes;

    /// <summary>Creates the loops of a composite that reads a step's inputs.</summary>
    /// <param name="composite">The composite.</param>
    /// <param name="step">The step.</param>
    /// <param name="outputs">The addresses and dtypes of its outputs.</param>
    private CompositeLoop(Composite composite, CpuStep step, (nint Address, DType DType)[] outputs)
    {
        int[] operands = [.. Enumerable.Range(0, composite.Inputs)];
        (_dimensions, _strides) = Broadcasting.Loops(composite.Shape, [.. operands.Select(step.Shape)]);
        _run = new LoopRun(LoopBody.Of(composite, operands.Select(i =>
            new LoopValue(step.DType(i), IsNumber: _strides[i][^1] == 0, IsLoaded: true))));
        _inputs = [.. operands.Select(i => (nint)step.In<byte>(i))];
        _inputSizes = [.. operands.Select(i => step.DType(i).Size())];
        _outputs = [.. outputs.Select(output => output.Address)];
        _outputSizes = [.. outputs.Select(output => output.DType.Size())];
    }

    public static Phase[] Phases(Composite composite, CpuStep step)
    {
        CompositeLoop loop = OfStep(composite, step);
        return [new Phase(checked((int)composite.Shape.Count), Grain, (start, end, _) => loop.Run(start, end, 0))];
    }

    /// <summary>Returns the loops of a composite that writes a step's outputs.</summary>
    public static CompositeLoop OfStep(Composite composite, CpuStep step) => new(
        composite, step,
        [.. composite.Outputs.Select((_, i) => ((nint)step.Out<byte>(i), step.OutDType(i)))]);

    /// <summary>Returns the loops of a composite with one output, for which the caller gives the address.</summary>
    public static CompositeLoop Of(Composite composite, CpuStep step) => new(composite, step, [(0, composite.DType)]);

    /// <summary>
    /// Computes the elements from <paramref name="start"/> on, in C order, and writes them to an address.
    /// </summary>
    public void Compute(long start, int count, void* to) =>
        Run(checked((int)start), checked((int)start + count), (nint)to - ((nint)start * _outputSizes[0]));

    /// <summary>Computes the elements from <paramref name="start"/> on, in C order.</summary>
    public void Compute(long start, int count) => Run(checked((int)start), checked((int)start + count), 0);

    /// <param name="start">The first element.</param>
    /// <param name="end">The end, exclusive.</param>
    /// <param name="moved">The distance of all outputs from the addresses of the constructor.</param>
    private void Run(int start, int end, nint moved)
    {
        nint* values = stackalloc nint[_inputs.Length + _outputs.Length];
        int inner = _dimensions[^1];
        while (start < end)
        {
            (int row, int column) = Math.DivRem(start, inner);
            int count = Math.Min(end - start, inner - column);
            for (int i = 0; i < _inputs.Length; i++)
            {
                values[i] = _inputs[i] + (Element(_strides[i], row, column) * _inputSizes[i]);
            }

            for (int i = 0; i < _outputs.Length; i++)
            {
                values[_inputs.Length + i] = _outputs[i] + moved + ((nint)start * _outputSizes[i]);
            }

            _run.Run(values, null, count);
            start += count;
        }
    }

    /// <summary>
    /// Returns the offset of an element in an input, from its row in the outer loops and its index in the inner one.
    /// </summary>
    private nint Element(int[] strides, int row, int column)
    {
        nint at = (nint)column * strides[^1];
        for (int axis = _dimensions.Length - 2; axis >= 0; axis--)
        {
            (row, int index) = Math.DivRem(row, _dimensions[axis]);
            at += (nint)index * strides[axis];
        }

        return at;
    }
}
