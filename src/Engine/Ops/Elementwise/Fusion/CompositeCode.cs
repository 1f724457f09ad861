using System.Collections.Concurrent;
using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Computes a run of elements, a whole number of vectors, from and to the given addresses. An input that repeats is one
/// number, and so is an output that is joined. Each call passes the constants, so that composites that differ only in
/// constants share a kernel.
/// </summary>
internal unsafe delegate void CompositeKernel(nint* inputs, nint* outputs, double* constants, nint count);

/// <summary>Describes how a composite reads an input: its dtype, and whether one number serves a whole run.</summary>
internal readonly record struct CompositeInput(DType DType, bool Repeats);

/// <summary>
/// Compiles composites to vector loops at run time. Every value is a local variable of the loop. Every term is a call
/// of its row's <see cref="IMap.Map"/>, which the JIT inlines, so that only inputs and outputs touch memory.
/// </summary>
internal static class CompositeCode
{
    private static readonly ConcurrentDictionary<Key, CompositeKernel> s_kernels = new();

    /// <summary>Returns the number of elements that a kernel handles at once.</summary>
    public static int Lanes(DType dtype) => Simd.Width / dtype.Size();

    /// <param name="composite">The composite.</param>
    /// <param name="inputs">The way in which it reads each input.</param>
    /// <param name="joins">
    /// For each output, the <see cref="IReduction"/> that joins its elements; null if the output is stored.
    /// </param>
    /// <exception cref="EngineException">
    /// The process may not generate code, or there is no code for such elements.
    /// </exception>
    public static CompositeKernel Compile(Composite composite, CompositeInput[] inputs, Type?[] joins)
    {
        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            throw new EngineException(
                "The CPU's loops are compiled at run time, and this program forbids that: it is set up for native code "
                + "made in advance. Set PublishAot to false, in a file for 'dotnet run FILE.cs' by the line "
                + "#:property PublishAot=false.");
        }

        var key = new Key(
            composite with { Shape = Shape.Scalar, Constants = new double[composite.Constants.Length] }, inputs, joins);
        return s_kernels.GetOrAdd(key, static key => Promotion.Computed(key.Composite.DType).Call(new Emitter(), key));
    }

    private sealed class Emitter : IForElements<Key, CompositeKernel>
    {
        public CompositeKernel For<T>(Key key) where T : unmanaged, INumber<T> => Simd.Width switch
        {
            64 => new CompositeEmitter<Simd512<T>, Vector512<T>, T>(key.Composite, key.Inputs, key.Joins).Emit(),
            32 => new CompositeEmitter<Simd256<T>, Vector256<T>, T>(key.Composite, key.Inputs, key.Joins).Emit(),
            _ => new CompositeEmitter<Simd128<T>, Vector128<T>, T>(key.Composite, key.Inputs, key.Joins).Emit(),
        };
    }

    private sealed record Key(Composite Composite, CompositeInput[] Inputs, Type?[] Joins)
    {
        public bool Equals(Key? other) => other is not null && Composite.Equals(other.Composite)
            && Inputs.AsSpan().SequenceEqual(other.Inputs) && Joins.AsSpan().SequenceEqual(other.Joins);

        public override int GetHashCode() => Composite.GetHashCode();
    }
}

/// <summary>Writes the loop of one composite for one vector width and element type.</summary>
internal sealed unsafe class CompositeEmitter<S, V, T>(Composite composite, CompositeInput[] inputs, Type?[] joins)
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    /// <summary>
    /// The number of vectors that an iteration handles if outputs are joined. Each vector has its own total, because an
    /// addition waits for the previous one.
    /// </summary>
    private const int Turn = 4;

    private static readonly MethodInfo s_map = typeof(IMap).GetMethod(nameof(IMap.Map))!
        .MakeGenericMethod(typeof(S), typeof(V), typeof(T));

    private static readonly Type s_simd = typeof(ISimd<V, T>);

    private readonly DynamicMethod _method = new(
        "composite",
        null,
        [typeof(nint*), typeof(nint*), typeof(double*), typeof(nint)],
        typeof(CompositeCode).Module,
        skipVisibility: true);

    private readonly LocalBuilder[] _values = new LocalBuilder[composite.FirstTerm + composite.Terms.Length];

    private ILGenerator Il => field ??= _method.GetILGenerator();

    public CompositeKernel Emit()
    {
        LocalBuilder[] sources = [.. inputs.Select((_, i) => Pointer(argument: 0, i))];
        LocalBuilder[] targets = [.. composite.Outputs.Select((_, i) => Pointer(argument: 1, i))];
        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] = Il.DeclareLocal(typeof(V));
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            if (inputs[i].Repeats)
            {
                Il.Emit(OpCodes.Ldloc, sources[i]);
                Il.Emit(OpCodes.Call, Helper(nameof(SplatFrom), inputs[i].DType));
                Il.Emit(OpCodes.Stloc, _values[i]);
            }
        }

        for (int i = 0; i < composite.Constants.Length; i++)
        {
            Il.Emit(OpCodes.Ldarg_2);
            Il.Emit(OpCodes.Ldc_I4, i * sizeof(double));
            Il.Emit(OpCodes.Add);
            Il.Emit(OpCodes.Ldind_R8);
            Il.Emit(OpCodes.Constrained, typeof(S));
            Il.Emit(OpCodes.Call, s_simd.GetMethod(nameof(ISimd<V, T>.Const))!);
            Il.Emit(OpCodes.Stloc, _values[composite.Inputs + i]);
        }

        // The index counts bytes of T, so that the addresses need no multiplication.
        LocalBuilder at = Il.DeclareLocal(typeof(nint)), end = Il.DeclareLocal(typeof(nint));
        Il.Emit(OpCodes.Ldc_I4_0);
        Il.Emit(OpCodes.Conv_I);
        Il.Emit(OpCodes.Stloc, at);
        Il.Emit(OpCodes.Ldarg_3);
        Il.Emit(OpCodes.Ldc_I4, sizeof(T));
        Il.Emit(OpCodes.Mul);
        Il.Emit(OpCodes.Stloc, end);
        LocalBuilder[]?[] totals = [.. joins.Select(Totals)];
        if (totals.Any(joined => joined is not null))
        {
            EmitLoop(Turn);
        }

        EmitLoop(1);
        for (int i = 0; i < targets.Length; i++)
        {
            if (totals[i] is { } joined)
            {
                Il.Emit(OpCodes.Ldloc, targets[i]);
                Array.ForEach(joined, total => Il.Emit(OpCodes.Ldloc, total));
                Il.Emit(OpCodes.Call, Helper(nameof(StoreTotal)).MakeGenericMethod(joins[i]!));
            }
        }

        Il.Emit(OpCodes.Ret);
        return _method.CreateDelegate<CompositeKernel>();

        void EmitLoop(int vectors)
        {
            Label body = Il.DefineLabel(), test = Il.DefineLabel();
            Il.Emit(OpCodes.Br, test);
            Il.MarkLabel(body);
            for (int vector = 0; vector < vectors; vector++)
            {
                EmitLoads(sources, at);
                EmitTerms();
                EmitStores(targets, at, totals, vector);
                Il.Emit(OpCodes.Ldloc, at);
                Il.Emit(OpCodes.Ldc_I4, Unsafe.SizeOf<V>());
                Il.Emit(OpCodes.Add);
                Il.Emit(OpCodes.Stloc, at);
            }

            Il.MarkLabel(test);
            Il.Emit(OpCodes.Ldloc, at);
            Il.Emit(OpCodes.Ldloc, end);
            Il.Emit(OpCodes.Ldc_I4, (vectors - 1) * Unsafe.SizeOf<V>());
            Il.Emit(OpCodes.Sub);
            Il.Emit(OpCodes.Blt, body);
        }
    }

    /// <summary>
    /// Declares the totals of an output, and sets them to the reduction's start value; null if the output is stored.
    /// </summary>
    private LocalBuilder[]? Totals(Type? join)
    {
        if (join is null)
        {
            return null;
        }

        LocalBuilder[] totals = [.. Enumerable.Range(0, Turn).Select(_ => Il.DeclareLocal(typeof(V)))];
        foreach (LocalBuilder total in totals)
        {
            Il.Emit(OpCodes.Call, Helper(nameof(Start)).MakeGenericMethod(join));
            Il.Emit(OpCodes.Stloc, total);
        }

        return totals;
    }

    private LocalBuilder Pointer(short argument, int index)
    {
        LocalBuilder pointer = Il.DeclareLocal(typeof(nint));
        Il.Emit(OpCodes.Ldarg, argument);
        Il.Emit(OpCodes.Ldc_I4, index * sizeof(nint));
        Il.Emit(OpCodes.Add);
        Il.Emit(OpCodes.Ldind_I);
        Il.Emit(OpCodes.Stloc, pointer);
        return pointer;
    }

    private void EmitLoads(LocalBuilder[] sources, LocalBuilder at)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            if (!inputs[i].Repeats)
            {
                EmitAddress(sources[i], at, inputs[i].DType.Size());
                Il.Emit(OpCodes.Call, Helper(nameof(LoadFrom), inputs[i].DType));
                Il.Emit(OpCodes.Stloc, _values[i]);
            }
        }
    }

    private void EmitTerms()
    {
        for (int i = 0; i < composite.Terms.Length; i++)
        {
            (ElementRow row, int a, int b, int c) = composite.Terms[i];
            foreach (int operand in (int[])[a, row.Arity > 1 ? b : a, row.Arity > 2 ? c : a])
            {
                Il.Emit(OpCodes.Ldloc, _values[operand]);
            }

            Il.Emit(OpCodes.Constrained, row.Map);
            Il.Emit(OpCodes.Call, s_map);
            Il.Emit(OpCodes.Stloc, _values[composite.FirstTerm + i]);
        }
    }

    private void EmitStores(LocalBuilder[] targets, LocalBuilder at, LocalBuilder[]?[] totals, int vector)
    {
        for (int i = 0; i < targets.Length; i++)
        {
            LocalBuilder value = _values[composite.Outputs[i]];
            if (totals[i] is { } joined)
            {
                Il.Emit(OpCodes.Ldloc, joined[vector]);
                Il.Emit(OpCodes.Ldloc, value);
                Il.Emit(OpCodes.Call, Helper(nameof(Join)).MakeGenericMethod(joins[i]!));
                Il.Emit(OpCodes.Stloc, joined[vector]);
                continue;
            }

            bool isMask = composite.IsMask(composite.Outputs[i]);
            DType type = composite.TypeOf(composite.Outputs[i]);
            EmitAddress(targets[i], at, type.Size());
            Il.Emit(OpCodes.Ldloc, value);
            Il.Emit(OpCodes.Call, isMask ? Helper(nameof(StoreMask))
                : type.IsHalf() ? Helper(nameof(StoreAs), type)
                : Helper(nameof(Store)));
        }
    }

    private void EmitAddress(LocalBuilder start, LocalBuilder at, int size)
    {
        Il.Emit(OpCodes.Ldloc, start);
        Il.Emit(OpCodes.Ldloc, at);
        int shift = BitOperations.Log2((uint)size) - BitOperations.Log2((uint)sizeof(T));
        if (shift != 0)
        {
            Il.Emit(OpCodes.Ldc_I4, Math.Abs(shift));
            Il.Emit(shift < 0 ? OpCodes.Shr : OpCodes.Shl);
        }

        Il.Emit(OpCodes.Add);
    }

    private static MethodInfo Helper(string name) => typeof(CompositeEmitter<S, V, T>)
        .GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

    private static MethodInfo Helper(string name, DType from) => from.Call(new HelperOf(), name);

    private sealed class HelperOf : IForElements<string, MethodInfo>
    {
        public MethodInfo For<TFrom>(string name) where TFrom : unmanaged, INumber<TFrom> =>
            Helper(name).MakeGenericMethod(typeof(TFrom));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Start<TRow>() where TRow : struct, IReduction => S.Splat(T.CreateSaturating(TRow.Start));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Join<TRow>(V total, V value) where TRow : struct, IReduction => TRow.Join<S, V, T>(total, value);

    private static void StoreTotal<TRow>(nint address, V a, V b, V c, V d) where TRow : struct, IReduction =>
        *(T*)address = TRow.Lanes<S, V, T>(Join<TRow>(Join<TRow>(a, b), Join<TRow>(c, d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SplatFrom<TFrom>(nint address) where TFrom : unmanaged, INumber<TFrom> =>
        S.Splat(T.CreateTruncating(*(TFrom*)address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LoadFrom<TFrom>(nint address) where TFrom : unmanaged, INumber<TFrom> =>
        typeof(TFrom) == typeof(T) ? S.Load((T*)address) : Convert((TFrom*)address);

    private static V Convert<TFrom>(TFrom* from) where TFrom : unmanaged, INumber<TFrom>
    {
        T* lanes = stackalloc T[S.Count];
        for (int i = 0; i < S.Count; i++)
        {
            lanes[i] = T.CreateTruncating(from[i]);
        }

        return S.Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(nint address, V value) => S.Store((T*)address, value);

    private static void StoreAs<TTo>(nint address, V value) where TTo : unmanaged, INumber<TTo>
    {
        T* lanes = stackalloc T[S.Count];
        S.Store(lanes, value);
        for (int i = 0; i < S.Count; i++)
        {
            ((TTo*)address)[i] = TTo.CreateTruncating(lanes[i]);
        }
    }

    private static void StoreMask(nint address, V mask)
    {
        ulong bits = S.MaskBits(mask);
        for (int i = 0; i < S.Count; i++)
        {
            ((byte*)address)[i] = (byte)((bits >> i) & 1);
        }
    }
}
