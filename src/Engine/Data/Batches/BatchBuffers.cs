using System.Collections.Concurrent;

namespace Engine.Data;

/// <summary>Reuses the arrays of batches. It keeps as many as were in use at the same time.</summary>
internal sealed class BatchBuffers
{
    private readonly ConcurrentBag<float[]> _free = [];

    /// <summary>Returns an array of this length with undefined content.</summary>
    public float[] Take(int length)
    {
        while (_free.TryTake(out float[]? buffer))
        {
            if (buffer.Length == length)
            {
                return buffer;
            }
        }

        return GC.AllocateUninitializedArray<float>(length);
    }

    /// <summary>Returns an array for reuse.</summary>
    public void Give(float[] buffer) => _free.Add(buffer);
}
