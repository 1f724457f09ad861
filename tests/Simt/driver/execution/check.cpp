#include "check.h"
#include "../api.h"
#include "../module.h"
#include "../report.h"

namespace simt
{
    Reach reach;

    namespace
    {
        const char* kind(Access access)
        {
            return access.atomic  ? (access.write ? "an atomic write" : "an atomic read")
                   : access.write ? "a write"
                                  : "a read";
        }

        std::string spot(uintptr_t address, size_t bytes, Access access)
        {
            return format("%s of %zu byte%s at ", kind(access), bytes, bytes == 1 ? "" : "s") +
                   describe_address(address);
        }

        [[noreturn, gnu::cold]] void stray(uintptr_t address, size_t bytes, Access access, uintptr_t place)
        {
            fail(IllegalAddress, "out of bounds: " + spot(address, bytes, access), describe_place(place));
        }

        [[noreturn, gnu::cold]] void undefined(uintptr_t address, size_t bytes, Access access, uintptr_t place)
        {
            fail(LaunchFailed, "uninitialized read: " + spot(address, bytes, access) + ", which nothing has written",
                describe_place(place));
        }

        [[noreturn, gnu::cold]] void race(uintptr_t address, size_t bytes, Access access, uintptr_t place,
            uint64_t earlier, const char* what, uint32_t at)
        {
            bool same = Stamp::serial(earlier) == self->block->serial;
            std::string text = same ? "race within a block: " : "race between blocks: ";
            text += spot(address, bytes, access) + "\n  not ordered after " + what + " by " +
                    describe_other(Stamp::serial(earlier), Stamp::thread(earlier));
            if (at) text += " at " + describe_place(reach.image_start + at);
            fail(LaunchFailed, text, describe_place(place));
        }

        bool in_my_block(uint64_t stamp) { return Stamp::serial(stamp) == self->block->serial; }

        [[gnu::noinline]] bool ordered(uint64_t earlier)
        {
            if (!in_my_block(earlier))
                return self->block->known.knows(earlier) || (self->acquired && self->acquired->knows(earlier));
            uint32_t time = Stamp::time(earlier), thread = Stamp::thread(earlier);
            if (time < self->block->last_barrier) return true;
            return thread >> 5 == self->warp() && time < self->seen[thread & 31];
        }

        // True if the earlier access, of the same launch and of another thread, may collide with this one.
        bool concerns(uint64_t earlier, uint64_t mine, const Region& region)
        {
            return Stamp::who(earlier) != Stamp::who(mine) &&
                   Stamp::serial(earlier) - region.first_serial < region.serials;
        }

        // Certainly ordered before this access: this thread's, of the past, or before a barrier of this block.
        bool past(uint64_t earlier, uint64_t mine, const Region& region)
        {
            return !concerns(earlier, mine, region) ||
                   (in_my_block(earlier) && Stamp::time(earlier) < self->block->last_barrier);
        }

        bool collides(uint64_t earlier, uint64_t mine, const Region& region)
        {
            return !past(earlier, mine, region) && (earlier & mine & Stamp::Bytes) &&
                   !(earlier & mine & Stamp::Atomic) && !ordered(earlier);
        }

        // Merges one thread's accesses to several bytes of a word into one, which is atomic only if all were.
        uint64_t merge(uint64_t earlier, uint64_t mine)
        {
            bool same = Stamp::who_and_when(earlier) == Stamp::who_and_when(mine);
            return same ? (earlier | (mine & Stamp::Bytes)) & (mine | ~Stamp::Atomic) : mine;
        }

        // Keeps two readers, of two blocks if possible, otherwise of two warps. Any writer then collides with one of
        // them.
        void remember_reader(Race& word, uint64_t mine, const Region& region, uint32_t place)
        {
            uint64_t first = word.reader, second = word.other_reader;
            if (past(first, mine, region))
            {
                word.reader = merge(first, mine);
                word.reader_place = place;
                return;
            }
            bool same_warp = Stamp::warp(first) == Stamp::warp(second);
            bool same_block = Stamp::serial(first) == Stamp::serial(second);
            if (past(second, mine, region) || (same_block && !in_my_block(first)) ||
                (same_warp && Stamp::warp(mine) != Stamp::warp(first)))
                word.other_reader = mine;
            else if (same_warp && ordered(first))
            {
                word.reader = mine;
                word.reader_place = place;
            }
            else if (same_warp && ordered(second)) word.other_reader = mine;
        }

        // Atomics and volatile accesses leave stamps marked atomic: these do not collide with each other.
        template <bool Write>
        inline void check_race(
            Region& region, Race& word, uint64_t mine, uintptr_t address, size_t bytes, Access access, uintptr_t place)
        {
            uint32_t at = uint32_t(place - reach.image_start);
            if (__builtin_expect(collides(word.writer, mine, region), false))
                race(address, bytes, access, place, word.writer, "a write", word.writer_place);
            if (!Write)
            {
                if (word.reader != mine) remember_reader(word, mine, region, at);
                return;
            }
            if (__builtin_expect(collides(word.reader, mine, region), false))
                race(address, bytes, access, place, word.reader, "a read", word.reader_place);
            if (__builtin_expect(collides(word.other_reader, mine, region), false))
                race(address, bytes, access, place, word.other_reader, "a read", 0);
            word.writer = merge(word.writer, mine);
            word.writer_place = at;
            word.reader = word.other_reader = 0;
        }

        template <bool Write>
        inline void check_words(Region& region, uintptr_t address, size_t bytes, Access access, uintptr_t place)
        {
            size_t at = address - region.start, end = at + bytes;
            uint64_t stamp = self->stamp | (access.atomic ? Stamp::Atomic : 0);
            do {
                size_t word = at / 4, stop = word * 4 + 4 < end ? word * 4 + 4 : end;
                unsigned mask = ((1u << (stop - at)) - 1) << (at % 4), state = region.state[word];
                if (__builtin_expect((state >> 4 & mask) != mask, false)) stray(address, bytes, access, place);
                if (Write) region.state[word] = WordState(state | mask);
                else if (__builtin_expect((state & mask) != mask, false)) undefined(address, bytes, access, place);
                check_race<Write>(region, region.race[word], stamp | mask, address, bytes, access, place);
                at = stop;
            } while (at < end);
        }

        template <bool Write> inline void check_access(uintptr_t address, size_t bytes, Access access, uintptr_t place)
        {
            if (!self) return;
            // A large access that begins in a region may extend beyond it: its last words do not exist there either.
            if (reach.device.holds(address)) check_words<Write>(reach.device, address, bytes, access, place);
            else if (address - reach.stack_start < reach.stack_size) return;
            else if (reach.static_shared.holds(address))
                check_words<Write>(reach.static_shared, address, bytes, access, place);
            else if (reach.dynamic_shared.holds(address))
                check_words<Write>(reach.dynamic_shared, address, bytes, access, place);
            else if (address - reach.image_start >= reach.image_size) stray(address, bytes, access, place);
        }
    }

    void check(uintptr_t address, size_t bytes, Access access, uintptr_t place)
    {
        if (!bytes) return;
        if (access.write) check_access<true>(address, bytes, access, place);
        else check_access<false>(address, bytes, access, place);
    }

    namespace
    {
        template <size_t Bytes, bool Write> inline void hook(void* address, void* place)
        {
            check_access<Write>(
                reinterpret_cast<uintptr_t>(address), Bytes, {Write, false}, reinterpret_cast<uintptr_t>(place));
        }
    }
}

// The calls that g++ -fsanitize=thread inserts before every access; no libtsan is linked, they are implemented here.
#define SIMT_HOOKS(n)                                                                                                  \
    SIMT_API void __tsan_read##n(void* p) { simt::hook<n, false>(p, __builtin_return_address(0)); }                    \
    SIMT_API void __tsan_write##n(void* p) { simt::hook<n, true>(p, __builtin_return_address(0)); }                    \
    SIMT_API void __tsan_unaligned_read##n(void* p) { simt::hook<n, false>(p, __builtin_return_address(0)); }          \
    SIMT_API void __tsan_unaligned_write##n(void* p) { simt::hook<n, true>(p, __builtin_return_address(0)); }

SIMT_HOOKS(1)
SIMT_HOOKS(2)
SIMT_HOOKS(4)
SIMT_HOOKS(8)
SIMT_HOOKS(16)

SIMT_API void __tsan_init() {}
SIMT_API void __tsan_vptr_read(void*) {}
SIMT_API void __tsan_vptr_update(void*, void*) {}

SIMT_API void __tsan_read_range(void* p, size_t n)
{
    simt::check(
        reinterpret_cast<uintptr_t>(p), n, {false, false}, reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
}

SIMT_API void __tsan_write_range(void* p, size_t n)
{
    simt::check(
        reinterpret_cast<uintptr_t>(p), n, {true, false}, reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
}
