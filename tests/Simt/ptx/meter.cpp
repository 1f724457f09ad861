#include "meter.h"
#include "../driver/api.h"
#include "../driver/report.h"
#include <algorithm>
#include <cstring>

namespace simt::ptx
{
    namespace
    {
        bool on;
        std::string lines;
    }

    bool metering() { return on; }

    // Keeps a launch's counts as a line of JSON.
    void remember(Counts counts)
    {
        auto number = [](unsigned long long value) { return std::to_string(value); };
        std::string line = "{\"kernel\":\"" + counts.kernel + "\"";
        line += format(",\"grid\":[%u,%u,%u],\"block\":[%u,%u,%u]", counts.grid[0], counts.grid[1],
            counts.grid[2], counts.block[0], counts.block[1], counts.block[2]);
        line += ",\"blocks\":" + number(counts.blocks) + ",\"warpInstructions\":" + number(counts.warp_instructions) +
                ",\"threadInstructions\":" + number(counts.thread_instructions) +
                ",\"machineInstructions\":" + number(counts.machine_instructions);
        for (size_t c = 0; c < Classes; ++c)
            line += std::string(",\"") + ClassNames[c] + "\":" + number(counts.classes[c]);
        const Meter& m = counts.meter;
        line += ",\"sectorsAsked\":" + number(m.sectors_asked) + ",\"sectorsNeeded\":" + number(m.sectors_needed) +
                ",\"globalRequests\":" + number(m.global_requests) +
                ",\"sharedRequests\":" + number(m.shared_requests) +
                ",\"sharedPasses\":" + number(m.shared_passes) + ",\"bankConflicts\":" + number(m.bank_conflicts);
        lines += line + "}\n";
    }
}

using namespace simt;

// Begins to count, or stops; forgets the earlier counts.
SIMT_API void simt_meter(int wanted)
{
    std::lock_guard guard(api_lock());
    ptx::on = wanted != 0;
    ptx::lines.clear();
}

// Copies the counts, a line of JSON for each launch, cut to fit, and returns their full length.
SIMT_API int simt_counts(char* text, int size)
{
    std::lock_guard guard(api_lock());
    if (text && size > 0) std::snprintf(text, size_t(size), "%s", ptx::lines.c_str());
    return int(ptx::lines.size());
}
