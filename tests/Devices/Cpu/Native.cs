using System.Numerics;
using System.Runtime.InteropServices;

namespace Engine.Tests.Devices.Cpu;

/// <summary>
/// Native memory for a test: random numbers with a mark on both sides. Disposal checks the marks, so a kernel that
/// writes beyond its matrix fails the test.
/// </summary>
internal sealed unsafe class Native<T> : IDisposable
    where T : unmanaged, INumber<T>
{
    private const int Margin = 64;
    private static readonly T s_mark = T.CreateChecked(113);
    private readonly T* _memory;

    /// <summary>
    /// Allocates random numbers between -1 and 1, or without <paramref name="random"/> a value that spoils any sum.
    /// </summary>
    public Native(long count, Random? random = null)
    {
        Count = checked((int)count);
        _memory = (T*)NativeMemory.AlignedAlloc((nuint)((Count + (2 * Margin)) * sizeof(T)), 64);
        new Span<T>(_memory, Count + (2 * Margin)).Fill(s_mark);
        for (int i = 0; i < Count; i++)
        {
            Pointer[i] = random is null ? T.CreateTruncating(1e30) : T.CreateTruncating((random.NextDouble() * 2) - 1);
        }
    }

    public int Count { get; }

    public T* Pointer => _memory + Margin;

    public byte* Bytes => (byte*)Pointer;

    public Span<T> Span => new(Pointer, Count);

    public ref T this[int index] => ref Pointer[index];

    public void Dispose()
    {
        bool isWhole = true;
        for (int i = 0; i < Margin; i++)
        {
            isWhole &= _memory[i] == s_mark && _memory[Margin + Count + i] == s_mark;
        }

        NativeMemory.AlignedFree(_memory);
        Assert.That(isWhole, "something was written outside of the memory");
    }
}
