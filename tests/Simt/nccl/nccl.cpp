// libnccl: the functions that the engine calls, among processes of one machine that each have the double of CUDA.
// Exchanges are done when their stream reaches them. NCCL itself makes few of the checks here: it hangs, or gives wrong
// results.
#include "exchange.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <set>

#define NCCL_API extern "C" __attribute__((visibility("default")))

using namespace simt_nccl;

extern "C"
{
    int cuCtxGetCurrent(void** context);
    int cuCtxGetDevice(int* device);
    int cuMemAlloc_v2(Address* address, size_t bytes);
    int cuMemFree_v2(Address address);
    int simt_enqueue(void* stream, int (*work)(void*), void (*drop)(void*), void* data);
    int simt_is_device_memory(Address address, size_t bytes);
}

namespace
{
    enum Result
    {
        Success = 0,
        UnhandledCudaError = 1,
        SystemError = 2,
        InvalidArgument = 4,
        InvalidUsage = 5,
    };

    struct UniqueId
    {
        char text[128];
    };

    struct Communicator
    {
        std::shared_ptr<Team> team;
    };

    std::set<Communicator*> live;
    std::string latest;

    struct Grouped
    {
        Communicator* communicator;
        void* stream;
        Transfer transfer;
    };

    int depth;
    std::vector<Grouped> grouped;

    Result refuse(Result result, const std::string& why)
    {
        latest = why;
        return result;
    }

    Result check(Communicator* communicator, int type, int root)
    {
        if (!live.count(communicator)) return refuse(InvalidArgument, "this is no communicator, or it was destroyed");
        if (!size_of(type)) return refuse(InvalidArgument, "there is no type " + std::to_string(type));
        if (root < 0 || root >= communicator->team->size())
            return refuse(InvalidArgument, "there is no rank " + std::to_string(root));
        return Success;
    }

    Result check_memory(Address address, size_t bytes)
    {
        char text[128];
        if (simt_is_device_memory(address, bytes)) return Success;
        std::snprintf(text, sizeof text, "%zu bytes at 0x%lx are not memory of the device", bytes, long(address));
        return refuse(InvalidArgument, text);
    }

    Result enqueue(Exchange exchange, void* stream)
    {
        int code = simt_enqueue(
            stream, [](void* data) { return static_cast<Exchange*>(data)->run(); },
            [](void* data) { delete static_cast<Exchange*>(data); }, new Exchange(std::move(exchange)));
        return code ? refuse(UnhandledCudaError, "the stream takes nothing: CUDA error " + std::to_string(code)) : Success;
    }

    Result collective(Kind kind, Address send, Address receive, size_t count, int type, int operation, int root,
        Communicator* communicator, void* stream)
    {
        if (Result result = check(communicator, type, root)) return result;
        if (depth) return refuse(InvalidUsage, "the double takes groups of ncclSend and ncclRecv alone");
        size_t bytes = count * size_of(type);
        Team& team = *communicator->team;
        size_t received = kind == AllGather ? bytes * team.size() : bytes;
        if (kind == AllReduce && (operation != 0 && operation != 2))
            return refuse(InvalidArgument, "the double sums and takes maxima alone");
        if (kind == AllReduce && type != 2 && type != 7 && type != 8)
            return refuse(InvalidArgument, "the double sums int32, float32 and float64 alone");
        // In a broadcast, only the root's memory is read.
        if (kind != Broadcast || team.rank() == root)
            if (Result result = check_memory(send, bytes)) return result;
        if (Result result = check_memory(receive, received)) return result;
        Address in_place = kind == AllGather ? receive + team.rank() * bytes : receive;
        if (send != in_place && send < receive + received && receive < send + bytes)
        {
            char text[160];
            std::snprintf(text, sizeof text,
                "%zu bytes at 0x%lx are sent and %zu at 0x%lx received, which overlap and are not in place", bytes,
                long(send), received, long(receive));
            return refuse(InvalidArgument, text);
        }
        return enqueue({communicator->team, kind, send, receive, count, type, operation, root, {}}, stream);
    }

    Result point_to_point(
        Address address, size_t count, int type, int peer, Communicator* communicator, void* stream, bool sends)
    {
        if (Result result = check(communicator, type, peer)) return result;
        size_t bytes = count * size_of(type);
        if (Result result = check_memory(address, bytes)) return result;
        for (Grouped& other : grouped)
            if (other.transfer.peer == peer && other.transfer.sends == sends)
                return refuse(InvalidUsage, "the double takes one message to and one from each rank in a group");
        grouped.push_back({communicator, stream, {address, bytes, peer, sends}});
        if (depth) return Success;
        grouped.clear();
        return refuse(InvalidUsage, "ncclSend and ncclRecv outside a group wait for each other for ever");
    }
}

NCCL_API int ncclGetVersion(int* version)
{
    const char* said = std::getenv("SIMT_NCCL_VERSION");
    *version = said && *said ? std::atoi(said) : 22203;
    return Success;
}

NCCL_API const char* ncclGetErrorString(int result)
{
    switch (result)
    {
        case Success: return "no error";
        case UnhandledCudaError: return "unhandled cuda error";
        case SystemError: return "unhandled system error";
        case InvalidArgument: return "invalid argument";
        case InvalidUsage: return "invalid usage";
        default: return "unknown result code";
    }
}

NCCL_API const char* ncclGetLastError(Communicator*) { return latest.c_str(); }

NCCL_API int ncclGetUniqueId(UniqueId* id)
{
    // A unique name, from the system's random numbers.
    std::string text;
    std::ifstream("/proc/sys/kernel/random/uuid") >> text;
    if (text.empty()) return refuse(SystemError, "the system draws no numbers");
    std::memset(id, 0, sizeof *id);
    std::snprintf(id->text, sizeof id->text, "/simt-nccl-%s", text.c_str());
    return Success;
}

NCCL_API int ncclCommInitRank(Communicator** result, int ranks, UniqueId id, int rank)
{
    void* context = nullptr;
    int device = 0;
    Address probe = 0;
    if (depth) return refuse(InvalidUsage, "the double makes no communicators in a group");
    if (ranks < 1 || ranks > MaxRanks || rank < 0 || rank >= ranks)
        return refuse(InvalidArgument, "there is no rank " + std::to_string(rank) + " of " + std::to_string(ranks));
    if (std::strncmp(id.text, "/simt-nccl-", 11)) return refuse(InvalidArgument, "this is no number of ncclGetUniqueId");
    if (cuCtxGetCurrent(&context) || !context || cuCtxGetDevice(&device))
        return refuse(UnhandledCudaError, "the thread has no context");
    // NCCL allocates memory, which no capture allows.
    if (int code = cuMemAlloc_v2(&probe, 256))
        return refuse(UnhandledCudaError, "memory cannot be allocated: CUDA error " + std::to_string(code));
    cuMemFree_v2(probe);
    std::string why;
    std::shared_ptr<Team> team = Team::join(id.text, rank, ranks, device, why);
    if (!team) return refuse(InvalidUsage, why);
    *result = new Communicator{team};
    live.insert(*result);
    return Success;
}

NCCL_API int ncclCommDestroy(Communicator* communicator)
{
    if (!live.erase(communicator)) return refuse(InvalidArgument, "this is no communicator, or it was destroyed");
    delete communicator;
    return Success;
}

NCCL_API int ncclAllReduce(Address send, Address receive, size_t count, int type, int operation,
    Communicator* communicator, void* stream)
{
    return collective(AllReduce, send, receive, count, type, operation, 0, communicator, stream);
}

NCCL_API int ncclBroadcast(
    Address send, Address receive, size_t count, int type, int root, Communicator* communicator, void* stream)
{
    return collective(Broadcast, send, receive, count, type, 0, root, communicator, stream);
}

NCCL_API int ncclAllGather(
    Address send, Address receive, size_t count, int type, Communicator* communicator, void* stream)
{
    return collective(AllGather, send, receive, count, type, 0, 0, communicator, stream);
}

NCCL_API int ncclSend(Address send, size_t count, int type, int peer, Communicator* communicator, void* stream)
{
    return point_to_point(send, count, type, peer, communicator, stream, true);
}

NCCL_API int ncclRecv(Address receive, size_t count, int type, int peer, Communicator* communicator, void* stream)
{
    return point_to_point(receive, count, type, peer, communicator, stream, false);
}

NCCL_API int ncclGroupStart()
{
    ++depth;
    return Success;
}

NCCL_API int ncclGroupEnd()
{
    if (!depth) return refuse(InvalidUsage, "a group ends that has not begun");
    if (--depth || grouped.empty()) return Success;
    std::vector<Grouped> all = std::move(grouped);
    grouped.clear();
    Exchange exchange{all[0].communicator->team, SendReceive, 0, 0, 0, 0, 0, 0, {}};
    for (Grouped& each : all)
    {
        if (each.communicator != all[0].communicator || each.stream != all[0].stream)
            return refuse(InvalidUsage, "the double takes groups of one communicator in one stream alone");
        exchange.transfers.push_back(each.transfer);
    }
    return enqueue(std::move(exchange), all[0].stream);
}

NCCL_API long long simt_live_nccl() { return (long long)live.size(); }
