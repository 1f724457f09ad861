// The work in a stream: an exchange among all ranks of a team.
#pragma once
#include "team.h"
#include <vector>

namespace simt_nccl
{
    using Address = uintptr_t;

    enum Kind
    {
        AllReduce,
        Broadcast,
        AllGather,
        SendReceive,
    };

    // The bytes of an element of a type; 0 if it is no type.
    size_t size_of(int type);
    const char* name_of(int kind);

    struct Transfer
    {
        Address address;
        size_t bytes;
        int peer;
        bool sends;
    };

    struct Exchange
    {
        std::shared_ptr<Team> team;
        Kind kind;
        Address send, receive;
        size_t count;
        int type, operation, root;
        // For a group of sends and receives.
        std::vector<Transfer> transfers;

        // Returns a driver's error code.
        int run();

    private:
        bool agree(std::string& why) const;
        bool agree_on_transfers(std::string& why) const;
        bool reduce(std::string& why) const;
        bool gather(std::string& why) const;
        bool broadcast(std::string& why) const;
        bool transfer(size_t longest, std::string& why) const;
        bool exchange(size_t longest, std::string& why) const;
        size_t longest_transfer() const;
    };
}
