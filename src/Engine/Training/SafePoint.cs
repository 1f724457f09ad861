using Engine.Compile;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// A second place, on the device, for all that a training step changes. Values are copied there by one small function,
/// so that keeping them each epoch costs next to nothing.
/// </summary>
internal sealed class SafePoint : IDisposable
{
    private readonly (SharedVariable Variable, SharedVariable Copy)[] _onDevice;
    private readonly (SharedVariable Variable, Tensor Copy)[] _onHost;
    private readonly Function _keep;

    public SafePoint(IEnumerable<SharedVariable> variables, Device device)
    {
        // What any function that reads it moves on, as the states of random streams, the host copies.
        ILookup<bool, SharedVariable> moving = variables.ToLookup(variable => variable.DefaultUpdate is not null);
        _onHost = [.. moving[true].Select(variable => (variable, variable.GetValue()))];
        _onDevice = [.. moving[false].Select(variable => (
            variable, SharedVariable.Of(new Tensor(variable.DType, variable.Shape), $"{variable.Name} of before")))];

        // Neither profiled nor looked at by a mode: it is no part of the training.
        _keep = Function.Compile(
            [], [], _onDevice.Select(pair => new Update(pair.Copy, pair.Variable)), device: device,
            options: new CompileOptions());
    }

    /// <summary>Keeps the values there are now.</summary>
    public void Keep()
    {
        _keep.Run();
        Array.ForEach(_onHost, pair => pair.Variable.ReadValue(pair.Copy.Bytes));
    }

    /// <summary>Puts back what was kept.</summary>
    public void Restore()
    {
        Array.ForEach(_onDevice, pair => pair.Variable.SetValue(pair.Copy.GetValue()));
        Array.ForEach(_onHost, pair => pair.Variable.SetValue(pair.Copy));
    }

    public void Dispose()
    {
        _keep.Dispose();
        Array.ForEach(_onDevice, pair => pair.Copy.Dispose());
    }
}
