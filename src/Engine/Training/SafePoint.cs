using Engine.Compile;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Keeps a copy, on the device, of everything that a training step changes. One small function copies the values, so a
/// copy in each epoch costs almost nothing.
/// </summary>
internal sealed class SafePoint : IDisposable
{
    private readonly (SharedVariable Variable, SharedVariable Copy)[] _onDevice;
    private readonly (SharedVariable Variable, Tensor Copy)[] _onHost;
    private readonly Function _keep;

    public SafePoint(IEnumerable<SharedVariable> variables, Device device)
    {
        // Some variables, such as the states of random streams, change in every function that reads them. The host
        // copies these.
        ILookup<bool, SharedVariable> moving = variables.ToLookup(variable => variable.DefaultUpdate is not null);
        _onHost = [.. moving[true].Select(variable => (variable, variable.GetValue()))];
        _onDevice = [.. moving[false].Select(variable => (
            variable, SharedVariable.Of(new Tensor(variable.DType, variable.Shape), $"{variable.Name} of before")))];

        // This function is not part of the training: it is not profiled, and no mode inspects it.
        _keep = Function.Compile(
            [], [], _onDevice.Select(pair => new Update(pair.Copy, pair.Variable)), device: device,
            options: new CompileOptions());
    }

    /// <summary>Copies the current values.</summary>
    public void Keep()
    {
        _keep.Run();
        Array.ForEach(_onHost, pair => pair.Variable.ReadValue(pair.Copy.Bytes));
    }

    /// <summary>Restores the copied values.</summary>
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
