using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Compiles loops to vector code at run time. Every value is a local variable. Every term is a call of its row's
/// <see cref="IMap.Map"/>, which the JIT inlines, so that only loads and stores touch memory.
/// </summary>
internal static class LoopCode
{
    private static readonly ConcurrentDictionary<LoopBody, LoopFunction> s_kernels = new();

    /// <exception cref="EngineException">
    /// The process may not generate code, or there is no code for such elements.
    /// </exception>
    public static LoopFunction Compile(LoopBody body)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            throw new EngineException(
                "The CPU's loops are compiled at run time, and this program forbids that: it is set up for native code "
                + "made in advance. Set PublishAot to false, in a file for 'dotnet run FILE.cs' by the line "
                + "#:property PublishAot=false.");
        }

        LoopBody key = body with { Steps = [.. body.Steps.Select(WithoutNumbers)] };
        return s_kernels.GetOrAdd(key, static key => Promotion.Computed(key.DType).Call(new Emitter(), key));
    }

    /// <summary>Returns a step without what does not change its code: shapes and constants.</summary>
    private static LoopStep WithoutNumbers(LoopStep step) => step with
    {
        Composite = step.Composite is { } composite
            ? composite with { Shape = Shape.Scalar, Constants = new double[composite.Constants.Length] }
            : null,
    };

    private sealed class Emitter : IForElements<LoopBody, LoopFunction>
    {
        public LoopFunction For<T>(LoopBody body) where T : unmanaged, INumber<T> => Simd.Width switch
        {
            64 => new LoopEmitter<Simd512<T>, Vector512<T>, T>(body).Emit(),
            32 => new LoopEmitter<Simd256<T>, Vector256<T>, T>(body).Emit(),
            _ => new LoopEmitter<Simd128<T>, Vector128<T>, T>(body).Emit(),
        };
    }
}
