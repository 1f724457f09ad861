using Engine.Devices;
using Engine.Devices.Cuda;

namespace Engine.Tests.Devices.Cuda;

/// <summary>A CUDA device without a GPU: it lowers ops to launches, remembers them, and runs nothing.</summary>
internal sealed class LoweringDevice : CudaTarget
{
    private const ulong SomeAddress = 4096;

    private readonly List<(string Ops, KernelLaunch Launch)> _linked = [];
    private readonly List<string> _launched = [];

    /// <summary>The kernels of the programs linked so far.</summary>
    public IReadOnlyList<KernelVariant> Linked =>
        [.. _linked.Select(each => new KernelVariant(each.Ops, each.Launch.Function))];

    /// <summary>The launches of these kernels.</summary>
    public IEnumerable<KernelLaunch> Launches => _linked.Select(each => each.Launch);

    /// <summary>Descriptions of these launches, in order; all addresses are the same.</summary>
    public IReadOnlyList<string> Launched => _launched;

    public override string Name => "lowering";

    public override int Architecture => 80;

    public override Peak Peak => new(1, 1, "none");

    private protected override int MaxSharedBytes => CudaTypes.MaxSharedBytesOf(Architecture);

    private protected override CudaFaults Faults { get; } = new(SomeAddress, null);

    private protected override KernelImages? Images => null;

    /// <summary>Describes a launch: the source, the grid, the arguments.</summary>
    public static string Describe(CudaLaunch launch) => launch is KernelLaunch kernel
        ? $"{kernel.Function.Source}\n{kernel} {kernel.Grid} {kernel.Block} {kernel.Function.DynamicBytes} "
            + Convert.ToHexString(kernel.Arguments)
        : launch.Name;

    public override Storage Allocate(long bytes) => new Memory(this, bytes);

    private protected override ulong AddressOf(Storage storage) => SomeAddress;

    private protected override IProgram Link(CudaStage[] stages, bool mayFault, LaunchTimes? times)
    {
        _launched.AddRange(stages.Select(stage => Describe(stage.Launch)));
        _linked.AddRange(stages
            .Where(stage => stage.Launch is KernelLaunch)
            .Select(stage => (stage.Ops, (KernelLaunch)stage.Launch)));
        return new Nothing();
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Memory(Device device, long bytes) : Storage
    {
        public override long Bytes => bytes;

        public override object Device => device;

        public override void Write(ReadOnlySpan<byte> source, long offset = 0)
        {
        }

        public override void Read(Span<byte> destination, long offset = 0) => destination.Clear();

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Nothing : IProgram
    {
        public IReadOnlyList<Launch> Launches => [];

        public void Run(int times)
        {
        }

        public void Dispose()
        {
        }
    }
}
