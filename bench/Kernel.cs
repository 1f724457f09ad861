using Engine.Compile;
using Engine.Graph;

namespace Engine.Bench;

/// <summary>A function to time, whose inputs are already on the device.</summary>
/// <param name="Bench">Its benchmark: exp, gemm, conv, ops.</param>
/// <param name="Item">The item of the benchmark: a shape.</param>
/// <param name="Function">The function; it takes no arguments.</param>
/// <param name="Reads">The variables that it reads and owns.</param>
internal sealed record Kernel(string Bench, string Item, Function Function, IReadOnlyList<SharedVariable> Reads)
    : IDisposable
{
    /// <summary>The number of runs for one figure.</summary>
    public int Times { get; init; } = 1;

    /// <summary>The floating-point operations of one run; 0 if none are counted.</summary>
    public double Flops { get; init; }

    /// <summary>Runs it a number of times and waits for the end.</summary>
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

/// <summary>Measures the seconds of one run of a kernel.</summary>
internal delegate Spread KernelTimer(Kernel kernel);
