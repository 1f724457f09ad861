// Streams: requested work is queued, and done only when somebody waits for it. So a forgotten wait is detected.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <thread>
#include <vector>

namespace simt
{
    struct Stream;

    struct Event
    {
        bool recorded = false, done = false;
        double milliseconds = 0;
        Stream* stream = nullptr;
        // The number of the stream's latest work when it was recorded.
        uint64_t number = 0;
        // How many times it was recorded.
        uint64_t times = 0;
        // The number of the capture that it was recorded in, and how much work the stream had put into it.
        uint64_t capture = 0;
        size_t captured = 0;
    };

    // One piece of work: returns a driver's error code.
    using Work = std::function<int()>;

    struct Graph
    {
        std::vector<Work> work;
        // The number of its capture: memory of an old graph may hold a new one.
        uint64_t number = 0;
    };

    struct Stream
    {
        struct Entry
        {
            uint64_t number;
            Work work;
            // Entries of other streams that must be done before.
            std::vector<std::pair<Stream*, uint64_t>> after;
        };

        bool blocking = true;
        std::deque<Entry> queue;
        std::vector<std::pair<Stream*, uint64_t>> next_after;
        // The graph that the stream captures into. A stream that joined another's capture also has its own work in it,
        // which is done as late as a wait for it allows. So a forgotten wait is detected in graphs, too.
        Graph* capturing = nullptr;
        Stream* origin = nullptr;
        std::vector<Work> forked;
        size_t joined = 0;
        bool capture_broken = false;
        int capture_mode = 0;
        std::thread::id capturer;
        uint64_t latest = 0;

        void add(Work work);
        // Makes the capture's origin do the work that this stream forked up to a number.
        void join(size_t until);
        // Does the work of this stream up to a number, and the work that must be done before it.
        int drain(uint64_t until = UINT64_MAX);
    };

    // The stream of a handle: null and 1 are the legacy default stream. Null if the handle is no stream.
    Stream* find_stream(void* handle);
    std::set<Stream*>& streams();
    std::set<Event*>& events();
    std::set<Graph*>& graphs();
    std::set<Graph*>& executables();

    // Does the remaining work of all streams.
    int drain_all();
    // What a call without a stream waits for: the default stream and all streams that do not opt out of waiting for it.
    int drain_default();
    // Some calls would wait, and so are not allowed while a stream captures in a mode that forbids it.
    int refuse_in_capture();
    // Drops the streams, events and graphs, except those to keep.
    void destroy_streams(const std::set<void*>& kept);
}
