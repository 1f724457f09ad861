namespace Engine.Graph;

/// <summary>
/// Represents a symbolic operation. Equal records are the same operation, so attributes must have value equality. An op
/// defines its shape rule, its gradient, its reference in plain float64, and a kernel for each device that it runs on
/// (through that device's lowering interface).
/// </summary>
public abstract record Op
{
    /// <summary>Gets the name in prints and error messages.</summary>
    public virtual string Name => char.ToLowerInvariant(GetType().Name[0]) + GetType().Name[1..];

    /// <summary>
    /// Returns the types of the outputs for inputs of these types. It is called with unknown dimensions when the graph
    /// is built, and with known dimensions when it is planned; then every dimension of the outputs must be known.
    /// </summary>
    /// <exception cref="EngineException">The inputs don't fit; the message gives the reason only.</exception>
    public abstract IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs);

    /// <summary>
    /// Returns the gradient of a scalar with respect to each input, from that with respect to each output (null if the
    /// scalar does not depend on it). It is null for an input without a gradient.
    /// </summary>
    public virtual IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        throw new EngineException(
            $"{Name} of {string.Join(" and ", node.Inputs.Select(input => input.Type))} has no gradient: "
            + $"take it of something else, or go round it with considerConstant or knownGrads.{node.Origin}");

    /// <summary>
    /// Computes the op in float64 or better: its reference implementation. The outputs hold arbitrary values before.
    /// The tests compare every device with it, within <see cref="Ulps"/>.
    /// </summary>
    public abstract void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs);

    /// <summary>
    /// Gets the bound of a device's rounding errors, in addition to the one rounding of the result. Its unit is an ulp,
    /// in the result's dtype, of <see cref="Magnitudes"/>. It is multiplied by the square root of the
    /// <see cref="Flops"/> for each element. The default is 0: the rounded result of the reference.
    /// </summary>
    public virtual double Ulps => 0;

    /// <summary>
    /// Returns the numbers to whose ulp <see cref="Ulps"/> refers. They are the results themselves, unless the op
    /// computes these from larger numbers, such as a sum whose terms cancel. Infinity means that rounding may give any
    /// result; NaN means that nothing is guaranteed.
    /// </summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="outputs">The results of the reference.</param>
    public virtual IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        outputs;

    /// <summary>
    /// Applies the reference to the magnitudes of the inputs, which gives the magnitudes for sums of their products.
    /// </summary>
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

    /// <summary>Returns whether the op reads the values of this input, or only its shape.</summary>
    public virtual bool Reads(int input) => true;

    /// <summary>
    /// Returns the number of FLOPs for inputs and outputs of these types with known dimensions; a function of a number
    /// counts as one. The default is one for each computed element.
    /// </summary>
    public virtual long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        outputs.Sum(output => output.Shape.Count);

    /// <summary>
    /// Returns the bytes of an input that must be read, with known dimensions. The default is all of them, or none if
    /// only its shape is read.
    /// </summary>
    public virtual long ReadBytes(int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Reads(input) ? inputs[input].Bytes : 0;
    }

    /// <summary>
    /// Returns which part of its images, (batch, channels, height, width), the op reads for a pixel of its output.
    /// The default is null: it may read all of them.
    /// </summary>
    public virtual InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) => null;

    /// <summary>Returns whether output 0 is input 0 with another shape, so that nothing must be computed.</summary>
    public virtual bool IsView(IReadOnlyList<TensorType> inputs) => false;

    /// <summary>Returns whether an output of the same size may overwrite this input while it is read.</summary>
    public virtual bool MayOverwrite(int input) => false;

    /// <summary>
    /// Gets whether the op reads numbers of 16 bits as they are stored: it moves, converts or multiplies them. All
    /// other ops get them as float32.
    /// </summary>
    internal virtual bool TakesHalves => false;

    /// <summary>
    /// Gets the number of first inputs, of one dtype, that the op also multiplies as 16 bits where GPUs have tensor
    /// cores for them. A rewrite passes them; other devices get them as float32.
    /// </summary>
    internal virtual int TensorOperands => 0;

    /// <summary>
    /// Gets whether the outputs depend on nothing but the inputs, and exist for all inputs of these types: they may be
    /// computed in advance.
    /// </summary>
    internal virtual bool IsPlain => false;

    /// <summary>
    /// Gets whether a run does more than compute the outputs: it prints, or it may fail. The op stays where it was
    /// written.
    /// </summary>
    internal virtual bool HasEffect => false;

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

    /// <summary>Applies the op and returns its only, or its first, output.</summary>
    /// <exception cref="EngineException">The inputs don't fit the op.</exception>
    public Variable Call(params ReadOnlySpan<Variable> inputs) => Apply(inputs).Outputs[0];

    /// <summary>Returns the name.</summary>
    public sealed override string ToString() => Name;
}

/// <summary>Represents an op that begins background work: it runs as soon as its inputs are computed.</summary>
internal interface IRunsEarly
{
    /// <summary>Gets its number in the order in which such ops of a function begin.</summary>
    int Number { get; }
}

/// <summary>Represents an op that waits for such work: it runs after all ops that do not depend on it.</summary>
internal interface IRunsLate;
