using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;

namespace Engine.Tests.Devices.Cpu;

/// <summary>Runs a job at a given vector width. The runtime emulates widths that the hardware does not have.</summary>
internal static class Widths
{
    public static readonly int[] All = [128, 256, 512];

    public static void Run<T, TJob>(int width, TJob job)
        where T : unmanaged
        where TJob : struct, ISimdJob<T>
    {
        switch (width)
        {
            case 128:
                job.Run<Simd128<T>, Vector128<T>>();
                break;
            case 256:
                job.Run<Simd256<T>, Vector256<T>>();
                break;
            default:
                job.Run<Simd512<T>, Vector512<T>>();
                break;
        }
    }
}
