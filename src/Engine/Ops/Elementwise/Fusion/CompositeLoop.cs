using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Represents the CPU's loops around a composite's compiled kernel.</summary>
[SkipLocalsInit]
internal sealed unsafe class CompositeLoop
{
    private const int Grain = 4096;

    private readonly CompositeRun _run;
    private readonly int[] _sides;
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
        (_sides, _strides) = Broadcasting.Loops(composite.Shape, [.. operands.Select(step.Shape)]);
        _run = new CompositeRun(
            composite, [.. operands.Select(i => new CompositeInput(step.DType(i), _strides[i][^1] == 0))]);
        _inputs = [.. operands.Select(i => (nint)step.In<byte>(i))];
        _inputSizes = [.. operands.Select(i => step.DType(i).Size())];
        _outputs = [.. outputs.Select(output => output.Address)];
        _outputSizes = [.. outputs.Select(output => output.DType.Size())];
    }

    public static Phase[] Phases(Composite composite, CpuStep step)
    {
        IEnumerable<int> results = Enumerable.Range(0, composite.Outputs.Length);
        var loop = new CompositeLoop(
            composite, step, [.. results.Select(i => ((nint)step.Out<byte>(i), step.OutDType(i)))]);
        return [new Phase(checked((int)composite.Shape.Count), Grain, (start, end, _) => loop.Run(start, end, 0))];
    }

    /// <summary>Returns the loops of a composite with one output, for which the caller gives the address.</summary>
    public static CompositeLoop Of(Composite composite, CpuStep step) => new(composite, step, [(0, composite.DType)]);

    /// <summary>
    /// Computes the elements from <paramref name="start"/> on, in C order, and writes them to an address.
    /// </summary>
    public void Compute(long start, int count, void* to) =>
        Run(checked((int)start), checked((int)start + count), (nint)to - ((nint)start * _outputSizes[0]));

    /// <param name="start">The first element.</param>
    /// <param name="end">The end, exclusive.</param>
    /// <param name="moved">The distance of all outputs from the addresses of the constructor.</param>
    private void Run(int start, int end, nint moved)
    {
        nint* inputs = stackalloc nint[_inputs.Length], outputs = stackalloc nint[_outputs.Length];
        int inner = _sides[^1];
        while (start < end)
        {
            (int row, int column) = Math.DivRem(start, inner);
            int count = Math.Min(end - start, inner - column);
            for (int i = 0; i < _inputs.Length; i++)
            {
                inputs[i] = _inputs[i] + (Element(_strides[i], row, column) * _inputSizes[i]);
            }

            for (int i = 0; i < _outputs.Length; i++)
            {
                outputs[i] = _outputs[i] + moved + ((nint)start * _outputSizes[i]);
            }

            _run.Run(inputs, outputs, count);
            start += count;
        }
    }

    /// <summary>
    /// Returns the offset of an element in an input, from its row in the outer loops and its place in the inner one.
    /// </summary>
    private nint Element(int[] strides, int row, int column)
    {
        nint at = (nint)column * strides[^1];
        for (int axis = _sides.Length - 2; axis >= 0; axis--)
        {
            (row, int index) = Math.DivRem(row, _sides[axis]);
            at += (nint)index * strides[axis];
        }

        return at;
    }
}

/// <summary>
/// Describes how a run's elements are joined to one number: the reduction's struct, and its function for runs.
/// </summary>
internal readonly record struct OutputJoin(Type Row, RunJoin Run);

/// <summary>
/// Runs a composite's compiled kernel for any number of elements. An output with a join is not stored: its elements are
/// joined to a total, a double at the output's address.
/// </summary>
[SkipLocalsInit]
internal sealed unsafe class CompositeRun(Composite composite, CompositeInput[] inputs, OutputJoin?[]? joins = null)
{
    private readonly CompositeKernel _kernel = CompositeCode.Compile(
        composite, inputs, [.. composite.Outputs.Select((_, i) => joins?[i]?.Row)]);

    private readonly RunJoin?[] _joins = [.. composite.Outputs.Select((_, i) => joins?[i]?.Run)];
    private readonly double[] _constants = composite.Constants;
    private readonly int _lanes = CompositeCode.Lanes(composite.DType);
    private readonly bool[] _repeats = [.. inputs.Select(input => input.Repeats)];
    private readonly int[] _inputSizes = [.. inputs.Select(input => input.DType.Size())];
    private readonly int[] _outputSizes = [.. composite.Infer([]).Select(output => output.DType.Size())];

    /// <summary>
    /// Gets the kernel that stores all outputs. It handles a partial vector, only some elements of which are joined; it
    /// is compiled when the first one occurs.
    /// </summary>
    private CompositeKernel Last =>
        field ??= CompositeCode.Compile(composite, inputs, new Type?[composite.Outputs.Length]);

    /// <summary>
    /// Computes one vector of each output from inputs that all repeat: every lane holds the same number.
    /// </summary>
    public void RunOne(nint* inputs, nint* outputs) => Call(_kernel, inputs, outputs, _lanes);

    /// <summary>Computes whole vectors in place, and the remaining elements in a buffer for one vector.</summary>
    public void Run(nint* inputs, nint* outputs, int count)
    {
        int whole = count - (count % _lanes);
        double* sums = stackalloc double[_joins.Length];
        nint* to = stackalloc nint[_joins.Length];
        if (whole > 0)
        {
            for (int i = 0; i < _joins.Length; i++)
            {
                to[i] = _joins[i] is null ? outputs[i] : (nint)(sums + i);
            }

            Call(_kernel, inputs, to, whole);
            for (int i = 0; i < _joins.Length; i++)
            {
                Join(i, outputs[i], (nint)(sums + i), 1);
            }
        }

        int left = count - whole;
        if (left == 0)
        {
            return;
        }

        const int Room = 64 * sizeof(double);
        byte* rooms = stackalloc byte[Room * (_inputSizes.Length + _outputSizes.Length)];
        nint* from = stackalloc nint[_inputSizes.Length];
        for (int i = 0; i < _inputSizes.Length; i++)
        {
            int size = _inputSizes[i];
            bool repeats = _repeats[i];
            from[i] = repeats ? inputs[i] : (nint)(rooms + (i * Room));
            if (!repeats)
            {
                Buffer.MemoryCopy((byte*)inputs[i] + ((nint)whole * size), (void*)from[i], Room, (long)left * size);
            }
        }

        for (int i = 0; i < _outputSizes.Length; i++)
        {
            to[i] = (nint)(rooms + ((_inputSizes.Length + i) * Room));
        }

        Call(Last, from, to, _lanes);
        for (int i = 0; i < _outputSizes.Length; i++)
        {
            if (_joins[i] is not null)
            {
                Join(i, outputs[i], to[i], left);
                continue;
            }

            long bytes = (long)left * _outputSizes[i];
            Buffer.MemoryCopy((void*)to[i], (byte*)outputs[i] + ((nint)whole * _outputSizes[i]), bytes, bytes);
        }
    }

    private void Join(int output, nint total, nint run, int count)
    {
        if (_joins[output] is { } join)
        {
            *(double*)total = join(*(double*)total, run, count);
        }
    }

    private void Call(CompositeKernel kernel, nint* inputs, nint* outputs, int count)
    {
        fixed (double* constants = _constants)
        {
            kernel(inputs, outputs, constants, count);
        }
    }
}
