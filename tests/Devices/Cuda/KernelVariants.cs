using System.Text.RegularExpressions;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Ops;
using Engine.Training;

namespace Engine.Tests.Devices.Cuda;

/// <summary>A text that is to be compiled.</summary>
/// <param name="Ops">The first ops that need it.</param>
/// <param name="Function">The text and its entry point.</param>
internal sealed partial record KernelVariant(string Ops, CudaFunction Function)
{
    public string Source { get; } = Function.Source;

    /// <summary>Whether it is for double precision.</summary>
    public bool IsDouble => Double().IsMatch(Source);

    /// <summary>
    /// Whether it needs tensor cores for TF32 and 16-bit numbers, which GPUs before sm_80 do not have.
    /// </summary>
    public bool NeedsTensorCores => TensorCores().IsMatch(Source);

    public override string ToString() => $"{Function} for {Ops}";

    [GeneratedRegex(@"^#define TENSOR 1$", RegexOptions.Multiline)]
    private static partial Regex TensorCores();

    [GeneratedRegex(@"^#define \w+ double$", RegexOptions.Multiline)]
    private static partial Regex Double();
}

/// <summary>
/// All texts that are compiled, found without a GPU by lowering the ops' examples and the runner's two networks.
/// </summary>
internal static class KernelVariants
{
    /// <summary>
    /// The ops' kernels for their examples, one by one, in single and in double precision, and for larger ones.
    /// </summary>
    public static IReadOnlyList<KernelVariant> Examples { get; } =
        Distinct(Launches().Select(example => new KernelVariant(example.Ops, example.Launch.Function))
            .Concat(LargeKernels.All));

    /// <summary>
    /// The kernels of training, validation and prediction, with full batches and an incomplete last one.
    /// </summary>
    public static IReadOnlyList<KernelVariant> Experiments { get; } = Distinct(LowerExperiments());

    /// <summary>
    /// Describes everything that determines the work of an op on its examples, from this many seeds: the examples and
    /// their launches.
    /// </summary>
    public static IEnumerable<string> Describe(Type op, int draws)
    {
        using var device = new LoweringDevice();
        foreach (Sample sample in Enumerable.Range(0, draws).SelectMany(seed => OpTable.Samples(op, seed))
            .Where(sample => sample.Error is null))
        {
            string values = string.Join(';', sample.Args.Select(arg => string.Join(',', arg.Values ?? [])));
            yield return $"{sample.Op} of {string.Join(" and ", sample.Args)} {values}";
            foreach (DType floatX in (DType[])[DType.Float32, DType.Float64])
            {
                foreach (CudaLaunch launch in Lower(sample, floatX, device)?.Launches ?? [])
                {
                    yield return LoweringDevice.Describe(launch);
                }
            }
        }
    }

    /// <summary>Returns the launches of the ops for the examples that are run.</summary>
    public static IEnumerable<(string Ops, KernelLaunch Launch)> Launches()
    {
        using var device = new LoweringDevice();
        foreach (Sample sample in OpTable.Types
            .SelectMany(type => Enumerable.Range(0, CudaOpTests.Draws).SelectMany(seed => OpTable.Samples(type, seed)))
            .Where(sample => sample.Error is null && sample.Op is ICudaOp))
        {
            foreach (DType floatX in (DType[])[DType.Float32, DType.Float64])
            {
                CudaLaunch[] launches = Lower(sample, floatX, device)?.Launches ?? [];
                foreach (KernelLaunch launch in launches.OfType<KernelLaunch>())
                {
                    yield return (sample.Op.Name, launch);
                }
            }
        }
    }

    private static IReadOnlyList<KernelVariant> LowerExperiments()
    {
        using var device = new LoweringDevice();
        Cifar10Images images = SyntheticImages.Draw(train: 1000, test: 10).Train;
        foreach (NetworkDescription network in (NetworkDescription[])
            [Networks.Mlp, Networks.Mlp.WithHidden([100, 100]), Networks.Cnn])
        {
            using var net = new NeuralNet(network.MakeLayers()) { Device = device, MaxEpochs = 0 };
            Tensor x = ImageInput.Prepare(network, images.Images);
            net.Fit(x, images.Labels);
            net.Predict(x);
        }

        return device.Linked;
    }

    private static CudaBoundOp? Lower(Sample sample, DType floatX, LoweringDevice device)
    {
        TensorType[] inputs =
            [.. sample.Args.Select(arg => new TensorType(arg.DType ?? floatX, arg.Shape, arg.KnownValue))];
        if (sample.Op is not ICudaOp || sample.Op.IsView(inputs))
        {
            return null;
        }

        Operand[] from = [.. inputs.Select(At)], to = [.. sample.Op.Infer(inputs).Select(At)];
        long workspace = device.Workspace(sample.Op, [.. from.Select(x => x.Type)], [.. to.Select(x => x.Type)]);
        MemoryRange? scratch = workspace == 0 ? null : new MemoryRange(null!, 0, workspace);
        return (CudaBoundOp)device.Bind(sample.Op, new StepOperands(from, to, scratch));
    }

    private static Operand At(TensorType type) => new(null!, 0, new OperandType(type.DType, type.Shape));

    private static KernelVariant[] Distinct(IEnumerable<KernelVariant> variants) =>
        [.. variants.DistinctBy(variant => variant.Source)];
}
