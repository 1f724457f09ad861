using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// A <see cref="LoopKernel"/> on the CPU. Its kernels have fixed addresses, so that rows are copied to and from there; a
/// step costs no more than these copies beside its kernels.
/// </summary>
internal sealed unsafe class CpuLoop : CpuControl
{
    private readonly LoopKernel _loop;
    private readonly CpuSequence _step;
    private readonly Move[] _in, _out;
    private readonly MemoryRange[] _cleared, _voided;
    private readonly (MemoryRange From, MemoryRange To)[] _started;
    private readonly byte* _until;

    public CpuLoop(LoopKernel loop)
    {
        _loop = loop;
        _step = new CpuSequence(loop.Waves.SelectMany(wave => wave).Cast<CpuKernel>());
        _in = [.. loop.In.Select(rows => new Move(rows))];
        _out = [.. loop.Out.Select(rows => new Move(rows))];
        (_cleared, _voided, _started) = ([.. loop.Cleared], [.. loop.Voided], [.. loop.Started]);
        _until = loop.Until is null ? null : CpuStorage.Pointer(loop.Until);
    }

    public override string Grid => $"{_loop.Steps} steps";

    public override void Run(ThreadTeam team)
    {
        foreach (MemoryRange range in _cleared)
        {
            Clear(range);
        }

        foreach ((MemoryRange from, MemoryRange to) in _started)
        {
            Buffer.MemoryCopy(CpuStorage.Pointer(from), CpuStorage.Pointer(to), to.Bytes, from.Bytes);
        }

        for (int step = 0; step < _loop.Steps; step++)
        {
            Step(team, step);
            if (_until is not null && *_until != 0)
            {
                Repeat(step);
                break;
            }
        }

        foreach (MemoryRange range in _voided)
        {
            Clear(range);
        }
    }

    private void Step(ThreadTeam team, int step)
    {
        foreach (ref readonly Move move in _in.AsSpan())
        {
            byte* row = move.At(step);
            if (row is null)
            {
                NativeClear(move.Inside, move.Bytes);
            }
            else
            {
                Buffer.MemoryCopy(row, move.Inside, move.Bytes, move.Bytes);
            }
        }

        _step.Run(team);
        foreach (ref readonly Move move in _out.AsSpan())
        {
            byte* row = move.At(step);
            if (row is not null)
            {
                Buffer.MemoryCopy(move.Inside, row, move.Bytes, move.Bytes);
            }
        }
    }

    /// <summary>The rows of the steps that are not made: as that of the last.</summary>
    private void Repeat(int last)
    {
        foreach (ref readonly Move move in _out.AsSpan())
        {
            for (int step = last + 1; step < _loop.Steps && move.IsMoving; step++)
            {
                byte* row = move.At(step);
                if (row is not null)
                {
                    Buffer.MemoryCopy(move.Inside, row, move.Bytes, move.Bytes);
                }
            }
        }
    }

    private static void Clear(MemoryRange range) => NativeClear(CpuStorage.Pointer(range), range.Bytes);

    private static void NativeClear(byte* place, long bytes) =>
        System.Runtime.InteropServices.NativeMemory.Clear(place, (nuint)bytes);

    /// <summary><see cref="LoopRows"/> by their addresses.</summary>
    private readonly struct Move
    {
        private readonly byte* _rows, _beforeEnd;
        private readonly long _count, _beforeCount;
        private readonly int _first, _by;

        public Move(LoopRows rows)
        {
            Inside = CpuStorage.Pointer(rows.Inside);
            Bytes = rows.Inside.Bytes;
            (_first, _by) = (rows.First, rows.By);
            if (rows.Rows is { } main)
            {
                _rows = CpuStorage.Pointer(main);
                _count = Bytes == 0 ? 0 : main.Bytes / Bytes;
            }

            if (rows.Before is { } before)
            {
                _beforeEnd = CpuStorage.Pointer(before) + before.Bytes;
                _beforeCount = Bytes == 0 ? 0 : before.Bytes / Bytes;
            }
        }

        public byte* Inside { get; }

        public long Bytes { get; }

        public bool IsMoving => _by != 0;

        /// <summary>The row of a step; null where there is none.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public byte* At(int step)
        {
            long row = _first + ((long)_by * step);
            return row >= 0
                ? row < _count ? _rows + (row * Bytes) : null
                : -row <= _beforeCount ? _beforeEnd + (row * Bytes) : null;
        }
    }
}
