#include "exchange.h"
#include <algorithm>
#include <cstring>

extern "C"
{
    void simt_mark_written(uintptr_t address, size_t bytes);
    void simt_report(const char* text);
}

namespace simt_nccl
{
    namespace
    {
        constexpr int LaunchFailed = 719;

        enum Type
        {
            Int8 = 0,
            Uint8 = 1,
            Int32 = 2,
            Float32 = 7,
            Float64 = 8,
        };

        const void* at(Address address) { return reinterpret_cast<const void*>(address); }

        void put(Address to, const void* from, size_t bytes)
        {
            std::memcpy(reinterpret_cast<void*>(to), from, bytes);
            simt_mark_written(to, bytes);
        }

        // Combines the values of all ranks, in the order of the ranks.
        template <class T> void combine(const SharedState& state, int ranks, size_t bytes, bool is_max, Address to)
        {
            std::vector<T> result(bytes / sizeof(T));
            std::memcpy(result.data(), state.chunks[0], bytes);
            for (int rank = 1; rank < ranks; ++rank)
                for (size_t i = 0; i < result.size(); ++i)
                {
                    T other = reinterpret_cast<const T*>(state.chunks[rank])[i];
                    result[i] = is_max ? std::max(result[i], other) : result[i] + other;
                }
            put(to, result.data(), bytes);
        }

        std::string describe(int rank, const Post& post)
        {
            std::string text = "rank " + std::to_string(rank) + " calls " + name_of(post.kind);
            if (post.kind == SendReceive) return text;
            text += " of " + std::to_string(post.count) + " elements of type " + std::to_string(post.type);
            if (post.kind == AllReduce) text += " with operation " + std::to_string(post.operation);
            if (post.kind == Broadcast) text += " from rank " + std::to_string(post.root);
            return text;
        }

        bool same(const Post& a, const Post& b)
        {
            return a.kind == b.kind &&
                (a.kind == SendReceive ||
                    (a.count == b.count && a.type == b.type && a.operation == b.operation && a.root == b.root));
        }
    }

    size_t size_of(int type)
    {
        constexpr size_t sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};
        return type >= 0 && type < int(std::size(sizes)) ? sizes[type] : 0;
    }

    const char* name_of(int kind)
    {
        constexpr const char* names[] = {"ncclAllReduce", "ncclBroadcast", "ncclAllGather", "ncclSend and ncclRecv"};
        return names[kind];
    }

    int Exchange::run()
    {
        Post& post = team->state().posts[team->rank()];
        post.count = count;
        post.kind = kind, post.type = type, post.operation = operation, post.root = root;
        std::fill_n(post.to, MaxRanks, 0);
        std::fill_n(post.from, MaxRanks, 0);
        for (const Transfer& transfer : transfers) {
            (transfer.sends ? post.to : post.from)[transfer.peer] = transfer.bytes;
        }

        std::string why;
        // After they have met once more, none still reads what the others posted.
        bool good = team->meet(name_of(kind), why) && agree(why);
        size_t longest = good ? longest_transfer() : 0;
        good = good && team->meet(name_of(kind), why) && exchange(longest, why);
        if (good) return 0;
        simt_report(why.c_str());
        return LaunchFailed;
    }

    bool Exchange::exchange(size_t longest, std::string& why) const
    {
        switch (kind)
        {
            case AllReduce: return reduce(why);
            case Broadcast: return broadcast(why);
            case AllGather: return gather(why);
            default: return transfer(longest, why);
        }
    }

    bool Exchange::agree(std::string& why) const
    {
        const SharedState& state = team->state();
        for (int rank = 1; rank < team->size(); ++rank)
            if (!same(state.posts[0], state.posts[rank]))
            {
                why = "the ranks do not do the same: " + describe(0, state.posts[0]) + ", " +
                    describe(rank, state.posts[rank]);
                return false;
            }
        return kind != SendReceive || agree_on_transfers(why);
    }

    bool Exchange::agree_on_transfers(std::string& why) const
    {
        const SharedState& state = team->state();
        for (int a = 0; a < team->size(); ++a)
            for (int b = 0; b < team->size(); ++b)
                if (uint64_t sent = state.posts[a].to[b], expected = state.posts[b].from[a]; sent != expected)
                {
                    why = "rank " + std::to_string(a) + " sends " + std::to_string(sent) + " bytes to rank " +
                        std::to_string(b) + ", which expects " + std::to_string(expected);
                    return false;
                }
        return true;
    }

    size_t Exchange::longest_transfer() const
    {
        size_t largest = 0;
        for (int rank = 0; rank < team->size(); ++rank)
        {
            const Post& post = team->state().posts[rank];
            largest = std::max(largest, size_t(*std::max_element(post.to, post.to + MaxRanks)));
        }
        return largest;
    }

    // All ranks show a part, all read it, and only then the next part follows.
    bool Exchange::reduce(std::string& why) const
    {
        SharedState& state = team->state();
        size_t bytes = count * size_of(type);
        for (size_t done = 0; done < bytes; done += ChunkBytes)
        {
            size_t part = std::min(ChunkBytes, bytes - done);
            std::memcpy(state.chunks[team->rank()], at(send + done), part);
            if (!team->meet("ncclAllReduce", why)) return false;
            bool is_max = operation == 2;
            if (type == Float32) combine<float>(state, team->size(), part, is_max, receive + done);
            else if (type == Float64) combine<double>(state, team->size(), part, is_max, receive + done);
            else combine<int>(state, team->size(), part, is_max, receive + done);
            if (!team->meet("ncclAllReduce", why)) return false;
        }
        return true;
    }

    bool Exchange::broadcast(std::string& why) const
    {
        SharedState& state = team->state();
        size_t bytes = count * size_of(type);
        for (size_t done = 0; done < bytes; done += ChunkBytes)
        {
            size_t part = std::min(ChunkBytes, bytes - done);
            if (team->rank() == root) std::memcpy(state.chunks[root], at(send + done), part);
            if (!team->meet("ncclBroadcast", why)) return false;
            put(receive + done, state.chunks[root], part);
            if (!team->meet("ncclBroadcast", why)) return false;
        }
        return true;
    }

    bool Exchange::gather(std::string& why) const
    {
        SharedState& state = team->state();
        size_t bytes = count * size_of(type);
        for (size_t done = 0; done < bytes; done += ChunkBytes)
        {
            size_t part = std::min(ChunkBytes, bytes - done);
            std::memcpy(state.chunks[team->rank()], at(send + done), part);
            if (!team->meet("ncclAllGather", why)) return false;
            for (int rank = 0; rank < team->size(); ++rank)
                put(receive + rank * bytes + done, state.chunks[rank], part);
            if (!team->meet("ncclAllGather", why)) return false;
        }
        return true;
    }

    bool Exchange::transfer(size_t longest, std::string& why) const
    {
        SharedState& state = team->state();
        // A rank's part of a chunk, for each rank that it may send to.
        size_t capacity = ChunkBytes / team->size();
        for (size_t done = 0; done < longest; done += capacity)
        {
            for (const Transfer& each : transfers)
                if (each.sends && done < each.bytes)
                    std::memcpy(state.chunks[team->rank()] + each.peer * capacity, at(each.address + done),
                        std::min(capacity, each.bytes - done));
            if (!team->meet("ncclSend and ncclRecv", why)) return false;
            for (const Transfer& each : transfers)
                if (!each.sends && done < each.bytes)
                    put(each.address + done, state.chunks[each.peer] + team->rank() * capacity,
                        std::min(capacity, each.bytes - done));
            if (!team->meet("ncclSend and ncclRecv", why)) return false;
        }
        return true;
    }
}
