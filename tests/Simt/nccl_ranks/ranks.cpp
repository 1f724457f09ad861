// Several processes, each with a device of the double, that call NCCL in a given case: nccl-ranks CASE RANKS. Each
// writes a line: its rank, NCCL's result, CUDA's result, the report, and its final numbers.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace
{
    using Address = uintptr_t;
    using Handle = void*;

    enum
    {
        Int32 = 2,
        Float32 = 7,
        Float64 = 8,
        Sum = 0,
        Max = 2,
    };

    struct Id
    {
        char text[128];
    };

    std::string folder;

    void* symbol(const char* library, const char* name)
    {
        // NCCL's library needs CUDA's, which the loader finds once it is loaded.
        dlopen((folder + "/libcuda.so.1").c_str(), RTLD_NOW | RTLD_GLOBAL);
        void* loaded = dlopen((folder + "/" + library).c_str(), RTLD_NOW | RTLD_GLOBAL);
        void* found = loaded ? dlsym(loaded, name) : nullptr;
        if (!found) std::fprintf(stderr, "%s: %s\n", name, dlerror()), std::exit(2);
        return found;
    }

    template <class... T> int cuda(const char* name, T... arguments)
    {
        return reinterpret_cast<int (*)(T...)>(symbol("libcuda.so.1", name))(arguments...);
    }

    template <class... T> int nccl(const char* name, T... arguments)
    {
        return reinterpret_cast<int (*)(T...)>(symbol("libnccl.so.2", name))(arguments...);
    }

    struct Rank
    {
        int rank, ranks;
        Handle communicator = nullptr, stream = nullptr;
        int result = 0, code = 0;

        Address upload(const std::vector<float>& values)
        {
            Address address = 0;
            cuda("cuMemAlloc_v2", &address, values.size() * sizeof(float));
            cuda("cuMemcpyHtoD_v2", address, static_cast<const void*>(values.data()), values.size() * sizeof(float));
            return address;
        }

        std::string download(Address from, size_t count)
        {
            std::vector<float> values(count);
            if (cuda("cuMemcpyDtoH_v2", static_cast<void*>(values.data()), from, count * sizeof(float))) return " -";
            std::string text;
            for (float value : values) text += " " + std::to_string(int(value));
            return text;
        }

        void note(int returned)
        {
            if (!result) result = returned;
        }

        void all_reduce(Address values, size_t count, int type = Float32, int operation = Sum)
        {
            note(nccl("ncclAllReduce", values, values, count, type, operation, communicator, stream));
        }

        void all_gather(Address send, Address receive, size_t count)
        {
            note(nccl("ncclAllGather", send, receive, count, int(Float32), communicator, stream));
        }

        void wait() { code = cuda("cuStreamSynchronize", stream); }

        std::string run(const std::string& what);
    };

    std::string Rank::run(const std::string& what)
    {
        float own = float(rank + 1);
        Address x = upload({own, 10 * own, 100 * own}), y = upload(std::vector<float>(8, 0));
        size_t count = 3;
        if (what == "sum") all_reduce(x, 3);
        else if (what == "max") all_reduce(x, 3, Float32, Max);
        else if (what == "lazy")
        {
            all_reduce(x, 3);
            return download(x, 3);
        }
        else if (what == "broadcast")
            note(nccl("ncclBroadcast", x, x, size_t(3), int(Float32), ranks - 1, communicator, stream));
        else if (what == "gather")
        {
            all_gather(x, y, 2);
            x = y, count = 2 * size_t(ranks);
        }
        else if (what == "long")
        {
            // More elements than fit into the shared memory at once.
            x = upload(std::vector<float>(200'001, own));
            all_reduce(x, 200'001);
            x += 200'000 * sizeof(float), count = 1;
        }
        else if (what == "all-to-all" || what == "unmatched")
        {
            note(nccl("ncclGroupStart"));
            for (int peer = 0; peer < ranks; ++peer)
            {
                size_t expected = what == "unmatched" && rank == 1 ? 2 : 1;
                note(nccl("ncclSend", x + peer * 4, size_t(1), int(Float32), peer, communicator, stream));
                note(nccl("ncclRecv", y + peer * 8, expected, int(Float32), peer, communicator, stream));
            }
            note(nccl("ncclGroupEnd"));
            x = y, count = 2 * size_t(ranks);
        }
        else if (what == "graph")
        {
            Handle graph = nullptr, executable = nullptr;
            cuda("cuStreamBeginCapture_v2", stream, 1);
            all_reduce(x, 3);
            cuda("cuStreamEndCapture", stream, &graph);
            cuda("cuGraphInstantiateWithFlags", &executable, graph, 0ull);
            cuda("cuGraphLaunch", executable, stream);
            cuda("cuGraphLaunch", executable, stream);
        }
        else if (what == "count") all_reduce(x, rank == 1 ? 2 : 3);
        else if (what == "type") all_reduce(x, 2, rank == 1 ? Int32 : Float32);
        else if (what == "operation") all_reduce(x, 3, Float32, rank == 1 ? Max : Sum);
        else if (what == "order")
        {
            if (rank == 1) all_gather(x, y, 1);
            all_reduce(x, 3);
            if (rank != 1) all_gather(x, y, 1);
        }
        else if (what == "missing")
        {
            if (rank == 1) return "";
            all_reduce(x, 3);
        }
        else if (what == "beyond") all_reduce(x, 1'000'000);
        else if (what == "host")
        {
            float values[3] = {};
            all_reduce(Address(values), 3);
        }
        else if (what == "overlap") all_gather(x + 4, x, 1);
        else if (what == "no-type") all_reduce(x, 3, 99);
        else if (what == "no-stream") note(nccl("ncclAllReduce", x, x, size_t(3), int(Float32), int(Sum), communicator, Handle(8)));
        else if (what == "alone") note(nccl("ncclSend", x, size_t(1), int(Float32), 0, communicator, stream));
        else if (what == "end") note(nccl("ncclGroupEnd"));
        else if (what == "destroyed")
        {
            nccl("ncclCommDestroy", communicator);
            all_reduce(x, 3);
        }
        else std::fprintf(stderr, "There is no case %s.\n", what.c_str()), std::exit(2);
        wait();
        return download(x, count);
    }

    void be_rank(const std::string& what, int rank, int ranks, Id id)
    {
        Rank one{rank, ranks};
        Handle context = nullptr;
        cuda("cuInit", 0u);
        cuda("cuDevicePrimaryCtxRetain", &context, what == "device" ? 0 : rank);
        cuda("cuCtxPushCurrent_v2", context);
        cuda("cuStreamCreate", &one.stream, 1u);
        if (what == "capture") cuda("cuStreamBeginCapture_v2", one.stream, 1);
        auto join = reinterpret_cast<int (*)(Handle*, int, Id, int)>(symbol("libnccl.so.2", "ncclCommInitRank"));
        int said = what == "size" && rank == 1 ? ranks + 1 : ranks;
        one.note(join(&one.communicator, said, id, what == "twice" ? 0 : rank));
        std::string values = one.result ? "" : one.run(what);
        auto last = reinterpret_cast<const char* (*)(Handle)>(symbol("libnccl.so.2", "ncclGetLastError"));
        char report[1024] = "";
        cuda("simt_last_report", report, int(sizeof report));
        std::string line = "rank " + std::to_string(rank) + ": nccl " + std::to_string(one.result) + ", cuda " +
            std::to_string(one.code) + ";" + values + "; " + (one.result ? last(nullptr) : "") + report + "\n";
        if (write(1, line.data(), line.size()) < 0) std::exit(2);
        std::exit(0);
    }
}

int main(int count, char** words)
{
    std::string program = words[0];
    folder = program.substr(0, program.rfind('/'));
    int ranks = count > 2 ? std::atoi(words[2]) : 2;
    if (count < 2 || ranks < 1) return std::fprintf(stderr, "nccl-ranks CASE [RANKS]\n"), 2;
    setenv("SIMT_DEVICES", std::to_string(ranks).c_str(), 1);

    // A separate process makes the number: a process that forks must not have started CUDA.
    int pipes[2];
    if (pipe(pipes)) return 2;
    if (!fork())
    {
        Id id;
        nccl("ncclGetUniqueId", &id);
        for (int rank = 0; rank < ranks; ++rank)
            if (write(pipes[1], &id, sizeof id) != sizeof id) std::exit(2);
        std::exit(0);
    }
    for (int rank = 0; rank < ranks; ++rank)
        if (!fork())
        {
            Id id;
            close(pipes[1]);
            if (read(pipes[0], &id, sizeof id) != sizeof id) std::exit(2);
            be_rank(words[1], rank, ranks, id);
        }
    close(pipes[1]);
    int status, worst = 0;
    while (wait(&status) > 0) worst = worst ? worst : !WIFEXITED(status) ? 3 : WEXITSTATUS(status);
    return worst;
}
