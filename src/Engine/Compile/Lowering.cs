using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Asks a device for what it makes of an op: where it refuses, the error says which op, which shapes, which line.</summary>
internal static class Lowering
{
    /// <exception cref="EngineException">The device has no way to compute the op, or not for such shapes.</exception>
    public static T Of<T>(Apply node, Device device, Func<T> lower)
    {
        try
        {
            return lower();
        }
        catch (Exception error) when (error is OverflowException || error.GetType() == typeof(EngineException))
        {
            string shapes = string.Join(" and ", node.Inputs.Select(input => input.Type));
            string reason = error is OverflowException
                ? $"it is larger than what {device} counts in 32 bits: take smaller batches"
                : error.Message.TrimEnd('.');
            throw new EngineException($"{node.Op.Name} of {shapes} cannot run on {device}: {reason}.{node.Origin}", error);
        }
    }
}
