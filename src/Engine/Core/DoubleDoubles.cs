namespace Engine;

/// <summary>What a definition sums up in an array, exactly but for some 106 bits, before it is rounded once.</summary>
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

    /// <summary>Gets or sets the sum at an index, as <see cref="NdArray"/> takes it.</summary>
    public DoubleDouble this[params ReadOnlySpan<int> index]
    {
        get => _values[_target.Offset(index)];
        set => _values[_target.Offset(index)] = value;
    }

    /// <summary>Adds to the sum at an offset.</summary>
    public void Add(int at, DoubleDouble value) => _values[at] += value;

    /// <summary>Writes the sums to the array, integers' low bits.</summary>
    public void Round()
    {
        for (int i = 0; i < _values.Length; i++)
        {
            _target.Data[i] = DTypes.Wrap(_values[i], _target.DType);
        }
    }
}
