using System.Collections.Concurrent;

namespace Engine.Data;

/// <summary>Arrays of batches that were used, for those that come. As many are kept as were in use at once.</summary>
internal sealed class BatchBuffers
{
    private readonly ConcurrentBag<float[]> _free = [];

    /// <summary>Creates an array of this length, whatever is in it.</summary>
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

    /// <summary>Gives an array back.</summary>
    public void Give(float[] buffer) => _free.Add(buffer);
}
