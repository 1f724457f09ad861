namespace Engine.Devices.Cuda;

/// <summary>
/// Nested loops, passed to kernels by value: the count of each loop, outermost first, and its stride in elements in
/// each of up to three arrays. <c>struct Loops</c> of common.cuh has the same layout.
/// </summary>
internal unsafe struct CudaLoops
{
    /// <summary>The most loops, and the most arrays.</summary>
    public const int Max = 8, Arrays = 3;

    private int _count;
    private fixed int _dimensions[Max];
    private fixed int _steps[Arrays * Max];

    /// <exception cref="EngineException">There are more loops than <see cref="Max"/>.</exception>
    public CudaLoops(ReadOnlySpan<int> dimensions, params ReadOnlySpan<int[]> steps)
    {
        if (dimensions.Length > Max)
        {
            throw new EngineException(
                $"CUDA kernels walk over arrays in at most {Max} nested loops, not {dimensions.Length}: "
                + "reshape the array to fewer axes, or broadcast along fewer.");
        }

        _count = dimensions.Length;
        for (int i = 0; i < dimensions.Length; i++)
        {
            _dimensions[i] = dimensions[i];
            for (int array = 0; array < steps.Length; array++)
            {
                _steps[(array * Max) + i] = steps[array][i];
            }
        }
    }
}
