#include "global_checks.h"
#include "../../driver/api.h"
#include "../../driver/report.h"
#include "../../driver/execution/stamp.h"
#include "../forms/lanes.h"

namespace simt::ptx
{
    namespace
    {
        // Threads of the host share the tags; each is read and written atomically.
        uint64_t load(const uint64_t& tag) { return __atomic_load_n(&tag, __ATOMIC_RELAXED); }
        void store(uint64_t& tag, uint64_t value) { __atomic_store_n(&tag, value, __ATOMIC_RELAXED); }

        const char* kind(Access access)
        {
            return access.atomic  ? (access.write ? "an atomic write" : "an atomic read")
                   : access.write ? "a write"
                                  : "a read";
        }

        class Checker
        {
        public:
            Checker(const Step& step, Warp& warp, unsigned bytes, Access access)
                : step_(step), warp_(warp), block_(*warp.block), region_(warp.block->grid->device), bytes_(bytes),
                  access_(access), base_(uint64_t(region_.first_serial) << 38), span_(uint64_t(region_.serials) << 38)
            {
            }

            void bounds(const uint64_t* at) const
            {
                uint64_t odd = 0, far = 0, last = region_.size - bytes_;
                for (int lane = 0; lane < Lanes; ++lane)
                {
                    uint64_t takes = 0 - uint64_t(warp_.mask >> lane & 1);
                    odd |= at[lane] & (bytes_ - 1) & takes;
                    far |= uint64_t(at[lane] - region_.start > last) & takes;
                }
                if (odd)
                    each_lane(warp_.mask, [&](int lane) {
                        if (at[lane] % bytes_) misaligned(lane, at[lane]);
                    });
                if (far)
                    each_lane(warp_.mask, [&](int lane) {
                        if (at[lane] - region_.start > last) stray(lane, at[lane]);
                    });
            }

            template <bool Write> void words(int lane, uint64_t address)
            {
                size_t word = (address - region_.start) / 4;
                uint64_t mine = stamp(lane) | Stamp::Bytes;
                for (size_t end = word + bytes_ / 4; word < end; ++word)
                {
                    WordState state = region_.state[word];
                    if (__builtin_expect(Write ? state < 0xf0 : state != 0xff, false)) bad_state(lane, address, state);
                    if (Write && state != 0xff) region_.state[word] = 0xff;
                    race<Write>(lane, address, region_.race[word], mine);
                }
            }

            template <bool Write> void part_of_word(int lane, uint64_t address)
            {
                size_t word = (address - region_.start) / 4;
                unsigned mask = ((1u << bytes_) - 1) << address % 4;
                WordState* state = &region_.state[word];
                WordState now = __atomic_load_n(state, __ATOMIC_RELAXED);
                auto must = WordState(Write ? mask << 4 : mask | mask << 4);
                if ((now & must) != must) bad_state(lane, address, now);
                if (Write) __atomic_fetch_or(state, WordState(mask), __ATOMIC_RELAXED);
                race<Write>(lane, address, region_.race[word], stamp(lane) | mask);
            }

        private:
            const Step& step_;
            Warp& warp_;
            BlockRun& block_;
            const Region& region_;
            unsigned bytes_;
            Access access_;
            uint64_t base_, span_;

            uint64_t stamp(int lane) const
            {
                return Stamp::of(block_.serial, warp_.thread(lane), block_.time) | (access_.atomic ? Stamp::Atomic : 0);
            }

            bool in_my_block(uint64_t tag) const { return Stamp::serial(tag) == block_.serial; }

            // Certainly ordered before this access: of an earlier launch, this thread's, or before a barrier of this
            // block.
            bool past(uint64_t tag, uint64_t mine) const
            {
                return tag - base_ >= span_ || Stamp::who(tag) == Stamp::who(mine) ||
                       (in_my_block(tag) && Stamp::time(tag) < block_.last_barrier);
            }

            bool ordered(uint64_t tag, int lane) const
            {
                if (!in_my_block(tag))
                {
                    auto& acquired = warp_.acquired[size_t(lane)];
                    return block_.known.knows(tag) || (acquired && acquired->knows(tag));
                }
                uint32_t thread = Stamp::thread(tag), time = Stamp::time(tag);
                if (thread / Lanes != warp_.number) return false;
                const WarpSync& some = warp_.partly_synced[size_t(lane)];
                return time < warp_.synced.block || (time < some.block && (some.mask >> (thread & 31) & 1));
            }

            bool collides(uint64_t tag, uint64_t mine, int lane) const
            {
                return !past(tag, mine) && (tag & mine & Stamp::Bytes) && !(tag & mine & Stamp::Atomic) &&
                       !ordered(tag, lane);
            }

            // Merges one thread's accesses to several bytes of a word into one, which is atomic only if all were.
            static uint64_t merge(uint64_t earlier, uint64_t mine)
            {
                bool same = Stamp::who_and_when(earlier) == Stamp::who_and_when(mine);
                return same ? (earlier | (mine & Stamp::Bytes)) & (mine | ~Stamp::Atomic) : mine;
            }

            template <bool Write> void race(int lane, uint64_t address, Race& word, uint64_t mine)
            {
                uint64_t writer = load(word.writer);
                if (__builtin_expect(!past(writer, mine), false) && collides(writer, mine, lane))
                    collision(lane, address, writer, "a write", int(word.writer_place));
                if (!Write)
                {
                    if (load(word.reader) != mine) remember_reader(word, mine, lane);
                    return;
                }
                for (const uint64_t* reader : {&word.reader, &word.other_reader})
                    if (uint64_t tag = load(*reader); !past(tag, mine) && collides(tag, mine, lane))
                        collision(
                            lane, address, tag, "a read", reader == &word.reader ? int(word.reader_place) : 0);
                store(word.writer, merge(writer, mine));
                __atomic_store_n(&word.writer_place, uint32_t(step_.line), __ATOMIC_RELAXED);
                store(word.reader, 0);
                store(word.other_reader, 0);
            }

            // Keeps two readers, of two blocks if possible, otherwise of two warps. Any writer then collides with one.
            void remember_reader(Race& word, uint64_t mine, int lane) const
            {
                uint64_t first = load(word.reader);
                if (past(first, mine))
                {
                    store(word.reader, merge(first, mine));
                    __atomic_store_n(&word.reader_place, uint32_t(step_.line), __ATOMIC_RELAXED);
                    return;
                }
                uint64_t second = load(word.other_reader);
                bool same_block = Stamp::serial(first) == Stamp::serial(second);
                bool second_past = past(second, mine);
                if (!second_past && !same_block && block_.known.empty()) return;
                bool same_warp = Stamp::warp(first) == Stamp::warp(second);
                if (second_past || (same_block && !in_my_block(first)) ||
                    (same_warp && Stamp::warp(mine) != Stamp::warp(first)))
                    store(word.other_reader, mine);
                else if (ordered(first, lane)) store(word.reader, mine);
                else if (ordered(second, lane)) store(word.other_reader, mine);
            }

            std::string spot(uint64_t address) const
            {
                return format("%s of %u byte%s at ", kind(access_), bytes_, bytes_ == 1 ? "" : "s") +
                       describe(warp_, address);
            }

            [[noreturn, gnu::cold]] void misaligned(int lane, uint64_t address) const
            {
                fail(warp_, step_, 1u << lane, MisalignedAddress,
                    format("misaligned: an access that must be at a multiple of %u bytes, at ", bytes_) +
                        describe(warp_, address));
            }

            [[noreturn, gnu::cold]] void stray(int lane, uint64_t address) const
            {
                fail(warp_, step_, 1u << lane, IllegalAddress, "out of bounds: " + spot(address));
            }

            [[noreturn, gnu::cold]] void bad_state(int lane, uint64_t address, WordState) const
            {
                size_t at = address - region_.start;
                for (size_t i = at; i < at + bytes_; ++i)
                    if (!(region_.state[i / 4] >> (4 + i % 4) & 1)) stray(lane, address);
                fail(warp_, step_, 1u << lane, LaunchFailed,
                    "uninitialized read: " + spot(address) + ", which nothing has written");
            }

            [[noreturn, gnu::cold]] void collision(
                int lane, uint64_t address, uint64_t tag, const char* what, int line) const
            {
                std::string text = in_my_block(tag) ? "race within a block: " : "race between blocks: ";
                Dim block = block_.grid->place(Stamp::serial(tag) - block_.grid->first_serial);
                Dim size = block_.grid->block;
                uint32_t thread = Stamp::thread(tag);
                text += spot(address) + "\n  not ordered after " + what +
                        format(" by thread (%u,%u,%u) of block (%u,%u,%u)", thread % size.x, thread / size.x % size.y,
                            thread / size.x / size.y, block.x, block.y, block.z);
                if (line) text += " at " + place_of(*block_.grid->program->module, line);
                fail(warp_, step_, 1u << lane, LaunchFailed, text);
            }
        };
    }

    void check_global(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access)
    {
        if (warp.meter) warp.meter->global(warp, at, bytes);
        Checker checker(step, warp, bytes, access);
        checker.bounds(at);
        each_lane(warp.mask, [&](int lane) {
            if (bytes < 4)
                access.write ? checker.part_of_word<true>(lane, at[lane]) : checker.part_of_word<false>(lane, at[lane]);
            else access.write ? checker.words<true>(lane, at[lane]) : checker.words<false>(lane, at[lane]);
        });
    }

    void acquire(Warp& warp, int lane, uint64_t address)
    {
        auto& releases = warp.block->grid->releases;
        auto found = releases.find(address);
        if (found == releases.end()) return;
        auto& mine = warp.acquired[size_t(lane)];
        if (!mine) mine = std::make_unique<Clock>();
        mine->learn(found->second);
    }

    // Publishes the accesses before the latest fence: the lane's own, and those of the block that a barrier ordered
    // before it.
    void release(Warp& warp, int lane, uint64_t address)
    {
        BlockRun& block = *warp.block;
        auto& acquired = warp.acquired[size_t(lane)];
        if (!block.fenced && !acquired && block.known.empty()) return;
        Clock& clock = block.grid->releases[address];
        clock.learn(block.known);
        if (acquired) clock.learn(*acquired);
        clock.learn(
            block.serial, std::min(block.fenced, block.last_barrier), warp.thread(lane), warp.fenced[size_t(lane)]);
    }

    void fence(Warp& warp)
    {
        uint32_t now = warp.block->fenced = warp.block->tick();
        each_lane(warp.mask, [&](int lane) { warp.fenced[size_t(lane)] = now; });
    }
}
