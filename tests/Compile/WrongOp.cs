using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Tests.Compile;

/// <summary>The fault of a <see cref="WrongOp"/>, which otherwise copies a vector of float32.</summary>
public enum Fault
{
    None,
    WrongValue,
    LeavesOneOut,
    WritesBehindOutput,
    WritesOverInput,
}

/// <summary>An op that copies a vector by its definition, but whose kernels do something else.</summary>
internal sealed record WrongOp(Fault Fault) : Op, ICpuOp, ICudaOp
{
    /// <summary>The index of the wrong element.</summary>
    public const int Wrong = 2;

    public override string Name => "wrong";

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [inputs[0]];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        inputs[0].Data.CopyTo(outputs[0].Data, 0);

    public unsafe Phase[] Cpu(CpuStep step)
    {
        float* x = step.In<float>(0), y = step.Out<float>();
        int count = step.Shape(0)[0];
        Fault fault = Fault;
        return
        [
            new Phase(count, count, (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    if (fault != Fault.LeavesOneOut || i != Wrong)
                    {
                        y[i] = fault == Fault.WrongValue && i == Wrong ? x[i] + 1 : x[i];
                    }
                }

                if (fault == Fault.WritesBehindOutput)
                {
                    y[count] = 0;
                }
                else if (fault == Fault.WritesOverInput)
                {
                    x[0] = -1;
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        string expression = Fault switch
        {
            Fault.WrongValue => $"i == {Wrong} ? x + 1.0f : x",
            Fault.LeavesOneOut => $"i == {Wrong} ? y0[i] : x",
            Fault.WritesBehindOutput => $"(i == 0 ? y0[{step.Shape(0)[0]}] = 0.0f : 0.0f, x)",
            Fault.WritesOverInput => "(i == 0 ? *(float*)x0 = -1.0f : 0.0f, x)",
            _ => "x",
        };
        return CudaMap.Launches(step, "x", expression);
    }
}
