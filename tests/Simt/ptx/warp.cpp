// Runs a warp. Lanes that diverge at a jump are kept in separate splits, and the split that is least far in the text
// runs first. So splits meet again where the paths join, because the compiler lays out the text in that order.
#include "machine.h"
#include "../driver/api.h"
#include "../driver/report.h"
#include <algorithm>
#include <cstring>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace simt::ptx
{
    uint32_t bits_of(const char* row)
    {
#ifdef __AVX512F__
        auto half = [&](int at) { return uint32_t(_mm512_movepi32_mask(_mm512_loadu_si512(row + at))); };
        return half(0) | half(64) << 16;
#else
        uint32_t bits = 0;
        for (int lane = 0; lane < Lanes; ++lane)
        {
            int32_t value;
            std::memcpy(&value, row + 4 * lane, 4);
            bits |= uint32_t(value < 0) << lane;
        }
        return bits;
#endif
    }

    namespace
    {
        // Takes the lanes of the piece that runs next out of the splits; returns 0 if all wait.
        uint32_t take_next(Warp& warp, int& piece, int& limit)
        {
            piece = INT32_MAX;
            for (int s = 0; s < warp.count; ++s)
                if (warp.splits[s].wait == Split::Runs) piece = std::min(piece, warp.splits[s].piece);
            uint32_t mask = 0;
            limit = INT32_MAX;
            for (int s = 0; s < warp.count;)
            {
                const Split& split = warp.splits[s];
                if (split.wait == Split::Runs && split.piece == piece)
                {
                    mask |= split.mask;
                    warp.splits[s] = warp.splits[--warp.count];
                    continue;
                }
                if (split.wait == Split::Runs) limit = std::min(limit, split.piece);
                ++s;
            }
            return mask;
        }

        [[noreturn, gnu::cold]] void fail_at(Warp& warp, int line, uint32_t lanes, const char* what)
        {
            Step step;
            step.line = line;
            fail(warp, step, lanes, LaunchFailed, what);
        }

        // Gathers lanes at an instruction that several lanes execute together. Returns false if some are missing; the
        // others wait.
        bool gather(Warp& warp, int at, const Piece& piece)
        {
            for (int s = 0; s < warp.count;)
            {
                Split& split = warp.splits[s];
                if (split.wait != Split::InWarp || split.piece != at)
                {
                    ++s;
                    continue;
                }
                warp.mask |= split.mask;
                split = warp.splits[--warp.count];
            }
            uint32_t named = 0, unnamed = 0;
            for (uint32_t rest = warp.mask; rest; rest &= rest - 1)
            {
                uint32_t mask, lane = uint32_t(__builtin_ctz(rest));
                std::memcpy(&mask, warp.row(piece.members) + 4 * lane, 4);
                named |= mask;
                if (!(mask >> lane & 1)) unnamed |= 1u << lane;
            }
            if (unnamed)
                fail_at(warp, warp.block->grid->program->steps[size_t(piece.first)].line, unnamed,
                    "a lane takes part in a warp operation whose mask does not name it");
            return !(named & warp.alive & ~warp.mask);
        }

        void wait(Warp& warp, int piece, uint32_t mask, Split::Wait why)
        {
            for (int s = 0; s < warp.count; ++s)
                if (warp.splits[s].piece == piece && warp.splits[s].wait == why)
                {
                    warp.splits[s].mask |= mask;
                    return;
                }
            warp.splits[warp.count++] = {piece, mask, why};
        }
    }

    bool run_warp(Warp& warp)
    {
        bool ran = false;
        BlockRun& block = *warp.block;
        const Program& program = *block.grid->program;
        const Piece* pieces = program.pieces.data();
        const Step* steps = program.steps.data();
        int at, limit;
        while (uint32_t mask = take_next(warp, at, limit))
        {
            warp.mask = mask;
            for (;;)
            {
                const Piece& piece = pieces[at];
                if (piece.collective && !gather(warp, at, piece))
                {
                    wait(warp, at, warp.mask, Split::InWarp);
                    break;
                }
                mask = warp.mask;
                const Step *step = steps + piece.first, *end = steps + piece.last;
                ++block.times[size_t(at)];
                block.lanes[size_t(at)] += uint64_t(__builtin_popcount(mask));
                if (mask == AllLanes)
                    for (; step < end; ++step) step->whole(*step, warp);
                else
                {
                    ++block.partly[size_t(at)];
                    for (; step < end; ++step) step->part(*step, warp);
                }
                ran = true;
                int next = at + 1;
                if (piece.end == Piece::Branches)
                {
                    uint32_t takes = mask;
                    if (piece.predicate >= 0)
                    {
                        uint32_t bits = bits_of(warp.row(piece.predicate));
                        takes = mask & (piece.negated ? ~bits : bits);
                    }
                    if (takes == mask) next = piece.target;
                    else if (takes)
                    {
                        wait(warp, piece.target, takes, Split::Runs);
                        wait(warp, next, mask & ~takes, Split::Runs);
                        break;
                    }
                }
                else if (piece.end == Piece::Returns)
                {
                    warp.alive &= ~mask;
                    // Lanes need not wait any longer for lanes that have returned.
                    for (int s = 0; s < warp.count; ++s)
                        if (warp.splits[s].wait == Split::InWarp) warp.splits[s].wait = Split::Runs;
                    break;
                }
                else if (piece.end == Piece::RunsOut)
                    fail_at(warp, piece.line, mask,
                        "the kernel runs past its last instruction: the compiler took this for impossible");
                else if (piece.end == Piece::Barrier)
                {
                    wait(warp, next, mask, Split::AtBarrier);
                    break;
                }
                at = next;
                if (at >= limit || warp.spins)
                {
                    wait(warp, at, mask, Split::Runs);
                    break;
                }
            }
            // A warp that polls in vain lets others run.
            if (warp.spins) return false;
        }
        return ran;
    }
}
