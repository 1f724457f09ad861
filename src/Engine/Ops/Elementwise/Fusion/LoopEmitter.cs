using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Writes a loop for one vector width and element type.</summary>
internal sealed unsafe class LoopEmitter<S, V, T>(LoopBody body)
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    /// <summary>
    /// The number of vectors that an iteration handles if values are joined. Each vector has its own total, because an
    /// addition waits for the previous one.
    /// </summary>
    private const int Turn = 4;

    private static readonly MethodInfo s_map = typeof(IMap).GetMethod(nameof(IMap.Map))!
        .MakeGenericMethod(typeof(S), typeof(V), typeof(T));

    private static readonly Type s_simd = typeof(ISimd<V, T>);

    private readonly DynamicMethod _method = new(
        "loop",
        null,
        [typeof(nint*), typeof(double*), typeof(double*), typeof(nint)],
        typeof(LoopCode).Module,
        skipVisibility: true);

    private readonly LocalBuilder?[] _pointers = new LocalBuilder?[body.Values.Length];

    // The variable of each value, as a number also for a mask.
    private readonly LocalBuilder[] _values = new LocalBuilder[body.Values.Length];

    // The variables of each step's terms, and of its constants.
    private readonly LocalBuilder[][] _numbers = new LocalBuilder[body.Steps.Length][];

    private readonly LocalBuilder[]?[] _totals = new LocalBuilder[]?[body.Steps.Length];

    private ILGenerator Il => field ??= _method.GetILGenerator();

    private LocalBuilder At => field ??= Il.DeclareLocal(typeof(nint));

    private LocalBuilder End => field ??= Il.DeclareLocal(typeof(nint));

    public LoopFunction Emit()
    {
        for (int value = 0; value < _values.Length; value++)
        {
            _values[value] = Il.DeclareLocal(typeof(V));
            if (body.Values[value] is { IsLoaded: true } or { IsStored: true })
            {
                _pointers[value] = Pointer(value);
            }

            if (body.Values[value] is { IsNumber: true, IsLoaded: true })
            {
                Il.Emit(OpCodes.Ldloc, _pointers[value]!);
                Il.Emit(OpCodes.Call, Helper(nameof(SplatFrom), body.Values[value].DType));
                Il.Emit(OpCodes.Stloc, _values[value]);
            }
        }

        // The index counts bytes of T, so that the addresses need no multiplication.
        Il.Emit(OpCodes.Ldc_I4_0);
        Il.Emit(OpCodes.Conv_I);
        Il.Emit(OpCodes.Stloc, At);
        Il.Emit(OpCodes.Ldarg_3);
        Il.Emit(OpCodes.Ldc_I4, sizeof(T));
        Il.Emit(OpCodes.Mul);
        Il.Emit(OpCodes.Stloc, End);
        EmitConstants();
        EmitSteps(numbers: true, vector: 0);
        EmitTotals();
        if (body.IsPartial)
        {
            EmitElements(vector: 0);
        }
        else if (body.Steps.Any(step => !step.IsNumber))
        {
            if (_totals.Any(total => total is not null))
            {
                EmitLoop(Turn);
            }

            EmitLoop(1);
        }

        EmitJoinedTotals();
        Il.Emit(OpCodes.Ret);
        return _method.CreateDelegate<LoopFunction>();
    }

    private void EmitLoop(int vectors)
    {
        Label start = Il.DefineLabel(), test = Il.DefineLabel();
        Il.Emit(OpCodes.Br, test);
        Il.MarkLabel(start);
        for (int vector = 0; vector < vectors; vector++)
        {
            EmitElements(vector);
            Il.Emit(OpCodes.Ldloc, At);
            Il.Emit(OpCodes.Ldc_I4, Unsafe.SizeOf<V>());
            Il.Emit(OpCodes.Add);
            Il.Emit(OpCodes.Stloc, At);
        }

        Il.MarkLabel(test);
        Il.Emit(OpCodes.Ldloc, At);
        Il.Emit(OpCodes.Ldloc, End);
        Il.Emit(OpCodes.Ldc_I4, (vectors - 1) * Unsafe.SizeOf<V>());
        Il.Emit(OpCodes.Sub);
        Il.Emit(OpCodes.Blt, start);
    }

    private LocalBuilder Pointer(int value)
    {
        LocalBuilder pointer = Il.DeclareLocal(typeof(nint));
        Il.Emit(OpCodes.Ldarg_0);
        Il.Emit(OpCodes.Ldc_I4, value * sizeof(nint));
        Il.Emit(OpCodes.Add);
        Il.Emit(OpCodes.Ldind_I);
        Il.Emit(OpCodes.Stloc, pointer);
        return pointer;
    }

    /// <summary>Loads the constants, and declares variables for the terms.</summary>
    private void EmitConstants()
    {
        int constant = 0;
        for (int i = 0; i < body.Steps.Length; i++)
        {
            if (body.Steps[i].Composite is not { } composite)
            {
                continue;
            }

            _numbers[i] = [.. Enumerable.Range(0, composite.Constants.Length + composite.Terms.Length)
                .Select(_ => Il.DeclareLocal(typeof(V)))];
            for (int j = 0; j < composite.Constants.Length; j++, constant++)
            {
                Il.Emit(OpCodes.Ldarg_2);
                Il.Emit(OpCodes.Ldc_I4, constant * sizeof(double));
                Il.Emit(OpCodes.Add);
                Il.Emit(OpCodes.Ldind_R8);
                Il.Emit(OpCodes.Constrained, typeof(S));
                Il.Emit(OpCodes.Call, s_simd.GetMethod(nameof(ISimd<V, T>.Const))!);
                Il.Emit(OpCodes.Stloc, _numbers[i][j]);
            }
        }
    }

    /// <summary>Declares the totals of each join, and sets them to the reduction's start value.</summary>
    private void EmitTotals()
    {
        for (int i = 0; i < body.Steps.Length; i++)
        {
            if (body.Steps[i].Join is { } join)
            {
                LocalBuilder[] totals = [.. Enumerable.Range(0, Turn).Select(_ => Il.DeclareLocal(typeof(V)))];
                foreach (LocalBuilder total in totals)
                {
                    Il.Emit(OpCodes.Call, Helper(nameof(Start)).MakeGenericMethod(join));
                    Il.Emit(OpCodes.Stloc, total);
                }

                _totals[i] = totals;
            }
        }
    }

    private void EmitJoinedTotals()
    {
        int index = 0;
        for (int i = 0; i < body.Steps.Length; i++)
        {
            if (_totals[i] is { } totals)
            {
                Il.Emit(OpCodes.Ldarg_1);
                Il.Emit(OpCodes.Ldc_I4, index++ * sizeof(double));
                Il.Emit(OpCodes.Add);
                Array.ForEach(totals, total => Il.Emit(OpCodes.Ldloc, total));
                Il.Emit(OpCodes.Call, Helper(nameof(AddTotal)).MakeGenericMethod(body.Steps[i].Join!));
            }
        }
    }

    private void EmitElements(int vector)
    {
        for (int value = 0; value < _values.Length; value++)
        {
            if (body.Values[value] is { IsNumber: false, IsLoaded: true, DType: var type })
            {
                EmitAddress(value);
                if (body.IsPartial)
                {
                    Il.Emit(OpCodes.Ldarg_3);
                }

                Il.Emit(OpCodes.Call, Helper(body.IsPartial ? nameof(LoadPartialFrom) : nameof(LoadFrom), type));
                Il.Emit(OpCodes.Stloc, _values[value]);
            }
        }

        EmitSteps(numbers: false, vector);
    }

    private void EmitSteps(bool numbers, int vector)
    {
        for (int i = 0; i < body.Steps.Length; i++)
        {
            if (body.Steps[i].IsNumber != numbers)
            {
                continue;
            }

            if (_totals[i] is { } totals)
            {
                Il.Emit(OpCodes.Ldloc, totals[vector]);
                Il.Emit(OpCodes.Ldloc, _values[body.Steps[i].Inputs[0]]);
                if (body.IsPartial)
                {
                    Il.Emit(OpCodes.Ldarg_3);
                    Il.Emit(OpCodes.Call, Helper(nameof(JoinPartial)).MakeGenericMethod(body.Steps[i].Join!));
                }
                else
                {
                    Il.Emit(OpCodes.Call, Helper(nameof(Join)).MakeGenericMethod(body.Steps[i].Join!));
                }

                Il.Emit(OpCodes.Stloc, totals[vector]);
            }
            else
            {
                EmitComposite(body.Steps[i], _numbers[i]);
            }
        }
    }

    private void EmitComposite(LoopStep step, LocalBuilder[] own)
    {
        Composite composite = step.Composite!;
        LocalBuilder[] numbers = [.. step.Inputs.Select(value => _values[value]), .. own];
        for (int i = 0; i < composite.Terms.Length; i++)
        {
            (ElementRow row, int a, int b, int c) = composite.Terms[i];
            foreach (int operand in (int[])[a, row.Arity > 1 ? b : a, row.Arity > 2 ? c : a])
            {
                Il.Emit(OpCodes.Ldloc, numbers[operand]);
            }

            Il.Emit(OpCodes.Constrained, row.Map);
            Il.Emit(OpCodes.Call, s_map);
            Il.Emit(OpCodes.Stloc, numbers[composite.FirstTerm + i]);
        }

        for (int i = 0; i < composite.Outputs.Length; i++)
        {
            int value = step.Output + i, number = composite.Outputs[i];
            bool isMask = composite.IsMask(number);
            if (body.Values[value].IsStored)
            {
                EmitStore(value, numbers[number], step.IsNumber, isMask);
            }

            Il.Emit(OpCodes.Ldloc, numbers[number]);
            if (isMask)
            {
                Il.Emit(OpCodes.Call, Helper(nameof(FromMask)));
            }

            Il.Emit(OpCodes.Stloc, _values[value]);
        }
    }

    private void EmitStore(int value, LocalBuilder from, bool isNumber, bool isMask)
    {
        DType type = body.Values[value].DType;
        string whole = isMask ? nameof(StoreMask) : type.IsHalf() ? nameof(StoreAs) : nameof(Store);
        if (isNumber)
        {
            Il.Emit(OpCodes.Ldloc, _pointers[value]!);
        }
        else
        {
            EmitAddress(value);
        }

        Il.Emit(OpCodes.Ldloc, from);
        if (isNumber)
        {
            Il.Emit(OpCodes.Ldc_I4_1);
            Il.Emit(OpCodes.Conv_I);
        }
        else if (body.IsPartial)
        {
            Il.Emit(OpCodes.Ldarg_3);
        }
        else if (whole != nameof(Store))
        {
            Il.Emit(OpCodes.Ldc_I4, S.Count);
            Il.Emit(OpCodes.Conv_I);
        }

        Il.Emit(OpCodes.Call, whole switch
        {
            nameof(StoreAs) => Helper(whole, type),
            nameof(Store) when isNumber || body.IsPartial => Helper(nameof(StorePartial)),
            _ => Helper(whole),
        });
    }

    private void EmitAddress(int value)
    {
        Il.Emit(OpCodes.Ldloc, _pointers[value]!);
        Il.Emit(OpCodes.Ldloc, At);
        int shift = BitOperations.Log2((uint)body.Values[value].DType.Size()) - BitOperations.Log2((uint)sizeof(T));
        if (shift != 0)
        {
            Il.Emit(OpCodes.Ldc_I4, Math.Abs(shift));
            Il.Emit(shift < 0 ? OpCodes.Shr : OpCodes.Shl);
        }

        Il.Emit(OpCodes.Add);
    }

    private static MethodInfo Helper(string name) => typeof(LoopEmitter<S, V, T>)
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

    private static V JoinPartial<TRow>(V total, V value, nint count) where TRow : struct, IReduction
    {
        T* lanes = stackalloc T[S.Count];
        S.Store(lanes, Start<TRow>());
        S.StorePartial(lanes, value, (int)count);
        return Join<TRow>(total, S.Load(lanes));
    }

    /// <summary>Joins the totals of a run to the total of the runs before it, whose rounding is negligible.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTotal<TRow>(double* total, V a, V b, V c, V d) where TRow : struct, IReduction
    {
        T joined = TRow.Lanes<S, V, T>(Join<TRow>(Join<TRow>(a, b), Join<TRow>(c, d)));
        *total = TRow.Join(*total, double.CreateTruncating(joined));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V FromMask(V mask) => S.And(mask, S.Const(1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SplatFrom<TFrom>(nint address) where TFrom : unmanaged, INumber<TFrom> =>
        S.Splat(T.CreateTruncating(*(TFrom*)address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LoadFrom<TFrom>(nint address) where TFrom : unmanaged, INumber<TFrom> =>
        typeof(TFrom) == typeof(T) ? S.Load((T*)address) : Convert((TFrom*)address, S.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LoadPartialFrom<TFrom>(nint address, nint count) where TFrom : unmanaged, INumber<TFrom> =>
        typeof(TFrom) == typeof(T) ? S.LoadPartial((T*)address, (int)count) : Convert((TFrom*)address, (int)count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Convert<TFrom>(TFrom* from, int count) where TFrom : unmanaged, INumber<TFrom> =>
        typeof(T) == typeof(float) && (typeof(TFrom) == typeof(Half) || typeof(TFrom) == typeof(BFloat16))
            ? HalfMath.Load<S, V, T, TFrom>((ushort*)from, count)
            : ConvertEach(from, count);

    private static V ConvertEach<TFrom>(TFrom* from, int count) where TFrom : unmanaged, INumber<TFrom>
    {
        T* lanes = stackalloc T[S.Count];
        S.Store(lanes, S.Zero);
        for (int i = 0; i < count; i++)
        {
            lanes[i] = T.CreateTruncating(from[i]);
        }

        return S.Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(nint address, V value) => S.Store((T*)address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePartial(nint address, V value, nint count) =>
        S.StorePartial((T*)address, value, (int)count);

    private static void StoreAs<TTo>(nint address, V value, nint count) where TTo : unmanaged, INumber<TTo>
    {
        if (typeof(T) == typeof(float))
        {
            HalfMath.Store<S, V, T, TTo>((ushort*)address, value, (int)count);
            return;
        }

        T* lanes = stackalloc T[S.Count];
        S.Store(lanes, value);
        for (int i = 0; i < count; i++)
        {
            ((TTo*)address)[i] = TTo.CreateTruncating(lanes[i]);
        }
    }

    private static void StoreMask(nint address, V mask, nint count)
    {
        ulong bits = S.MaskBits(mask);
        for (int i = 0; i < count; i++)
        {
            ((byte*)address)[i] = (byte)((bits >> i) & 1);
        }
    }
}
