// libcuda: streams, events, capture and graphs.
#include "../api.h"
#include "../report.h"
#include "../stream.h"
#include <chrono>

using namespace simt;

namespace
{
    double now()
    {
        using Milliseconds = std::chrono::duration<double, std::milli>;
        return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }

    // A stream that captures can neither be waited for nor queried.
    int refuse_captured(Stream& stream)
    {
        if (!stream.capturing) return Success;
        (stream.origin ? stream.origin : &stream)->capture_broken = true;
        report("a stream was waited for while it was being captured");
        return CaptureUnsupported;
    }

    // A wait for an event of a capture: the stream joins the capture, or the capture's first stream joins a fork.
    int wait_in_capture(Stream& stream, const Event& event)
    {
        Stream* first = event.stream->origin ? event.stream->origin : event.stream;
        bool alive = event.stream->capturing && event.stream->capturing->number == event.capture;
        if (!alive || (stream.capturing && stream.capturing->number != event.capture))
        {
            if (stream.capturing) (stream.origin ? stream.origin : &stream)->capture_broken = true;
            report("a stream waits for an event across the boundary of a capture");
            return CaptureIsolation;
        }
        if (!stream.capturing)
        {
            stream.capturing = event.stream->capturing;
            stream.capture_mode = first->capture_mode;
            stream.capturer = first->capturer;
            stream.origin = first;
        }
        if (event.stream->origin) event.stream->join(event.captured);
        return Success;
    }

    Event* find_event(void* handle)
    {
        auto* event = static_cast<Event*>(handle);
        return events().count(event) ? event : nullptr;
    }
}

SIMT_API int cuStreamCreate(void** result, unsigned flags)
{
    SIMT_ENTER;
    if (!result || flags > 1) return InvalidValue;
    auto* stream = new Stream;
    stream->blocking = flags == 0;
    streams().insert(stream);
    *result = stream;
    return Success;
}

SIMT_API int cuStreamCreateWithPriority(void** result, unsigned flags, int) { return cuStreamCreate(result, flags); }

SIMT_API int cuStreamDestroy_v2(void* handle)
{
    SIMT_ENTER;
    auto* stream = static_cast<Stream*>(handle);
    if (!streams().count(stream)) return InvalidHandle;
    int code = stream->drain();
    streams().erase(stream);
    delete stream->capturing;
    delete stream;
    return code;
}

SIMT_API int cuStreamSynchronize(void* handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    if (int code = refuse_captured(*stream)) return code;
    return stream->drain();
}

// Each query does one more piece of work, so that repeated queries come to an end.
SIMT_API int cuStreamQuery(void* handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    if (int code = refuse_captured(*stream)) return code;
    if (stream->queue.empty()) return Success;
    if (int code = stream->drain(stream->queue.front().number)) return code;
    return NotReady;
}

SIMT_API int cuStreamWaitEvent(void* handle, void* event_handle, unsigned)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    Event* event = find_event(event_handle);
    if (!stream || !event) return InvalidHandle;
    if (event->capture || (stream->capturing && event->recorded)) return wait_in_capture(*stream, *event);
    if (event->recorded && !event->done) stream->next_after.push_back({event->stream, event->number});
    return Success;
}

SIMT_API int cuStreamBeginCapture_v2(void* handle, int mode)
{
    SIMT_ENTER;
    auto* stream = static_cast<Stream*>(handle);
    // The legacy default stream cannot be captured.
    if (!streams().count(stream)) return handle ? InvalidHandle : CaptureUnsupported;
    if (stream->capturing || mode < 0 || mode > 2) return InvalidValue;
    static uint64_t captures;
    stream->capturing = new Graph;
    stream->capturing->number = ++captures;
    stream->capture_broken = false;
    stream->capture_mode = mode;
    stream->capturer = std::this_thread::get_id();
    return Success;
}

SIMT_API int cuStreamIsCapturing(void* handle, int* status)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    *status = !stream->capturing ? 0 : stream->capture_broken ? 2 : 1;
    return Success;
}

SIMT_API int cuStreamEndCapture(void* handle, void** result)
{
    SIMT_ENTER;
    auto* stream = static_cast<Stream*>(handle);
    if (!streams().count(stream)) return InvalidHandle;
    if (!stream->capturing || stream->origin) return CaptureUnmatched;
    Graph* graph = stream->capturing;
    stream->capturing = nullptr;
    bool joined = true;
    for (Stream* fork : streams())
    {
        if (fork->origin != stream) continue;
        joined = joined && fork->joined == fork->forked.size();
        fork->capturing = nullptr;
        fork->origin = nullptr;
        fork->forked.clear();
        fork->joined = 0;
    }
    if (stream->capture_broken || !joined)
    {
        delete graph;
        if (result) *result = nullptr;
        return stream->capture_broken ? CaptureInvalidated : CaptureUnjoined;
    }
    graphs().insert(graph);
    *result = graph;
    return Success;
}

SIMT_API int cuGraphGetNodes(void* handle, void** nodes, size_t* count)
{
    SIMT_ENTER;
    auto* graph = static_cast<Graph*>(handle);
    if (!graphs().count(graph)) return InvalidHandle;
    size_t all = graph->work.size();
    for (size_t i = 0; nodes && i < *count; ++i) nodes[i] = i < all ? &graph->work[i] : nullptr;
    if (!nodes || *count > all) *count = all;
    return Success;
}

SIMT_API int cuGraphInstantiateWithFlags(void** result, void* handle, unsigned long long)
{
    SIMT_ENTER;
    auto* graph = static_cast<Graph*>(handle);
    if (!graphs().count(graph)) return InvalidHandle;
    auto* executable = new Graph(*graph);
    executables().insert(executable);
    *result = executable;
    return Success;
}

SIMT_API int cuGraphLaunch(void* handle, void* stream_handle)
{
    SIMT_ENTER;
    auto* executable = static_cast<Graph*>(handle);
    Stream* stream = find_stream(stream_handle);
    if (!executables().count(executable) || !stream) return InvalidHandle;
    // The nodes are copied: as with the real driver, the executable may be destroyed while it runs.
    for (const Work& work : executable->work) stream->add(work);
    return Success;
}

SIMT_API int cuGraphUpload(void* handle, void*)
{
    SIMT_ENTER;
    return executables().count(static_cast<Graph*>(handle)) ? Success : InvalidHandle;
}

SIMT_API int cuGraphExecDestroy(void* handle)
{
    SIMT_ENTER;
    auto* executable = static_cast<Graph*>(handle);
    if (!executables().erase(executable)) return InvalidHandle;
    delete executable;
    return Success;
}

SIMT_API int cuGraphDestroy(void* handle)
{
    SIMT_ENTER;
    auto* graph = static_cast<Graph*>(handle);
    if (!graphs().erase(graph)) return InvalidHandle;
    delete graph;
    return Success;
}

SIMT_API int cuEventCreate(void** result, unsigned)
{
    SIMT_ENTER;
    if (!result) return InvalidValue;
    auto* event = new Event;
    events().insert(event);
    *result = event;
    return Success;
}

SIMT_API int cuEventDestroy_v2(void* handle)
{
    SIMT_ENTER;
    Event* event = find_event(handle);
    if (!event) return InvalidHandle;
    events().erase(event);
    delete event;
    return Success;
}

SIMT_API int cuEventRecord(void* handle, void* stream_handle)
{
    SIMT_ENTER;
    Event* event = find_event(handle);
    Stream* stream = find_stream(stream_handle);
    if (!event || !stream) return InvalidHandle;
    event->stream = stream;
    event->capture = stream->capturing ? stream->capturing->number : 0;
    if (stream->capturing)
    {
        // In a graph it is no more than a dependency.
        event->recorded = event->done = false;
        event->captured = stream->forked.size();
        return Success;
    }
    event->recorded = true;
    event->done = false;
    uint64_t time = ++event->times;
    stream->add(
        [=]
        {
            // It may have been destroyed, or recorded again, before this mark was reached.
            if (!events().count(event) || event->times != time) return int(Success);
            event->done = true;
            event->milliseconds = now();
            return int(Success);
        });
    event->number = stream->latest;
    return Success;
}

SIMT_API int cuEventSynchronize(void* handle)
{
    SIMT_ENTER;
    Event* event = find_event(handle);
    if (!event) return InvalidHandle;
    if (!event->recorded || event->done) return Success;
    if (int code = refuse_captured(*event->stream)) return code;
    return event->stream->drain(event->number);
}

SIMT_API int cuEventQuery(void* handle)
{
    SIMT_ENTER;
    Event* event = find_event(handle);
    if (!event) return InvalidHandle;
    if (!event->recorded || event->done) return Success;
    if (!event->stream->queue.empty())
        if (int code = event->stream->drain(event->stream->queue.front().number)) return code;
    return NotReady;
}

SIMT_API int cuEventElapsedTime(float* milliseconds, void* start_handle, void* end_handle)
{
    SIMT_ENTER;
    Event *start = find_event(start_handle), *end = find_event(end_handle);
    if (!start || !end || !start->recorded || !end->recorded) return InvalidHandle;
    if (!milliseconds) return InvalidValue;
    if (!start->done || !end->done) return NotReady;
    *milliseconds = float(end->milliseconds - start->milliseconds);
    return Success;
}
