using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// A GPU's primary context, which all CUDA libraries of the process share; released after everything created in it.
/// </summary>
internal sealed unsafe class ContextHandle : SafeHandle
{
    private readonly int _device;

    /// <exception cref="CudaException">The driver cannot provide it.</exception>
    public ContextHandle(Gpu gpu) : base(0, ownsHandle: true)
    {
        _device = gpu.Device;
        nint context;
        Driver.Check(DriverApi.cuDevicePrimaryCtxRetain(&context, _device));
        SetHandle(context);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes the context current on the calling thread until the scope is disposed of.</summary>
    public Scope Enter() => new(handle);

    protected override bool ReleaseHandle() => DriverApi.cuDevicePrimaryCtxRelease_v2(_device) == 0;

    public readonly ref struct Scope
    {
        private readonly nint _context;

        public Scope(nint context)
        {
            Driver.Check(DriverApi.cuCtxPushCurrent_v2(context));
            _context = context;
        }

        public void Dispose()
        {
            nint popped;
            Driver.Check(DriverApi.cuCtxPopCurrent_v2(&popped));
            System.Diagnostics.Debug.Assert(popped == _context, "Contexts are left in the order they were entered in.");
        }
    }
}

/// <summary>A handle created in a context, which it keeps alive.</summary>
internal abstract class CudaHandle : SafeHandle
{
    protected CudaHandle(ContextHandle context) : base(0, ownsHandle: true) => Context = context;

    public ContextHandle Context { get; }

    public sealed override bool IsInvalid => handle == 0;

    /// <summary>Takes ownership of a new handle.</summary>
    protected void Own(nint made)
    {
        bool added = false;
        Context.DangerousAddRef(ref added);
        SetHandle(made);
    }

    /// <summary>Frees the handle and returns the driver's result.</summary>
    protected abstract int Free(nint owned);

    protected sealed override bool ReleaseHandle()
    {
        try
        {
            using (Context.Enter())
            {
                return Free(handle) == 0;
            }
        }
        catch (CudaException)
        {
            return false;
        }
        finally
        {
            Context.DangerousRelease();
        }
    }
}
