using Engine.Interop;

namespace Engine.Tests.Simt;

/// <summary>The double's streams, graphs, limits and errors are those of the driver.</summary>
public unsafe class DriverTests : SimtTests
{
    private const int InvalidValue = 1, OutOfMemory = 2, InvalidImage = 200, InvalidHandle = 400, NotFound = 500;
    private const int NotReady = 600, OutOfResources = 701, TooLargeToCooperate = 720, CaptureUnsupported = 900;
    private const int CaptureInvalidated = 901, CaptureUnjoined = 904, CaptureIsolated = 905;
    private const uint NonBlocking = 1;

    [Test]
    public void Work_in_a_stream_is_done_when_somebody_waits_for_it()
    {
        nint stream = Stream();
        ulong data = Upload(new float[] { 1, 2, 3 });

        Good(Launch("reverse", new((1, 1), 32) { Shared = 12, Stream = stream }, data, 3));

        Assert.That(Download<float>(data, 3), Is.EqualTo(new float[] { 1, 2, 3 }), "nobody has waited yet");
        Good(Call("cuStreamSynchronize", stream));
        Assert.That(Download<float>(data, 3), Is.EqualTo(new float[] { 3, 2, 1 }));
    }

    [Test]
    public void A_copy_waits_for_the_default_stream()
    {
        ulong data = Upload(new float[] { 1, 2, 3 });

        Good(Launch("reverse", new((1, 1), 32) { Shared = 12 }, data, 3));

        Assert.That(Download<float>(data, 3), Is.EqualTo(new float[] { 3, 2, 1 }));
    }

    [Test]
    public void An_event_is_ready_when_the_work_before_it_is_done()
    {
        nint stream = Stream(), start = Event(), end = Event();
        ulong data = Upload(new float[] { 1, 2, 3 });
        Good(Call("cuEventRecord", start, stream));
        Good(Launch("reverse", new((1, 1), 32) { Shared = 12, Stream = stream }, data, 3));
        Good(Call("cuEventRecord", end, stream));
        float milliseconds = 0;
        var elapsed = (delegate* unmanaged<float*, nint, nint, int>)SimtDouble.Cuda("cuEventElapsedTime");

        Assert.That(elapsed(&milliseconds, start, end), Is.EqualTo(NotReady));
        Good(Call("cuEventSynchronize", end));

        Good(elapsed(&milliseconds, start, end));
        Assert.That(milliseconds, Is.GreaterThanOrEqualTo(0));
        Assert.That(Download<float>(data, 3), Is.EqualTo(new float[] { 3, 2, 1 }));
    }

    [Test]
    public void A_captured_graph_is_done_as_often_as_it_is_launched()
    {
        nint stream = Stream(), graph = 0, executable = 0;
        float[] ones = [1, 1, 1, 1];
        ulong sum = Upload(ones), one = Upload(ones);
        Good(Begin(stream));
        Good(Launch("add", new((1, 1), 32) { Stream = stream }, sum, sum, one, 4));
        Good(Launch("add", new((1, 1), 32) { Stream = stream }, sum, sum, one, 4));
        Good(End(stream, &graph));
        nuint nodes = 0;

        Good(((delegate* unmanaged<nint, nint, nuint*, int>)SimtDouble.Cuda("cuGraphGetNodes"))(graph, 0, &nodes));
        Good(((delegate* unmanaged<nint*, nint, ulong, int>)SimtDouble.Cuda("cuGraphInstantiateWithFlags"))(
            &executable, graph, 0));
        Good(Call("cuGraphDestroy", graph));
        Assert.That(Download<float>(sum, 4), Is.EqualTo(ones), "capturing does nothing");
        for (int i = 0; i < 3; i++)
        {
            Good(Call("cuGraphLaunch", executable, stream));
        }

        Good(Call("cuStreamSynchronize", stream));
        Assert.That(nodes, Is.EqualTo((nuint)2));
        Assert.That(Download<float>(sum, 4), Is.EqualTo(new float[] { 7, 7, 7, 7 }));
    }

    [Test]
    public void Waiting_for_a_stream_breaks_its_capture()
    {
        nint stream = Stream(), graph = 0;
        Good(Begin(stream));

        Assert.That(Call("cuStreamSynchronize", stream), Is.EqualTo(CaptureUnsupported));

        Assert.That(End(stream, &graph), Is.EqualTo(CaptureInvalidated));
    }

    [Test]
    public void A_second_stream_joins_a_capture_and_its_work_is_done_when_the_first_waits_for_it([Values] bool waits)
    {
        nint stream = Stream(), other = Stream(), forked = Event(), joined = Event(), graph = 0, executable = 0;
        float[] ones = [1, 1, 1, 1];
        ulong sum = Upload(ones), copy = Upload(ones), one = Upload(ones), none = Upload(new float[4]);
        Good(Begin(stream));
        Good(Launch("add", new((1, 1), 32) { Stream = stream }, sum, sum, one, 4));
        Good(Call("cuEventRecord", forked, stream));
        Good(Wait(other, forked));
        Good(Launch("add", new((1, 1), 32) { Stream = other }, sum, sum, one, 4));
        Good(Call("cuEventRecord", joined, other));
        Good(Launch("add", new((1, 1), 32) { Stream = stream }, copy, sum, none, 4));
        if (!waits)
        {
            Assert.That(End(stream, &graph), Is.EqualTo(CaptureUnjoined));
            return;
        }

        Good(Wait(stream, joined));
        Good(Launch("add", new((1, 1), 32) { Stream = stream }, sum, sum, one, 4));
        Good(End(stream, &graph));
        Good(((delegate* unmanaged<nint*, nint, ulong, int>)SimtDouble.Cuda("cuGraphInstantiateWithFlags"))(
            &executable, graph, 0));
        Good(Call("cuGraphLaunch", executable, stream));
        Good(Call("cuStreamSynchronize", stream));

        Assert.That(Download<float>(sum, 4), Is.EqualTo(new float[] { 4, 4, 4, 4 }));
        Assert.That(
            Download<float>(copy, 4), Is.EqualTo(new float[] { 2, 2, 2, 2 }), "it did not wait for the second stream");
        Assert.That(Wait(stream, joined), Is.EqualTo(CaptureIsolated), "the capture is over");
    }

    [Test]
    public void More_memory_than_the_limit_is_refused_and_less_is_still_to_be_had()
    {
        SimtDouble.Set("SIMT_MEMORY", "1000000");
        var allocate = (delegate* unmanaged<ulong*, nuint, int>)SimtDouble.Cuda("cuMemAlloc_v2");
        ulong first = Allocate(900_000), second;

        Assert.That(allocate(&second, 200_000), Is.EqualTo(OutOfMemory));

        Good(Call("cuMemFree_v2", (nint)first));
        Good(allocate(&second, 200_000));
    }

    [Test]
    public void Memory_of_a_pool_comes_and_goes_in_the_order_of_its_stream()
    {
        nint stream = Stream(), pool = Pool();
        SimtDouble.Set("SIMT_MEMORY", "1000000");
        var fill = (delegate* unmanaged<ulong, byte, nuint, nint, int>)SimtDouble.Cuda("cuMemsetD8Async");
        ulong first = Take(pool, 900_000, stream);
        Good(fill(first, 1, 900_000, stream));

        Good(Call("cuMemFreeAsync", (nint)first, stream));

        Assert.That(Call("cuMemFreeAsync", (nint)first, stream), Is.EqualTo(InvalidValue));
        Assert.That(fill(first, 1, 10, stream), Is.EqualTo(InvalidValue), "it is freed for what comes later");
        ulong second = Take(pool, 900_000, stream);
        Good(fill(second, 2, 900_000, stream));
        Good(Call("cuStreamSynchronize", stream));
        Assert.That(Download<byte>(second, 2), Is.EqualTo(new byte[] { 2, 2 }));
        Assert.That(SimtDouble.LiveHandles() - HandlesOfOthers, Is.EqualTo(4), "a module, a stream, a pool, a block");
        Good(Call("cuMemPoolDestroy", pool));
    }

    [Test]
    public void A_stream_that_does_not_wait_for_memory_of_another_is_out_of_bounds([Values] bool waits)
    {
        nint stream = Stream(), other = Stream(), allocated = Event();
        ulong data = Take(Pool(), 400, stream);
        Good(Call("cuEventRecord", allocated, stream));
        if (waits)
        {
            Good(Wait(other, allocated));
        }

        ulong ones = Upload(new float[100]);
        Good(Launch("add", new((1, 1), 128) { Stream = other }, data, ones, ones, 100));

        Assert.That(Call("cuStreamSynchronize", other), Is.EqualTo(waits ? 0 : 700));
    }

    [Test]
    public void Neither_allocates_nor_frees_a_stream_that_is_captured([Values] bool frees)
    {
        nint stream = Stream(), graph = 0, pool = Pool();
        ulong data = Take(pool, 100, stream), more;
        var take = (delegate* unmanaged<ulong*, nuint, nint, nint, int>)SimtDouble.Cuda("cuMemAllocFromPoolAsync");
        Good(Begin(stream));

        int code = frees ? Call("cuMemFreeAsync", (nint)data, stream) : take(&more, 100, pool, stream);

        Assert.That(code, Is.EqualTo(CaptureUnsupported));
        Assert.That(End(stream, &graph), Is.EqualTo(CaptureInvalidated));
    }

    [Test]
    public void A_launch_with_attributes_may_be_cooperative_and_nothing_else()
    {
        SimtDouble.Set("SIMT_MULTIPROCESSORS", "2");
        ulong data = Upload(new float[1000 * 1024]), arrived = Upload(new int[1]);

        Assert.That(LaunchWith(LaunchAttribute.Cooperative, blocks: 5), Is.EqualTo(TooLargeToCooperate));
        Assert.That(LaunchWith(LaunchAttribute.ClusterDimension, blocks: 4), Is.EqualTo(InvalidValue));
        Good(LaunchWith(LaunchAttribute.Cooperative, blocks: 4));
        Good(Synchronize());

        int LaunchWith(int id, uint blocks)
        {
            ulong from = data, counter = arrived;
            int steps = 1;
            void** arguments = stackalloc void*[] { &from, &counter, &steps };
            var attribute = new LaunchAttribute { Id = id, X = 1, Y = 1, Z = 1 };
            var launch = new LaunchConfiguration
            {
                GridX = blocks,
                GridY = 1,
                GridZ = 1,
                BlockX = 1024,
                BlockY = 1,
                BlockZ = 1,
                Attributes = &attribute,
                AttributeCount = 1,
            };
            return ((delegate* unmanaged<LaunchConfiguration*, nint, void**, void**, int>)SimtDouble.Cuda(
                "cuLaunchKernelEx"))(
                &launch, Function("rotate"), arguments, null);
        }
    }

    private static nint Pool()
    {
        nint pool = 0;
        var properties = new MemoryPoolProperties
        {
            AllocationType = MemoryPoolProperties.Pinned,
            LocationType = MemoryPoolProperties.OnDevice,
        };
        Good(((delegate* unmanaged<nint*, MemoryPoolProperties*, int>)SimtDouble.Cuda("cuMemPoolCreate"))(
            &pool, &properties));
        return pool;
    }

    private static ulong Take(nint pool, int bytes, nint stream)
    {
        ulong address = 0;
        Good(((delegate* unmanaged<ulong*, nuint, nint, nint, int>)SimtDouble.Cuda("cuMemAllocFromPoolAsync"))(
            &address, (nuint)bytes, pool, stream));
        return address;
    }

    [Test]
    public void What_is_not_given_back_is_counted()
    {
        Assert.That(SimtDouble.LiveHandles() - HandlesOfOthers, Is.EqualTo(1), "the module");
        nint stream = Stream();
        _ = Allocate(100);

        Assert.That(SimtDouble.LiveHandles() - HandlesOfOthers, Is.EqualTo(3));
        Assert.That(SimtDouble.LiveReport(), Does.Contain("streams").And.Contain("bytes"));

        Good(Call("cuStreamDestroy_v2", stream));
        Assert.That(SimtDouble.LiveHandles() - HandlesOfOthers, Is.EqualTo(2));
    }

    [Test]
    public void A_copy_over_the_end_of_an_allocation_is_refused()
    {
        ulong data = Allocate(100);
        byte[] host = new byte[101];
        fixed (byte* p = host)
        {
            var copy = (delegate* unmanaged<ulong, void*, nuint, int>)SimtDouble.Cuda("cuMemcpyHtoD_v2");
            Good(copy(data, p, 100));
            Assert.That(copy(data, p, 101), Is.EqualTo(InvalidValue));
            Assert.That(copy(data + 1, p, 100), Is.EqualTo(InvalidValue));
        }
    }

    [Test]
    public void A_launch_beyond_the_devices_limits_is_refused()
    {
        ulong data = Allocate(400);

        Assert.That(Launch("reverse", new((1, 1), 1025), data, 100), Is.EqualTo(InvalidValue));
        Assert.That(Launch("reverse", new((0, 1), 32), data, 100), Is.EqualTo(InvalidValue));
        Assert.That(Launch("gemm", new((1, 1), 512), data, data, data, 1, 1, 1), Is.EqualTo(OutOfResources));
        Assert.That(SimtDouble.LastReport(), Does.Contain("__launch_bounds__"));
    }

    [Test]
    public void Shared_memory_beyond_48_KB_has_to_be_asked_for()
    {
        ulong data = Upload(new float[100]);
        Dims large = new((1, 1), 128) { Shared = 60_000 };

        Assert.That(Launch("reverse", large, data, 100), Is.EqualTo(InvalidValue));
        Assert.That(SimtDouble.LastReport(), Does.Contain("60000 bytes of shared memory"));

        const int MaxDynamicSharedSize = 8;
        var set = (delegate* unmanaged<nint, int, int, int>)SimtDouble.Cuda("cuFuncSetAttribute");
        Good(set(Function("reverse"), MaxDynamicSharedSize, 60_000));
        Good(Launch("reverse", large, data, 100));
        Good(Synchronize());
    }

    [Test]
    public void A_kernel_knows_the_shared_memory_of_all_that_it_calls()
    {
        const int SharedSize = 1;
        int gemm, softmax, add;
        var get = (delegate* unmanaged<int*, int, nint, int>)SimtDouble.Cuda("cuFuncGetAttribute");

        Good(get(&gemm, SharedSize, Function("gemm")));
        Good(get(&softmax, SharedSize, Function("softmax")));
        Good(get(&add, SharedSize, Function("add")));

        Assert.That((gemm, softmax, add), Is.EqualTo((2 * 16 * 68 * 4, 32 * 4, 0)));
    }

    [Test]
    public void Blocks_that_wait_for_each_other_must_fit_on_the_device_together()
    {
        SimtDouble.Set("SIMT_MULTIPROCESSORS", "2");
        ulong data = Upload(new float[1000 * 1024]);
        int blocks = 0;
        var fit = (delegate* unmanaged<int*, nint, int, nuint, int>)SimtDouble.Cuda(
            "cuOccupancyMaxActiveBlocksPerMultiprocessor");
        Good(fit(&blocks, Function("rotate"), 1024, 0));

        Assert.That(blocks, Is.EqualTo(2));
        Assert.That(
            Launch("rotate", new((5, 1), 1024) { Cooperative = true }, data, data, 1), Is.EqualTo(TooLargeToCooperate));
        Good(Launch("rotate", new((4, 1), 1024) { Cooperative = true }, data, Upload(new int[1]), 1));
        Good(Synchronize());
    }

    [Test]
    public void What_is_no_module_is_refused()
    {
        nint module = 0;
        fixed (byte* garbage = "\u007fELF, but not one of ours"u8)
        {
            Assert.That(
                ((delegate* unmanaged<nint*, byte*, int>)SimtDouble.Cuda("cuModuleLoadData"))(&module, garbage),
                Is.EqualTo(InvalidImage));
        }

        nint function = 0;
        using var name = new SimtDouble.CStrings("no_such_kernel");
        Assert.That(
            ((delegate* unmanaged<nint*, nint, byte*, int>)SimtDouble.Cuda("cuModuleGetFunction"))(
                &function, Module, name[0]),
            Is.EqualTo(NotFound));
        Assert.That(Call("cuStreamSynchronize", 12345), Is.EqualTo(InvalidHandle));
    }

    private static int Call(string function, nint argument) =>
        ((delegate* unmanaged<nint, int>)SimtDouble.Cuda(function))(argument);

    private static int Call(string function, nint first, nint second) =>
        ((delegate* unmanaged<nint, nint, int>)SimtDouble.Cuda(function))(first, second);

    private static int Wait(nint stream, nint recorded) =>
        ((delegate* unmanaged<nint, nint, uint, int>)SimtDouble.Cuda("cuStreamWaitEvent"))(stream, recorded, 0);

    private static int Begin(nint stream) =>
        ((delegate* unmanaged<nint, int, int>)SimtDouble.Cuda("cuStreamBeginCapture_v2"))(stream, 0);

    private static int End(nint stream, nint* graph) =>
        ((delegate* unmanaged<nint, nint*, int>)SimtDouble.Cuda("cuStreamEndCapture"))(stream, graph);

    private static nint Stream()
    {
        nint stream = 0;
        Good(((delegate* unmanaged<nint*, uint, int>)SimtDouble.Cuda("cuStreamCreate"))(&stream, NonBlocking));
        return stream;
    }

    private static nint Event()
    {
        nint made = 0;
        Good(((delegate* unmanaged<nint*, uint, int>)SimtDouble.Cuda("cuEventCreate"))(&made, 0));
        return made;
    }
}
