#include "stream.h"
#include "api.h"
#include "report.h"
#include <algorithm>

namespace simt
{
    namespace
    {
        uint64_t counter;

        Stream& default_stream()
        {
            static auto* stream = new Stream;
            return *stream;
        }

        template <class T> std::set<T*>& all()
        {
            static auto* set = new std::set<T*>;
            return *set;
        }
    }

    std::set<Stream*>& streams() { return all<Stream>(); }
    std::set<Event*>& events() { return all<Event>(); }
    std::set<Graph*>& graphs() { return all<Graph>(); }

    std::set<Graph*>& executables()
    {
        static auto* set = new std::set<Graph*>;
        return *set;
    }

    Stream* find_stream(void* handle)
    {
        if (!handle || reinterpret_cast<uintptr_t>(handle) == 1) return &default_stream();
        auto* stream = static_cast<Stream*>(handle);
        return streams().count(stream) ? stream : nullptr;
    }

    void Stream::add(Work work)
    {
        if (capturing)
        {
            (origin ? forked : capturing->work).push_back(std::move(work));
            return;
        }
        Entry entry{++counter, std::move(work), std::move(next_after)};
        next_after.clear();
        // The default stream and the blocking ones wait for each other.
        if (this == &default_stream())
        {
            for (Stream* other : streams())
                if (other->blocking && other->latest) entry.after.push_back({other, other->latest});
        }
        else if (blocking && default_stream().latest)
            entry.after.push_back({&default_stream(), default_stream().latest});
        latest = entry.number;
        queue.push_back(std::move(entry));
    }

    void Stream::join(size_t until)
    {
        for (; joined < until; ++joined) capturing->work.push_back(std::move(forked[joined]));
    }

    int Stream::drain(uint64_t until)
    {
        while (!queue.empty() && queue.front().number <= until)
        {
            Entry entry = std::move(queue.front());
            queue.pop_front();
            if (sticky()) continue;
            for (auto& [other, number] : entry.after)
                if (other == &default_stream() || streams().count(other)) other->drain(number);
            if (!sticky())
                if (int code = entry.work()) make_sticky(Result(code));
        }
        return sticky();
    }

    int drain_all()
    {
        default_stream().drain();
        for (Stream* stream : streams()) stream->drain();
        return sticky();
    }

    int drain_default()
    {
        default_stream().drain();
        for (Stream* stream : streams())
            if (stream->blocking) stream->drain();
        return sticky();
    }

    int refuse_in_capture()
    {
        for (Stream* stream : streams())
        {
            // Mode 2, relaxed, allows such calls; mode 1 forbids them only to the capturing thread.
            bool other = stream->capture_mode == 1 && stream->capturer != std::this_thread::get_id();
            if (!stream->capturing || stream->capture_mode == 2 || other) continue;
            (stream->origin ? stream->origin : stream)->capture_broken = true;
            report("a call that allocates or waits was made while a stream was being captured");
            return CaptureUnsupported;
        }
        return Success;
    }

    namespace
    {
        template <class T> void destroy(std::set<T*>& all, const std::set<void*>& kept)
        {
            for (auto at = all.begin(); at != all.end();)
            {
                if (kept.count(*at))
                {
                    ++at;
                    continue;
                }
                delete *at;
                at = all.erase(at);
            }
        }
    }

    void destroy_streams(const std::set<void*>& kept)
    {
        default_stream().queue.clear();
        default_stream().next_after.clear();
        for (Stream* stream : streams())
            if (!kept.count(stream) && !stream->origin) delete stream->capturing;
        destroy(streams(), kept);
        destroy(events(), kept);
        destroy(graphs(), kept);
        destroy(executables(), kept);
    }
}
