using System.Runtime.InteropServices;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>Runs a plan one step at a time, so that values can be checked between the steps.</summary>
internal abstract class SteppedProgram : IProgram
{
    private readonly (BoundStep Step, IProgram Program)[] _steps;
    private readonly Device _device;

    protected SteppedProgram(Plan plan, Device device)
    {
        Plan = plan;
        _device = device;
        _steps = [.. plan.Levels.SelectMany(level => level).Select(step => (step, device.Link([[step.Kernel]])))];
    }

    protected Plan Plan { get; }

    public IReadOnlyList<Launch> Launches => [.. _steps.SelectMany(step => step.Program.Launches)];

    public void Run(int times)
    {
        for (int i = 0; i < times; i++)
        {
            Begin();
            foreach ((BoundStep step, IProgram program) in _steps)
            {
                Before(step);
                program.Run(1);
                After(step);
            }
        }
    }

    public void Dispose() => Array.ForEach(_steps, step => step.Program.Dispose());

    /// <summary>Called before a run.</summary>
    protected virtual void Begin()
    {
    }

    /// <summary>Called before a step.</summary>
    protected virtual void Before(BoundStep step)
    {
    }

    /// <summary>Called after a step.</summary>
    protected abstract void After(BoundStep step);

    /// <summary>Returns the value of an operand.</summary>
    protected static Tensor Read(Operand operand)
    {
        var value = new Tensor(operand.Type.DType, operand.Type.Shape);
        operand.Storage.Read(value.Bytes, operand.Offset);
        return value;
    }

    /// <summary>Returns a value's dtype and shape: <c>float32 (128, 10)</c>.</summary>
    protected static string Describe(Operand operand) => $"{operand.Type.DType.Name()} {operand.Type.Shape}";

    /// <summary>Returns an error about a step: what it did, its layer and its line.</summary>
    protected EngineException Error(BoundStep step, string what)
    {
        int number = Array.FindIndex(_steps, pair => pair.Step == step) + 1;
        return new EngineException(
            $"{step}, step {number} of {_steps.Length} on {_device}, {what}{step.Node?.Origin}");
    }

    /// <summary>Returns the indices of an element: <c>(3, 4)</c>.</summary>
    protected static string Index(Shape shape, int element) => $"({string.Join(", ", shape.IndexOf(element))})";
}
