using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The client side of NVTX 3, which is not a library to load. A profiler brings its own library and calls its
/// <c>InitializeInjectionNvtx2</c> with <see cref="ExportTable"/>. That function asks for tables with one slot for each
/// function, and puts its functions there. Empty slots do nothing. Numbers and layouts are those of nvtxTypes.h.
/// </summary>
internal static unsafe class NvtxApi
{
    private const int CallbacksTable = 1, VersionTable = 3, NvtxVersion = 3;
    private const int CoreModule = 1, RangePushA = 9, RangePop = 11;

    // The number of slots of each module, of which the first is never used: core, CUDA, OpenCL, the CUDA runtime, core
    // 2, synchronization. A profiler may not start without all of them; only the core's ranges are called.
    private static readonly int[] s_sizes = [0, 16, 9, 15, 7, 16, 7];

    private static readonly nint*** s_tables = MakeTables();

    private static readonly Callbacks* s_callbacks = Make(new Callbacks
    {
        Bytes = (nuint)sizeof(Callbacks),
        GetModuleFunctionTable = &GetModuleFunctionTable,
    });

    private static readonly VersionInfo* s_version = Make(new VersionInfo
    {
        Bytes = (nuint)sizeof(VersionInfo),
        Version = NvtxVersion,
        SetInjectionNvtxVersion = &SetInjectionNvtxVersion,
    });

    /// <summary>Gets the argument of a profiler's <c>InitializeInjectionNvtx2</c>.</summary>
    public static delegate* unmanaged<uint, void*> ExportTable => &GetExportTable;

    /// <summary>Gets the profiler's <c>nvtxRangePushA</c>, which returns the depth; null if there is none.</summary>
    public static delegate* unmanaged<byte*, int> Push =>
        (delegate* unmanaged<byte*, int>)(*s_tables[CoreModule][RangePushA]);

    /// <summary>Gets the profiler's <c>nvtxRangePop</c>; null if there is none.</summary>
    public static delegate* unmanaged<int> Pop => (delegate* unmanaged<int>)(*s_tables[CoreModule][RangePop]);

    [UnmanagedCallersOnly]
    private static void* GetExportTable(uint table) => table switch
    {
        CallbacksTable => s_callbacks,
        VersionTable => s_version,
        _ => null,
    };

    [UnmanagedCallersOnly]
    private static int GetModuleFunctionTable(int module, nint*** table, uint* size)
    {
        if (module <= 0 || module >= s_sizes.Length)
        {
            return 0;
        }

        if (table is not null)
        {
            *table = s_tables[module];
        }

        if (size is not null)
        {
            *size = (uint)s_sizes[module];
        }

        return 1;
    }

    [UnmanagedCallersOnly]
    private static void SetInjectionNvtxVersion(uint version)
    {
    }

    /// <summary>
    /// Returns, for each module, the addresses of its slots, with null before the first and after the last.
    /// </summary>
    private static nint*** MakeTables()
    {
        var tables = (nint***)NativeMemory.AllocZeroed((nuint)s_sizes.Length, (nuint)sizeof(nint**));
        for (int module = 1; module < s_sizes.Length; module++)
        {
            int size = s_sizes[module];
            var slots = (nint*)NativeMemory.AllocZeroed((nuint)size, (nuint)sizeof(nint));
            tables[module] = (nint**)NativeMemory.AllocZeroed((nuint)size + 1, (nuint)sizeof(nint*));
            for (int function = 1; function < size; function++)
            {
                tables[module][function] = slots + function;
            }
        }

        return tables;
    }

    private static T* Make<T>(T value) where T : unmanaged
    {
        var made = (T*)NativeMemory.Alloc((nuint)sizeof(T));
        *made = value;
        return made;
    }

    /// <summary><c>NvtxExportTableCallbacks</c>.</summary>
    private struct Callbacks
    {
        public nuint Bytes;
        public delegate* unmanaged<int, nint***, uint*, int> GetModuleFunctionTable;
    }

    /// <summary><c>NvtxExportTableVersionInfo</c>.</summary>
    private struct VersionInfo
    {
        public nuint Bytes;
        public ulong Version;
        public delegate* unmanaged<uint, void> SetInjectionNvtxVersion;
    }
}
