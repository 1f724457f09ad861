using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Computes a run of elements, a whole number of vectors, or fewer than one vector if the loop is partial. Values are
/// read from and written to the addresses. The constants are arguments, so that loops that differ only in them share a
/// kernel. Each joined value is added to a total.
/// </summary>
internal unsafe delegate void LoopFunction(nint* values, double* totals, double* constants, nint count);

/// <summary>
/// Describes a value of a <see cref="LoopBody"/>: its dtype in memory, whether one number serves the whole run, and
/// whether it is loaded or stored. A value that is neither exists only in registers.
/// </summary>
internal readonly record struct LoopValue(DType DType, bool IsNumber, bool IsLoaded = false, bool IsStored = false);

/// <summary>Describes a step of a loop: a composite, or an <see cref="IReduction"/> that joins a value.</summary>
/// <param name="Composite">The composite; null for a join.</param>
/// <param name="Join">The reduction's struct; null for a composite.</param>
/// <param name="Inputs">The values that it reads.</param>
/// <param name="Output">The first value that it computes.</param>
/// <param name="IsNumber">Whether it computes numbers that serve the whole run.</param>
internal readonly record struct LoopStep(Composite? Composite, Type? Join, int[] Inputs, int Output, bool IsNumber)
{
    public bool Equals(LoopStep other) => Equals(Composite, other.Composite) && Join == other.Join
        && Inputs.AsSpan().SequenceEqual(other.Inputs) && Output == other.Output && IsNumber == other.IsNumber;

    public override int GetHashCode() => HashCode.Combine(Composite, Join, Output, IsNumber);
}

/// <summary>Describes what a loop does with each vector of elements.</summary>
/// <param name="DType">The dtype of the computation.</param>
/// <param name="Values">The values.</param>
/// <param name="Steps">The steps; each follows those whose values it uses.</param>
/// <param name="IsPartial">Whether the loop handles fewer elements than a vector has.</param>
internal sealed record LoopBody(DType DType, LoopValue[] Values, LoopStep[] Steps, bool IsPartial = false)
{
    /// <summary>Returns the loop of a composite: its inputs, some of which repeat a number, and its outputs.</summary>
    public static LoopBody Of(Composite composite, IEnumerable<LoopValue> inputs) => new(
        composite.DType,
        [.. inputs, .. composite.Infer([]).Select(type => new LoopValue(type.DType, IsNumber: false, IsStored: true))],
        [new(composite, null, [.. Enumerable.Range(0, composite.Inputs)], composite.Inputs, IsNumber: false)]);

    public bool Equals(LoopBody? other) => other is not null && DType == other.DType && IsPartial == other.IsPartial
        && Values.AsSpan().SequenceEqual(other.Values) && Steps.AsSpan().SequenceEqual(other.Steps);

    public override int GetHashCode() => HashCode.Combine(DType, Values.Length, Steps.Length, Steps[0], Steps[^1]);
}

/// <summary>
/// Runs a loop for any number of elements. The kernel for the elements after the last whole vector is compiled when
/// they first occur.
/// </summary>
[SkipLocalsInit]
internal sealed unsafe class LoopRun(LoopBody body)
{
    private readonly LoopFunction _whole = LoopCode.Compile(body);
    private readonly int _lanes = Simd.Width / body.DType.Size();
    private readonly double[] _constants = [.. body.Steps.SelectMany(step => step.Composite?.Constants ?? [])];
    private readonly int[] _sizes =
        [.. body.Values.Select(value => value.IsNumber ? 0 : value.DType.Size())];

    private LoopFunction Last => field ??= LoopCode.Compile(body with { IsPartial = true });

    /// <summary>Computes elements from the values' addresses on.</summary>
    public void Run(nint* values, double* totals, int count)
    {
        // The number of lanes is a power of two.
        int left = count & (_lanes - 1), whole = count - left;
        fixed (double* constants = _constants)
        {
            // A loop of numbers alone has nothing to do for elements, but must run once.
            if (whole > 0 || left == 0)
            {
                _whole(values, totals, constants, whole);
            }

            if (left > 0)
            {
                nint* last = stackalloc nint[_sizes.Length];
                for (int i = 0; i < _sizes.Length; i++)
                {
                    last[i] = values[i] + ((nint)whole * _sizes[i]);
                }

                Last(last, totals, constants, left);
            }
        }
    }
}
