using System.Runtime.InteropServices;

namespace Engine.Tests.Devices.Cpu;

/// <summary>
/// Numbers whose end is the end of the process' memory: a kernel that reads beyond them ends the process. Linux only.
/// </summary>
internal sealed unsafe partial class Guarded : IDisposable
{
    private const int ReadAndWrite = 3, PrivateAndAnonymous = 0x22;

    private readonly byte* _memory;
    private readonly nuint _bytes, _page = (nuint)Environment.SystemPageSize;

    public Guarded(ReadOnlySpan<float> values)
    {
        var needed = (nuint)(values.Length * sizeof(float));
        _bytes = ((needed + _page - 1) / _page * _page) + _page;
        _memory = Map(null, _bytes, ReadAndWrite, PrivateAndAnonymous, -1, 0);
        Assert.That((nint)_memory, Is.Not.EqualTo((nint)(-1)), "no memory");
        Assert.That(Protect(_memory + _bytes - _page, _page, 0), Is.Zero);
        Pointer = (float*)(_memory + _bytes - _page - needed);
        values.CopyTo(new Span<float>(Pointer, values.Length));
    }

    public float* Pointer { get; }

    public void Dispose() => _ = Unmap(_memory, _bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(byte* at, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(byte* at, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(byte* at, nuint bytes);
}
