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
        uint64_t number = 0;
    };

    // One piece of work: returns a driver's error code.
    using Work = std::function<int()>;

    struct Graph
    {
        std::vector<Work> work;
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
        Graph* capturing = nullptr;
        bool capture_broken = false;
        int capture_mode = 0;
        std::thread::id capturer;
        uint64_t latest = 0;

        void add(Work work);
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
