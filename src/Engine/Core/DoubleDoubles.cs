namespace Engine;

/// <summary>The sums of a reference in an array, with some 106 bits, before each is rounded once.</summary>
internal sealed class DoubleDoubles
{
    private readonly NdArray _target;
    private readonly DoubleDouble[] _values;

    public DoubleDoubles(NdArray target, double start = 0)
    {
        _target = target;
        _values = new DoubleDouble[target.Data.Length];
        Array.Fill(_values, start);
    }

    /// <summary>Gets the sum at an index, with the rules of <see cref="NdArray"/>.</summary>
    public ref DoubleDouble this[params ReadOnlySpan<int> index] => ref _values[_target.Offset(index)];

    /// <summary>Adds to the sum at an offset.</summary>
    public void Add(int at, DoubleDouble value) => _values[at] += value;

    /// <summary>Writes the rounded sums to the array; for integers, their low bits.</summary>
    public void Round()
    {
        for (int i = 0; i < _values.Length; i++)
        {
            _target.Data[i] = DTypes.Wrap(_values[i], _target.DType);
        }
    }
}
