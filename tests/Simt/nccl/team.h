// The processes of a communicator, which meet in shared memory.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace simt_nccl
{
    constexpr int MostRanks = 16;
    constexpr size_t ChunkBytes = 256 << 10;

    // What a rank is about to do; all must be about to do the same.
    struct Post
    {
        uint64_t sequence, count;
        int kind, type, operation, root;
        // Of a group of sends and receives: how many bytes go to each rank, and are expected from it.
        uint64_t to[MostRanks], from[MostRanks];
    };

    struct Hall
    {
        std::atomic<uint32_t> arrived, generation, size;
        std::atomic<int> taken[MostRanks];
        int device[MostRanks];
        Post posts[MostRanks];
        char chunks[MostRanks][ChunkBytes];
    };

    class Team
    {
    public:
        // Null, and why, where the ranks cannot come together.
        static std::shared_ptr<Team> join(
            const std::string& name, int rank, int size, int device, std::string& why);
        ~Team();

        int rank() const { return rank_; }
        int size() const { return size_; }
        Hall& hall() const { return *hall_; }
        // Waits until all are here; false where one does not come in time, and `why` says which.
        bool meet(const char* what, std::string& why);

        uint64_t sequence = 0;

    private:
        Team() = default;

        Hall* hall_ = nullptr;
        int rank_ = 0, size_ = 0;
        uint64_t meetings_ = 0;
    };
}
