using Engine.Ops;

namespace Engine.Onnx;

/// <summary>Lists the ops that are not exported, by reason. docs/files.md shows the list.</summary>
internal static class OnnxLeftOut
{
    public static IReadOnlyList<(string Why, Type[] Ops)> Reasons =>
    [
        ("ONNX has no such function",
            [typeof(Binary<ArcTan2>), typeof(Unary<GammaLn>), typeof(Unary<Digamma>), typeof(Binary<Polygamma>)]),
        ("ONNX's random numbers are others", [typeof(RandomDraw<>), typeof(DropoutMask)]),
        ("only training has it",
        [
            typeof(MoveImages), typeof(AttendGrad), typeof(ChannelwiseWeightsGradient), typeof(Conv2DWeightsGradient),
            typeof(CrossEntropyGrad), typeof(TakeRowsGradient), typeof(AllReduce), typeof(AllReduceStart),
            typeof(AllReduceWait),
            typeof(FromOwners),
        ]),
        ("it is CUDA C", [typeof(CudaKernelOp)]),
        ("only plans have it",
        [
            typeof(Composite), typeof(Conv2DMaxPool), typeof(Conv2DMaxPoolGradients), typeof(DenseCrossEntropy),
            typeof(Unary<BroadcastLike.Identity>), typeof(OfRows),
            typeof(RowWise), typeof(SoftmaxCrossEntropy), typeof(SoftmaxCrossEntropyGrad),
            typeof(SoftmaxCrossEntropyWithGrad),
            typeof(WithEpilogues),
        ]),
    ];

    /// <summary>Returns why an op is not exported: a part of a sentence; null if the list does not have it.</summary>
    public static string? Find(Type op)
    {
        Type family = op.IsGenericType ? op.GetGenericTypeDefinition() : op;
        return Reasons.FirstOrDefault(reason => reason.Ops.Contains(op) || reason.Ops.Contains(family)).Why;
    }

    /// <summary>Returns the name of an op in the list: for a row of a table, the row's.</summary>
    public static string Name(Type op) =>
        (op.IsConstructedGenericType ? op.GenericTypeArguments[0].Name : op.Name).Split('`')[0];
}
