using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// A <see cref="LoopKernel"/> on the CPU. Its kernels have fixed addresses, so phases of the same list copy rows to and
/// from there. Besides its kernels, a step costs only these copies.
/// </summary>
internal sealed unsafe class CpuLoop : CpuControl
{
    /// <summary>The bytes that a thread copies at a time.</summary>
    private const long PieceBytes = 16 << 10;

    private readonly LoopKernel _loop;
    private readonly CpuSequence _step;
    private readonly Move[] _in, _out;
    private readonly MemoryRange[] _cleared;
    private readonly (MemoryRange From, MemoryRange To)[] _started;
    private readonly byte* _until;
    private int _current;

    public CpuLoop(LoopKernel loop)
    {
        _loop = loop;
        _in = [.. loop.In.Select(rows => new Move(rows))];
        _out = [.. loop.Out.Select(rows => new Move(rows))];
        _step = new CpuSequence(
            [Copies("rows in", _in, CopyIn), .. loop.Levels.SelectMany(level => level).Cast<CpuKernel>(),
                Copies("rows out", _out, CopyOut)]);
        (_cleared, _started) = ([.. loop.Cleared], [.. loop.Started]);
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
    }

    private void Step(ThreadTeam team, int step)
    {
        _current = step;
        _step.Run(team);
    }

    /// <summary>Returns a kernel that copies rows in pieces.</summary>
    private CpuKernel Copies(string name, Move[] moves, Copy copy)
    {
        (int Move, long Start)[] pieces = [.. moves.SelectMany((move, i) =>
            Enumerable.Range(0, checked((int)((move.Bytes + PieceBytes - 1) / PieceBytes)))
                .Select(piece => (i, piece * PieceBytes)))];
        return new CpuKernel(name, pieces.Length == 0 ? [] : [new Phase(pieces.Length, 2, (start, end, _) =>
        {
            for (int i = start; i < end; i++)
            {
                (int move, long first) = pieces[i];
                copy(in moves[move], _current, first, Math.Min(PieceBytes, moves[move].Bytes - first));
            }
        })]);
    }

    private delegate void Copy(in Move move, int step, long start, long bytes);

    private static void CopyIn(in Move move, int step, long start, long bytes)
    {
        byte* row = move.At(step);
        if (row is null)
        {
            NativeClear(move.Inside + start, bytes);
        }
        else
        {
            Buffer.MemoryCopy(row + start, move.Inside + start, bytes, bytes);
        }
    }

    private static void CopyOut(in Move move, int step, long start, long bytes)
    {
        byte* row = move.At(step);
        if (row is not null)
        {
            Buffer.MemoryCopy(move.Inside + start, row + start, bytes, bytes);
        }
    }

    /// <summary>Fills the rows of the steps that were not run with the row of the last step.</summary>
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

    private static void NativeClear(byte* address, long bytes) =>
        System.Runtime.InteropServices.NativeMemory.Clear(address, (nuint)bytes);

    /// <summary><see cref="LoopRows"/> as addresses.</summary>
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

        /// <summary>Returns the row of a step; null if there is none.</summary>
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
