namespace Engine.Graph;

/// <summary>
/// Represents a symbolic operation. Equal records are the same operation, so attributes must have value equality. What
/// an op must say is its shape rule, its gradient, its definition in plain float64, and, for each device it runs on, a
/// kernel (through that device's lowering interface).
/// </summary>
public abstract record Op
{
    /// <summary>Gets the name in prints and error messages.</summary>
    public virtual string Name => char.ToLowerInvariant(GetType().Name[0]) + GetType().Name[1..];

    /// <summary>
    /// Returns the types of the outputs for inputs of these types. Called with unknown sides when the graph is built,
    /// and with every side known when it is planned; then every side of the outputs must be known.
    /// </summary>
    /// <exception cref="EngineException">The inputs don't fit; the message gives the reason only.</exception>
    public abstract IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs);

    /// <summary>
    /// Returns the gradient of a scalar with respect to each input, given that with respect to each output (null where
    /// the scalar does not depend on it). Null for an input that has none.
    /// </summary>
    public virtual IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        throw new EngineException(
            $"{Name} of {string.Join(" and ", node.Inputs.Select(input => input.Type))} has no gradient: "
            + $"take it of something else, or go round it with considerConstant or knownGrads.{node.Origin}");

    /// <summary>
    /// The definition of the op, in float64 or better, on outputs that hold anything. The tests hold every device to it,
    /// within <see cref="Ulps"/>.
    /// </summary>
    public abstract void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs);

    /// <summary>
    /// Gets the bound on a device's rounding errors, beside the one rounding of the result: so many ulp (units in the
    /// last place, of the result's dtype) of <see cref="Magnitudes"/>, times the root of the <see cref="Flops"/> an
    /// element. 0 unless the op says otherwise: the definition's result, rounded.
    /// </summary>
    public virtual double Ulps => 0;

    /// <summary>
    /// Returns the numbers whose ulp are meant by <see cref="Ulps"/>: the results' own, unless the op says that it
    /// comes by them through larger ones, as a sum whose terms cancel does. Infinite where rounding may lead to any
    /// result, NaN where nothing is promised.
    /// </summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">What the definition makes of them.</param>
    public virtual IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        outputs;

    /// <summary>What the definition makes of the inputs' magnitudes: the magnitudes of sums of their products.</summary>
    private protected NdArray[] OfMagnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray[] magnitudes = [.. outputs.Select(output => new NdArray(output.Shape))];
        Reference([.. inputs.Select(Magnitude)], magnitudes);
        foreach (NdArray magnitude in magnitudes)
        {
            for (int i = 0; i < magnitude.Data.Length; i++)
            {
                magnitude.Data[i] = double.IsNaN(magnitude.Data[i]) ? double.PositiveInfinity : magnitude.Data[i];
            }
        }

        return magnitudes;

        static NdArray Magnitude(NdArray input) => input.DType.IsFloat()
            ? new NdArray(input.Shape, [.. input.Data.Select(Math.Abs)], input.DType)
            : input;
    }

    /// <summary>Returns whether the values of this input matter, or only its shape.</summary>
    public virtual bool Reads(int input) => true;

    /// <summary>
    /// Returns the arithmetic that it takes, every function of a number being one, for inputs and outputs of these
    /// types, all sides known. One for each element computed, unless the op says otherwise.
    /// </summary>
    public virtual long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        outputs.Sum(output => output.Shape.Count);

    /// <summary>
    /// Returns the bytes that must be read of an input, all sides known: all of them, or none where only its shape
    /// matters, unless the op says that a part will do.
    /// </summary>
    public virtual long ReadBytes(int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Reads(input) ? inputs[input].Bytes : 0;
    }

    /// <summary>
    /// For images, (batch, channels, height, width), what of them it looks at for a pixel of its output; null, unless
    /// the op says otherwise, where that may be all of them.
    /// </summary>
    public virtual InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) => null;

    /// <summary>Returns whether output 0 is input 0 under another shape, so that nothing need be computed.</summary>
    public virtual bool IsView(IReadOnlyList<TensorType> inputs) => false;

    /// <summary>Returns whether an output of the same size may be written over this input while it is read.</summary>
    public virtual bool MayOverwrite(int input) => false;

    /// <summary>
    /// Whether it reads numbers of 16 bits as they are stored: it moves, converts or multiplies them. All other ops are given
    /// them as float32.
    /// </summary>
    internal virtual bool TakesHalves => false;

    /// <summary>Applies the op.</summary>
    /// <exception cref="EngineException">The inputs don't fit the op.</exception>
    public Apply Apply(params ReadOnlySpan<Variable> inputs)
    {
        Variable[] given = inputs.ToArray();
        for (int i = 0; i < given.Length && !TakesHalves; i++)
        {
            given[i] = given[i].Widened;
        }

        return new(this, given, Origin.Current);
    }

    /// <summary>Applies the op and gives its only, or its first, output.</summary>
    /// <exception cref="EngineException">The inputs don't fit the op.</exception>
    public Variable Call(params ReadOnlySpan<Variable> inputs) => Apply(inputs).Outputs[0];

    /// <summary>Returns the name.</summary>
    public sealed override string ToString() => Name;
}

/// <summary>An op that begins what goes on in the background: it runs as soon as its inputs are there.</summary>
internal interface IRunsEarly
{
    /// <summary>Its place among those of a function, in the order in which they begin.</summary>
    int Number { get; }
}

/// <summary>An op that waits for such: it runs when all is computed that does not depend on it.</summary>
internal interface IRunsLate;
