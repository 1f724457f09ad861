using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On GPUs, makes matrix products read numbers of 16 bits as they are stored, instead of converted to float32. Tensor
/// cores multiply them and sum in float32. The product of two elements is exact in both cases.
/// </summary>
internal static class ReadHalves
{
    public static FunctionGraph Apply(FunctionGraph graph, Device device) => !device.IsGpu
        ? graph
        : LocalRules.Apply(graph, node =>
            node.Op is Dot && Stored(node.Inputs[0]) is { } a && Stored(node.Inputs[1]) is { } b && a.DType == b.DType
                ? node.Op.Call(a, b)
                : null);

    private static Variable? Stored(Variable variable) =>
        Match.Is(variable, out Cast? to, out Apply? node) && to.To == DType.Float32 && node.Inputs[0].DType.IsHalf()
            ? node.Inputs[0]
            : null;
}
