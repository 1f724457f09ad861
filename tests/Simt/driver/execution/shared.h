// Shared memory: one copy, which belongs to the running block; in a cooperative launch, blocks take turns with it.
#pragma once
#include "../memory.h"
#include "../module.h"
#include <vector>

namespace simt
{
    class SharedMemory
    {
    public:
        // Larger than the most that a launch may ask for, so that an access beyond its end is detected.
        static constexpr size_t Reserve = 512 << 10;

        void* dynamic_start();
        // Places the kernel's variables and its dynamic part in the regions against which accesses are checked.
        void lay_out(Function& function, size_t dynamic_bytes);
        // For a new block, its shared memory is undefined, and filled with NaN.
        void renew();

        struct Piece
        {
            std::vector<char> data;
            std::vector<WordState> state;
            std::vector<Race> race;
        };
        std::vector<Piece> save() const;
        void restore(const std::vector<Piece>& pieces);

    private:
        struct Range
        {
            Region* region;
            uintptr_t start;
            size_t bytes;
            size_t first_word() const { return (start - region->start) / 4; }
            size_t words() const { return (start - region->start + bytes + 3) / 4 - first_word(); }
        };

        char* data_ = nullptr;
        std::vector<WordState> dynamic_state_, static_state_;
        std::vector<Race> dynamic_race_, static_race_;
        std::vector<Range> ranges_;
    };

    SharedMemory& shared_memory();
}
