using Engine.Compile;
using Engine.Graph;

namespace Engine.Bench;

/// <summary>A function that reads what lies on the device already and is timed as it is.</summary>
/// <param name="Bench">Which benchmark it belongs to: exp, gemm, conv, ops.</param>
/// <param name="Item">What of it: a shape.</param>
/// <param name="Function">What runs; it takes no arguments.</param>
/// <param name="Reads">The variables it reads, which it owns.</param>
internal sealed record Kernel(string Bench, string Item, Function Function, IReadOnlyList<SharedVariable> Reads)
    : IDisposable
{
    /// <summary>How many times over it runs for one figure.</summary>
    public int Times { get; init; } = 1;

    /// <summary>The floating-point operations of one run; 0 where none are counted.</summary>
    public double Flops { get; init; }

    /// <summary>Runs it so many times and waits for the end.</summary>
    public void Run(int times) => Function.RunMany(times);

    public void Dispose()
    {
        Function.Dispose();
        foreach (SharedVariable variable in Reads)
        {
            variable.Dispose();
        }
    }
}

/// <summary>Finds how many seconds one run of a kernel takes.</summary>
internal delegate Spread KernelTimer(Kernel kernel);
