using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a source of random numbers for graphs. A draw depends on the seed, on its index in the stream (the first,
/// the second …), and on how often functions that draw from the stream have run. It does not depend on the number of
/// threads. Every run of a function that draws from the stream advances it. Within a run, no two draws give the same
/// numbers.
/// </summary>
public sealed partial class RandomStream
{
    private int _draws;

    /// <summary>Creates a stream with a seed.</summary>
    public RandomStream(ulong seed)
    {
        State = new SharedVariable(Tensor.From([(int)seed, (int)(seed >> 32), 0]), "random state")
        {
            IsRandomState = true,
        };
        State.DefaultUpdate = State + new Constant(Tensor.From([0, 0, 1]));
    }

    /// <summary>Creates a stream that begins at the state of another and repeats its draws from the first on.</summary>
    internal RandomStream(SharedVariable state) => State = state;

    /// <summary>
    /// Gets the state of the stream, an int32 vector: the seed's lower and upper words, and the number of runs that
    /// have drawn from it. If the state is saved and restored, the same numbers follow.
    /// </summary>
    public SharedVariable State { get; }

    /// <summary>Draws uniform numbers, 0 ≤ u &lt; 1: multiples of 2⁻²⁴, in float64 of 2⁻⁵³.</summary>
    /// <exception cref="EngineException">A dimension is unknown, or the dtype is not a floating-point type.</exception>
    public Variable Uniform(Shape shape, DType dtype = DType.Float32) => Draw<Uniform>(shape, dtype);

    /// <summary>
    /// Draws uniform numbers, 0 ≤ u &lt; 1, of the shape of another variable and, if it is floating point, of its
    /// dtype.
    /// </summary>
    public Variable Uniform(Variable like) => Draw<Uniform>(like);

    /// <summary>
    /// Draws numbers of the normal distribution with mean 0 and standard deviation 1 (Box and Muller, 1958).
    /// </summary>
    /// <exception cref="EngineException">A dimension is unknown, or the dtype is not a floating-point type.</exception>
    public Variable Normal(Shape shape, DType dtype = DType.Float32) => Draw<Normal>(shape, dtype);

    /// <summary>
    /// Draws numbers of the normal distribution with mean 0 and standard deviation 1, of the shape of another variable
    /// and, if it is floating point, of its dtype.
    /// </summary>
    public Variable Normal(Variable like) => Draw<Normal>(like);

    /// <summary>Returns a number that no other draw from this stream has.</summary>
    internal int Next() => Interlocked.Increment(ref _draws) - 1;

    private Variable Draw<TRow>(Shape shape, DType dtype) where TRow : struct, IDistribution
    {
        AllowShape(shape);
        return new RandomDraw<TRow>(Next(), dtype, shape).Call(State);
    }

    private Variable Draw<TRow>(Variable like) where TRow : struct, IDistribution
    {
        ArgumentNullException.ThrowIfNull(like);
        return new RandomDraw<TRow>(Next(), like.DType.IsFloat() ? like.DType : DType.Float32).Call(State, like);
    }
}
