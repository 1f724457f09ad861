#include "team.h"
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

namespace simt_nccl
{
    namespace
    {
        double limit()
        {
            const char* text = std::getenv("SIMT_NCCL_SECONDS");
            return text && *text ? std::strtod(text, nullptr) : 60;
        }

        // Yields the processor to the others, and sleeps after a while.
        void pause(int round)
        {
            timespec rest{0, 50'000};
            if (round < 1000) sched_yield();
            else nanosleep(&rest, nullptr);
        }
    }

    std::shared_ptr<Team> Team::join(const std::string& name, int rank, int size, int device, std::string& why)
    {
        int file = shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
        if (file < 0 || ftruncate(file, sizeof(SharedState)))
        {
            why = std::string("there is no shared memory: ") + std::strerror(errno);
            if (file >= 0) close(file);
            return nullptr;
        }
        void* memory = mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (memory == MAP_FAILED)
        {
            why = "shared memory cannot be mapped";
            return nullptr;
        }
        std::shared_ptr<Team> team(new Team);
        team->state_ = static_cast<SharedState*>(memory);
        team->rank_ = rank;
        team->size_ = size;
        SharedState& state = *team->state_;
        uint32_t none = 0;
        if (!state.size.compare_exchange_strong(none, uint32_t(size)) && none != uint32_t(size))
        {
            why = "one rank said that there are " + std::to_string(none) + ", and another that there are " +
                std::to_string(size);
            return nullptr;
        }
        if (state.taken[rank].exchange(1))
        {
            why = "there are two ranks " + std::to_string(rank);
            return nullptr;
        }
        state.device[rank] = device;
        bool met = team->meet("ncclCommInitRank", why);
        if (rank == 0 || !met) shm_unlink(name.c_str());
        if (!met) return nullptr;
        for (int a = 0; a < size; ++a)
            for (int b = 0; b < a; ++b)
                if (state.device[a] == state.device[b])
                {
                    why = "Duplicate GPU detected: ranks " + std::to_string(b) + " and " + std::to_string(a) +
                        " both are on device " + std::to_string(state.device[a]);
                    return nullptr;
                }
        return team;
    }

    Team::~Team()
    {
        if (state_) munmap(state_, sizeof(SharedState));
    }

    bool Team::meet(const char* what, std::string& why)
    {
        ++meetings_;
        state_->posts[rank_].sequence = meetings_;
        uint32_t generation = state_->generation.load();
        if (state_->arrived.fetch_add(1) + 1 == uint32_t(size_))
        {
            state_->arrived.store(0);
            state_->generation.fetch_add(1);
            return true;
        }
        auto start = std::chrono::steady_clock::now();
        for (int round = 0; state_->generation.load() == generation; ++round)
        {
            std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
            if (waited.count() > limit())
            {
                why = "rank " + std::to_string(rank_) + " waits in " + what + ", and does not see rank";
                for (int other = 0; other < size_; ++other)
                    if (state_->posts[other].sequence < meetings_) why += " " + std::to_string(other);
                return false;
            }
            pause(round);
        }
        return true;
    }
}
