#include "counts.h"
#include "machine.h"
#include <algorithm>

namespace simt::ptx
{
    namespace
    {
        constexpr unsigned Sector = 32, Banks = 32;

        // Returns how many different numbers there are; sorts them.
        template <class T> unsigned distinct(T* numbers, unsigned count)
        {
            std::sort(numbers, numbers + count);
            return unsigned(std::unique(numbers, numbers + count) - numbers);
        }
    }

    void Meter::add(const Meter& other)
    {
        sectors_asked += other.sectors_asked;
        sectors_needed += other.sectors_needed;
        global_requests += other.global_requests;
        shared_requests += other.shared_requests;
        shared_passes += other.shared_passes;
        bank_conflicts += other.bank_conflicts;
    }

    void Meter::global(const Warp& warp, const uint64_t* at, unsigned bytes)
    {
        uint64_t sectors[Lanes], pieces[Lanes];
        unsigned count = 0;
        for (uint32_t rest = warp.mask; rest; rest &= rest - 1)
        {
            uint64_t address = at[__builtin_ctz(rest)];
            sectors[count] = address / Sector;
            pieces[count++] = address / bytes;
        }
        if (!count) return;
        ++global_requests;
        sectors_asked += distinct(sectors, count);
        sectors_needed += (uint64_t(distinct(pieces, count)) * bytes + Sector - 1) / Sector;
    }

    // Accesses of 8 bytes are served by half warps, those of 16 by quarter warps; in a pass, each of 32 banks serves
    // one word.
    void Meter::shared(const Warp& warp, const uint32_t* at, unsigned bytes)
    {
        if (!warp.mask) return;
        ++shared_requests;
        unsigned together = bytes > 4 ? Lanes * 4 / bytes : Lanes;
        for (unsigned first = 0; first < Lanes; first += together)
        {
            uint32_t words[Lanes];
            unsigned count = 0;
            for (unsigned lane = first; lane < first + together; ++lane)
                if (warp.mask >> lane & 1) words[count++] = at[lane] / 4;
            if (!count) continue;
            // The different words of each bank; for a wide access, the first word represents all.
            count = distinct(words, count);
            uint8_t load[Banks] = {};
            unsigned max = 0, width = bytes > 4 ? bytes / 4 : 1;
            for (unsigned i = 0; i < count; ++i)
                max = std::max<unsigned>(max, ++load[words[i] / width % (Banks / width)]);
            shared_passes += max;
            bank_conflicts += max - 1;
        }
    }
}
