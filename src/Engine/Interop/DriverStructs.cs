using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>The kind of memory in a pool: <c>CUmemPoolProps</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryPoolProperties
{
    /// <summary><c>CU_MEM_ALLOCATION_TYPE_PINNED</c> and <c>CU_MEM_LOCATION_TYPE_DEVICE</c>.</summary>
    public const int Pinned = 1, OnDevice = 1;

    public int AllocationType;
    public int HandleTypes;
    public int LocationType;
    public int Device;
    public nint SecurityAttributes;

    // From CUDA 12 on, the first field is the most memory that the pool may take, 0 for no limit.
    public Reserved Rest;

    [InlineArray(64)]
    public struct Reserved
    {
        private byte _first;
    }
}

/// <summary>A launch with attributes: <c>CUlaunchConfig</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LaunchConfiguration
{
    public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
    public nint Stream;
    public LaunchAttribute* Attributes;
    public uint AttributeCount;
}

/// <summary>One of its attributes: <c>CUlaunchAttribute</c>, a number, padding and a value of 64 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal struct LaunchAttribute
{
    /// <summary>The values of <c>CUlaunchAttributeID</c> that are used.</summary>
    public const int Cooperative = 2, ClusterDimension = 4;

    [FieldOffset(0)]
    public int Id;

    [FieldOffset(8)]
    public int X;

    [FieldOffset(12)]
    public int Y;

    [FieldOffset(16)]
    public int Z;
}
