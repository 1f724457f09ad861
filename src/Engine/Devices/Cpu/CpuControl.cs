using System.Diagnostics;

namespace Engine.Devices.Cpu;

/// <summary>Represents a kernel that runs other kernels, repeatedly or some of them.</summary>
internal abstract class CpuControl
{
    /// <summary>Gets how the work is divided.</summary>
    public abstract string Grid { get; }

    /// <summary>Runs the kernels; their phases use the team if it is free.</summary>
    public abstract void Run(ThreadTeam team);

    /// <summary>Returns the same, which also reports when it began and ended.</summary>
    public CpuControl Timed(Action<long, long> ran) => new TimedControl(this, ran);

    private sealed class TimedControl(CpuControl control, Action<long, long> ran) : CpuControl
    {
        public override string Grid => control.Grid;

        public override void Run(ThreadTeam team)
        {
            long began = Stopwatch.GetTimestamp();
            control.Run(team);
            ran(began, Stopwatch.GetTimestamp());
        }
    }
}

/// <summary>A <see cref="BranchKernel"/> on the CPU.</summary>
internal sealed unsafe class CpuBranch(BranchKernel branch) : CpuControl
{
    private readonly byte* _condition = CpuStorage.Pointer(branch.Condition);
    private readonly CpuSequence _first = Sequence(branch.First), _second = Sequence(branch.Second);

    public override string Grid => "one of two";

    public override void Run(ThreadTeam team) => (*_condition != 0 ? _first : _second).Run(team);

    private static CpuSequence Sequence(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        new(levels.SelectMany(level => level).Cast<CpuKernel>());
}
