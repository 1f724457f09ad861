// Streams: work is queued and done only when a call waits for it, so a forgotten wait shows.
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

    // A piece of work; returns a driver's error code.
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
            // Entries of other streams that must be done first.
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
        // Does the work of this stream up to a number, and all work that must precede it.
        int drain(uint64_t until = UINT64_MAX);
    };

    // The stream of a handle; null and 1 are the legacy default stream. Returns null if there is no such stream.
    Stream* find_stream(void* handle);
    std::set<Stream*>& streams();
    std::set<Event*>& events();
    std::set<Graph*>& graphs();
    std::set<Graph*>& executables();

    // Does the remaining work of all streams.
    int drain_all();
    // Does the work that a call without a stream waits for: that of the default stream and of all blocking streams.
    int drain_default();
    // Refuses a call that waits while a stream captures in a mode that forbids it.
    int refuse_in_capture();
    // Drops all streams, events and graphs except those in `kept`.
    void destroy_streams(const std::set<void*>& kept);
}
