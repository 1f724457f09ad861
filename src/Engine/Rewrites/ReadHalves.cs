using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On GPUs, has products of matrices read numbers of 16 bits as they are stored, where they would be given them converted
/// to float32: tensor cores multiply such, and sum in float32. The products of single elements are the same.
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
