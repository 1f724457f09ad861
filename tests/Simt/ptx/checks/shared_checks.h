// The last accesses of each word of a block's shared memory, and which bytes were ever written: detects undefined
// reads, and accesses of two threads that no barrier orders.
#pragma once
#include "../../driver/memory.h"
#include <cstdint>
#include <vector>

namespace simt::ptx
{
    struct Program;
    struct Step;
    struct Warp;

    class SharedChecks
    {
    public:
        // A tag: the time and the thread. Groups of threads have numbers above those of single threads.
        static constexpr unsigned WhoBits = 11;
        static constexpr uint32_t WhoMask = (1u << WhoBits) - 1, LastTime = (1u << (32 - WhoBits)) - 1;
        static constexpr uint32_t SeveralOfWarp = 1024, SeveralWarps = 1056, Atomically = 1057, ByBytes = 1058;

        void prepare(const Program& program, uint64_t dynamic_start, uint64_t dynamic_bytes);
        // For a new block, its shared memory is undefined.
        void start_block();
        // Orders all earlier accesses before all later ones.
        void open_barrier() { floor_ = tick() << WhoBits; }
        uint32_t tick();

        // Checks an access of each lane of the warp's mask and remembers it. Its addresses are within bounds and
        // aligned.
        void read(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes);
        void write(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes);
        // Between the start of an asynchronous copy and the wait for it, its destination is undefined.
        void undefine(uint32_t at, unsigned bytes);
        bool exists(uint32_t at, unsigned bytes) const;

    private:
        // Which lanes read the same place. Loops read with one pattern again and again, only from another start.
        struct Pattern
        {
            uint32_t relative[32];
            uint8_t first[32]; // a lane for each place
            bool alone[32];    // whether no other lane reads it
            int places = 0;    // 0: not known yet
        };
        static constexpr size_t Patterns = 8;
        Pattern patterns_[Patterns];

        // One byte for each word: the upper half says which of its bytes exist, the lower which were written.
        std::vector<WordState> state_, fresh_;
        std::vector<uint32_t> writer_, reader_;
        std::vector<int32_t> writer_line_;
        // For words that some threads access byte by byte.
        std::vector<uint32_t> byte_writer_, byte_reader_;
        uint32_t time_ = 1, floor_ = 0;

        template <bool Write> void access(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes);
        template <int Words> bool read_places(const Warp& warp, const uint32_t* at, const Pattern& pattern);
        const Pattern& pattern_of(const Step& step, const uint32_t* at, unsigned bytes);
        template <bool Write> bool contiguous(Warp& warp, const uint32_t* at, int32_t line);
        template <bool Write, int Words>
        void words(const Step& step, Warp& warp, int lane, uint32_t at, uint32_t now);
        template <bool Write> void part_of_word(const Step& step, Warp& warp, int lane, uint32_t at, unsigned bytes);
        void one_by_one(const Step& step, Warp& warp, int lane, uint32_t word, bool write);
        bool collides(uint32_t tag, const Warp& warp, int lane) const;
        uint32_t merged(uint32_t reader, const Warp& warp, int lane, uint32_t now) const;
        void split(uint32_t word);

        [[noreturn]] void undefined(const Step& step, Warp& warp, int lane, uint32_t at, unsigned bytes) const;
        [[noreturn]] void race(const Step& step, Warp& warp, int lane, uint32_t at, bool write, uint32_t other,
            bool other_wrote, int32_t line) const;
    };
}
