using System.Runtime.InteropServices;

namespace Engine.Tests.Simt;

/// <summary>The base of the double's tests: a context, a module and short names for the calls.</summary>
[Category("simt")]
[NonParallelizable]
public abstract unsafe class SimtTests
{
    private nint _context;

    private protected string Kernels { get; init; } = "good.cu";

    /// <summary>How the kernels are compiled.</summary>
    private protected FrontEnd Maker { get; init; } = FrontEnd.Cpp;

    private protected nint Module { get; private set; }

    /// <summary>The number of handles that other code of this process holds.</summary>
    private protected long HandlesOfOthers { get; private set; }

    [OneTimeSetUp]
    public void Begin()
    {
        _ = SimtDouble.Folder;
        nint context = 0;
        Good(((delegate* unmanaged<uint, int>)SimtDouble.Cuda("cuInit"))(0));
        Good(((delegate* unmanaged<nint*, int, int>)SimtDouble.Cuda("cuDevicePrimaryCtxRetain"))(&context, 0));
        _context = context;
    }

    [OneTimeTearDown]
    public void End()
    {
        if (_context != 0)
        {
            Good(((delegate* unmanaged<int, int>)SimtDouble.Cuda("cuDevicePrimaryCtxRelease_v2"))(0));
        }
    }

    /// <summary>The image that is loaded as a module.</summary>
    private protected virtual byte[] Image => SimtDouble.Compile(Kernels, Maker);

    [SetUp]
    public void SetUp()
    {
        SimtDouble.Mark();
        HandlesOfOthers = SimtDouble.LiveHandles();
        Good(((delegate* unmanaged<nint, int>)SimtDouble.Cuda("cuCtxPushCurrent_v2"))(_context));
        if (Image.Length > 1)
        {
            Load();
        }
    }

    /// <summary>Loads the image.</summary>
    private protected void Load()
    {
        nint module = 0;
        fixed (byte* image = Image)
        {
            Good(((delegate* unmanaged<nint*, byte*, int>)SimtDouble.Cuda("cuModuleLoadData"))(&module, image));
        }

        Module = module;
    }

    [TearDown]
    public void Unload()
    {
        foreach (string name in (string[])["SIMT_MEMORY", "SIMT_SEED", "SIMT_REPORT", "SIMT_MULTIPROCESSORS"])
        {
            SimtDouble.Set(name, null);
        }

        nint context;
        ((delegate* unmanaged<nint*, int>)SimtDouble.Cuda("cuCtxPopCurrent_v2"))(&context);
        SimtDouble.Rewind();
        Assert.That(SimtDouble.LiveHandles(), Is.EqualTo(HandlesOfOthers), SimtDouble.LiveReport());
    }

    private protected static void Good(int code) =>
        Assert.That(code, Is.Zero, () => SimtDouble.LastReport());

    private protected nint Function(string name)
    {
        nint function = 0;
        using var text = new SimtDouble.CStrings(name);
        Good(((delegate* unmanaged<nint*, nint, byte*, int>)SimtDouble.Cuda("cuModuleGetFunction"))(
            &function, Module, text[0]));
        return function;
    }

    private protected static ulong Allocate(int bytes)
    {
        ulong address = 0;
        Good(((delegate* unmanaged<ulong*, nuint, int>)SimtDouble.Cuda("cuMemAlloc_v2"))(&address, (nuint)bytes));
        return address;
    }

    private protected static ulong Upload<T>(T[] values)
        where T : unmanaged
    {
        ulong address = Allocate(values.Length * sizeof(T));
        fixed (T* p = values)
        {
            Good(((delegate* unmanaged<ulong, void*, nuint, int>)SimtDouble.Cuda("cuMemcpyHtoD_v2"))(
                address, p, (nuint)(values.Length * sizeof(T))));
        }

        return address;
    }

    private protected static T[] Download<T>(ulong address, int count)
        where T : unmanaged
    {
        T[] values = new T[count];
        fixed (T* p = values)
        {
            Good(((delegate* unmanaged<void*, ulong, nuint, int>)SimtDouble.Cuda("cuMemcpyDtoH_v2"))(
                p, address, (nuint)(count * sizeof(T))));
        }

        return values;
    }

    private protected static int Synchronize() => ((delegate* unmanaged<int>)SimtDouble.Cuda("cuCtxSynchronize"))();

    /// <summary>Puts a launch in the stream's queue; arguments are addresses (ulong), int or float.</summary>
    private protected int Launch(string kernel, Dims dims, params object[] arguments)
    {
        nint function = Function(kernel);
        ulong* values = stackalloc ulong[arguments.Length];
        void** pointers = stackalloc void*[arguments.Length];
        for (int i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i] switch
            {
                ulong address => address,
                float number => BitConverter.SingleToUInt32Bits(number),
                int number => (uint)number,
                _ => throw new ArgumentException("An argument is ulong, int or float."),
            };
            pointers[i] = values + i;
        }

        (uint gx, uint gy) = dims.Grid;
        if (dims.Cooperative)
        {
            return ((delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, int>)
                SimtDouble.Cuda("cuLaunchCooperativeKernel"))(
                function, gx, gy, 1, dims.Block, 1, 1, dims.Shared, dims.Stream, pointers);
        }

        return ((delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)
            SimtDouble.Cuda("cuLaunchKernel"))(
            function, gx, gy, 1, dims.Block, 1, 1, dims.Shared, dims.Stream, pointers, null);
    }

    private protected static string ErrorText(int code)
    {
        byte* text;
        ((delegate* unmanaged<int, byte**, int>)SimtDouble.Cuda("cuGetErrorString"))(code, &text);
        return Marshal.PtrToStringUTF8((nint)text) ?? "";
    }

    internal sealed record Dims((uint X, uint Y) Grid, uint Block)
    {
        public uint Shared { get; init; }

        public nint Stream { get; init; }

        public bool Cooperative { get; init; }
    }
}
