// The processes of a communicator; they meet in shared memory.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace simt_nccl
{
    constexpr int MaxRanks = 16;
    constexpr size_t ChunkBytes = 256 << 10;

    // What a rank is about to do; all ranks must be about to do the same.
    struct Post
    {
        uint64_t sequence, count;
        int kind, type, operation, root;
        // For a group of sends and receives: the bytes to send to each rank, and those expected from it.
        uint64_t to[MaxRanks], from[MaxRanks];
    };

    struct SharedState
    {
        std::atomic<uint32_t> arrived, generation, size;
        std::atomic<int> taken[MaxRanks];
        int device[MaxRanks];
        Post posts[MaxRanks];
        char chunks[MaxRanks][ChunkBytes];
    };

    class Team
    {
    public:
        // Null, with the reason, if the ranks cannot come together.
        static std::shared_ptr<Team> join(
            const std::string& name, int rank, int size, int device, std::string& why);
        ~Team();

        int rank() const { return rank_; }
        int size() const { return size_; }
        SharedState& state() const { return *state_; }
        // Waits until all are here; false if one does not arrive in time, which `why` names.
        bool meet(const char* what, std::string& why);

        uint64_t sequence = 0;

    private:
        Team() = default;

        SharedState* state_ = nullptr;
        int rank_ = 0, size_ = 0;
        uint64_t meetings_ = 0;
    };
}
